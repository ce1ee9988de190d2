"""The pictures of a study: every arm through one and the same way to a PNG that tells nothing but its
pixels.
"""

import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from snapgui.audit.settings import SNAP as SNAP_CONDITION
from snapgui.audit.store import read_rows
from snapgui.engine.cells.outlines import read_mask
from snapgui.engine.images import encode_png, read_pixels, sha256
from snapgui.engine.settings import TextureName
from snapgui.engine.sham import Pixels, Source, change_levels, is_fooled, make_sham
from snapgui.engine.victim.victim import Victim
from snapgui.runs.store import read_run
from snapgui.study.records import (
    OBVIOUS,
    SHAM,
    SNAP,
    UNTOUCHED,
    Arm,
    Stimulus,
    StudyError,
    Use,
    stimulus_id,
)

if TYPE_CHECKING:
    import pandas as pd

_BLOCK = 65535


def source_from_run(folder: Path) -> Source:
    """A source from the folder of a saved run; raises DataError if that is gone or damaged."""
    run = read_run(folder)
    request = run.request
    return Source(
        run.run_id,
        request.pixels,
        run.adversarial,
        request.mask,
        request.true_class,
        texture=request.attack.texture,
    )


def kept_pictures(folder: Path, *, flipped_only: bool = True) -> "pd.DataFrame":
    """Rows (id, label, flipped, picture) of the SNAP pictures that a finished audit kept; raises DataError
    where there is no table.
    """
    rows = read_rows(folder, ["id", "label", "condition", "flipped", "picture"])
    rows = rows[(rows.condition == SNAP_CONDITION) & rows.picture.notna()]
    return rows[rows.flipped.astype(bool)] if flipped_only else rows


def source_from_audit(
    folder: Path, name: str, label: int, picture: str, pixels: Pixels, texture: TextureName = "free"
) -> Source:
    """A source from a SNAP picture of an audit, the untouched pixels beside it; raises DataError where a file
    is gone.
    """
    path = folder / "pictures" / picture
    mask = read_mask(
        read_bytes(path.with_name(f"{path.stem}-mask.png")), shape=(pixels.shape[0], pixels.shape[1])
    )
    return Source(name, pixels, read_pixels(path), mask, label, texture=texture)


def make_stimuli(
    sources: Sequence[Source],
    arms: Sequence[Arm],
    *,
    seed: int,
    use: Use = "main",
    victim: Victim | None = None,
) -> tuple[list[Stimulus], dict[str, bytes]]:
    """The stimuli of some sources under some arms, and their files by name.

    Raises:
        StudyError: pictures of several sizes (their byte counts would differ), or an arm that a source does
            not have.
    """
    if len({source.pixels.shape for source in sources}) > 1:
        raise StudyError(
            "The pictures are of several sizes, which would tell them apart. Choose sources of one size."
        )
    stimuli: list[Stimulus] = []
    files: dict[str, bytes] = {}
    for source in sources:
        for arm in arms:
            pixels, details = _picture(source, arm, seed, victim)
            name = stimulus_id(seed, use, source.name, arm.name)
            stimulus = Stimulus(name, source.name, arm, source.truth, use, details=details)
            own = {
                stimulus.picture: encode_stimulus(pixels),
                stimulus.mask: encode_png(source.mask.astype(np.uint8) * 255),
            }
            stimulus.files.update({file: sha256(data) for file, data in own.items()})
            stimuli.append(stimulus)
            files |= own
    return stimuli, files


def make_stimulus_pixels(source: Source, arm: Arm, *, seed: int = 0) -> Pixels:
    """A source as an arm shows it, no model asked; raises StudyError for an arm that it does not have."""
    return _picture(source, arm, seed, None)[0]


def _picture(source: Source, arm: Arm, seed: int, victim: Victim | None) -> tuple[Pixels, dict[str, Any]]:
    if arm == UNTOUCHED:
        return source.pixels, {}
    details: dict[str, Any] = {}
    if arm == SHAM:
        sham = make_sham(source, seed=seed, victim=victim)
        pixels = sham.pixels
        details = {
            "gap_levels": sham.gap_levels,
            "fooled": sham.fooled,
            "first_fooled": sham.first_fooled,
            "tries": sham.attempt + 1,
        }
    elif arm == SNAP:
        pixels = source.snap
        if victim is not None:
            details["fooled"] = is_fooled(victim, source.pixels, [pixels])[0]
    elif arm == OBVIOUS:
        pixels = np.where(source.mask[..., None], 255 - source.pixels, source.pixels)
    elif arm.name in source.others:
        pixels = source.others[arm.name]
    else:
        raise StudyError(
            f"{source.name} has no picture for “{arm.name}”; it has "
            f"{', '.join(['untouched', 'SNAP', 'sham', *source.others])}."
        )
    return pixels, details | {"mean_change_levels": change_levels(source, pixels)}


def encode_stimulus(pixels: Pixels) -> bytes:
    """uint8 RGB ``(H, W, 3)`` as a PNG whose size depends on height and width alone, with no text, time or
    other chunk.

    The rows are stored, neither filtered nor compressed. Padding a compressed file would hide the size of the
    file but not that of the compressed part within it; stored, every byte that is not a pixel (or a checksum
    of pixels) is the same for all pictures of a size, whichever arm they belong to.
    """
    height, width = pixels.shape[:2]
    rows = np.zeros((height, 1 + 3 * width), dtype=np.uint8)
    rows[:, 1:] = pixels.reshape(height, -1)
    raw = rows.tobytes()
    blocks = [raw[start : start + _BLOCK] for start in range(0, len(raw), _BLOCK)]
    stored = b"".join(
        struct.pack("<BHH", i == len(blocks) - 1, len(block), len(block) ^ 0xFFFF) + block
        for i, block in enumerate(blocks)
    )
    data = b"\x78\x01" + stored + struct.pack(">I", zlib.adler32(raw))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def read_bytes(path: Path) -> bytes:
    """A file's bytes; raises StudyError where it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise StudyError(
            f"{path.name} cannot be read ({error.strerror}). The study or audit that it belongs to "
            "is damaged."
        ) from error
