import io
import struct
import zlib
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from snapgui.data.datasets import PatchSet
from snapgui.engine.cells.outlines import draw_mask
from snapgui.engine.cells.proposals import propose_cells
from snapgui.engine.images import decode_pixels, sha256, to_image
from snapgui.engine.presets import PRESETS
from snapgui.engine.settings import AttackSettings, CellSettings
from snapgui.engine.sham import Source, change_levels, is_fooled, make_sham
from snapgui.progress import drain
from snapgui.report.verify.retouch import beyond_bound
from snapgui.runs.records import RunRequest
from snapgui.runs.run import run_snap
from snapgui.runs.store import save_run
from snapgui.study.pictures.stimuli import (
    encode_stimulus,
    kept_pictures,
    make_stimuli,
    source_from_audit,
    source_from_run,
)
from snapgui.study.records import OBVIOUS, SHAM, SNAP, UNTOUCHED, Arm, StudyError


def chunks(png: bytes) -> list[tuple[bytes, bytes]]:
    found, at = [], 8
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        kind, data = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        assert struct.unpack(">I", png[at + 8 + length : at + 12 + length])[0] == zlib.crc32(kind + data)
        found.append((kind, data))
        at += 12 + length
    return found


@pytest.mark.parametrize("side", [1, 24, 96, 224])
def test_a_png_is_its_pixels_and_nothing_else(side: int) -> None:
    rng = np.random.default_rng(side)
    noise = rng.integers(0, 256, (side, side, 3)).astype(np.uint8)
    flat = np.full_like(noise, 200)
    noisy, plain = encode_stimulus(noise), encode_stimulus(flat)
    for pixels, data in ((noise, noisy), (flat, plain)):
        assert (decode_pixels(data) == pixels).all()
        with Image.open(io.BytesIO(data)) as picture:
            picture.load()
            assert picture.mode == "RGB" and not picture.info
    assert [(kind, len(data)) for kind, data in chunks(noisy)] == [
        (kind, len(data)) for kind, data in chunks(plain)
    ]
    assert [kind for kind, _ in chunks(noisy)] == [b"IHDR", b"IDAT", b"IEND"] and len(noisy) == len(plain)


def test_no_byte_but_pixels_differs_by_arm(draw_source) -> None:
    """All that a browser receives, pixels and their checksums taken out, is one and the same for every
    arm.
    """
    sources = [draw_source(f"s{i}") for i in range(5)]
    stimuli, files = make_stimuli(sources, (UNTOUCHED, SNAP, SHAM, OBVIOUS), seed=99)
    around = set()
    for one in stimuli:
        png = bytearray(files[one.picture])
        same = encode_stimulus(decode_pixels(bytes(png)))
        assert same == bytes(png), "the picture decides its file"
        blank = encode_stimulus(np.zeros((24, 24, 3), np.uint8))
        inverted = encode_stimulus(np.full((24, 24, 3), 255, np.uint8))
        pixel = np.frombuffer(blank, np.uint8) != np.frombuffer(inverted, np.uint8)
        # The CRC of IDAT lies before the 12 bytes of IEND, the Adler sum before it.
        pixel[-20:-12] = True
        around.add(bytes(np.frombuffer(bytes(png), np.uint8)[~pixel]))
    assert len(around) == 1
    assert len({len(files[stimulus.picture]) for stimulus in stimuli}) == 1


def test_names_tell_nothing_and_files_are_in_the_record(draw_source) -> None:
    source = draw_source("metastasis7")
    stimuli, files = make_stimuli([source], (UNTOUCHED, SNAP, SHAM), seed=4)
    again, _ = make_stimuli([source], (UNTOUCHED, SNAP, SHAM), seed=4)
    other, _ = make_stimuli([source], (UNTOUCHED, SNAP, SHAM), seed=5)
    assert [stimulus.id for stimulus in stimuli] == [stimulus.id for stimulus in again] and not {
        stimulus.id for stimulus in stimuli
    } & {one.id for one in other}
    for one in stimuli:
        assert len(one.id) == 16 and set(one.id) <= set("0123456789abcdef")
        assert one.files == {name: sha256(files[name]) for name in (one.picture, one.mask)}
    assert len({files[stimulus.mask] for stimulus in stimuli}) == 1
    assert decode_pixels(files[stimuli[1].picture]).tobytes() == source.snap.tobytes()
    with pytest.raises(StudyError, match="no picture for “blur”; it has untouched, SNAP, sham"):
        make_stimuli([source], (Arm("blur"),), seed=4)
    with pytest.raises(StudyError, match="several sizes"):
        make_stimuli([source, draw_source("b", side_px=30)], (UNTOUCHED,), seed=4)


def test_a_sham_keeps_mask_colours_and_energy(draw_source) -> None:
    for name in "abcdef":
        source = draw_source(name)
        sham = make_sham(source, seed=1)
        assert (sham.pixels[~source.mask] == source.pixels[~source.mask]).all() and (
            sham.pixels != source.snap
        ).any()
        for colours in (source.snap, sham.pixels):
            assert sorted(map(tuple, colours[source.mask])) == sorted(map(tuple, source.snap[source.mask]))
        assert (
            sham.gap_levels
            == abs(change_levels(source, sham.pixels) - change_levels(source, source.snap))
            < 0.05
        )
        moved = (sham.pixels != source.snap).any(axis=2)[source.mask].mean()
        assert moved > 0.8 and sham.fooled is None
        assert (make_sham(source, seed=1).pixels == sham.pixels).all()


@pytest.fixture
def victim(linear_victim, tissue):
    """Calls the drawn tissue metastasis, by a little."""
    made = linear_victim(scale=0.01)
    with torch.no_grad():
        z = made(to_image(tissue)[None])[0]
        made.network[1].bias[1] += z[0] - z[1] + 2
    return made


def test_a_run_becomes_a_source_whose_sham_does_not_fool(victim, tissue, tmp_path) -> None:
    mask = draw_mask(propose_cells(tissue, CellSettings(count=6, area=0.08)), (96, 96))
    folder = save_run(
        drain(run_snap(victim, RunRequest(tissue, mask, AttackSettings(steps=25), true_class=1))),
        tmp_path / "run",
    )
    source = source_from_run(folder)
    assert (
        source.truth == 1
        and (source.mask == mask).all()
        and is_fooled(victim, source.pixels, [source.snap]) == [True]
    )
    sham = make_sham(source, seed=3, victim=victim)
    assert sham.fooled is False and sham.gap_levels < 0.05
    stimuli, _ = make_stimuli([source], (UNTOUCHED, SNAP, SHAM), seed=3, victim=victim)
    assert [stimulus.details.get("fooled") for stimulus in stimuli] == [None, True, False]
    levels = [one.details["mean_change_levels"] for one in stimuli[1:]]
    assert levels[0] == pytest.approx(levels[1], abs=0.05) and levels[0] > 1


def neighbour_difference(pixels: np.ndarray, mask: np.ndarray) -> float:
    """Mean absolute difference between neighbours within the mask."""
    p = pixels.astype(float)
    down = np.abs(np.diff(p, axis=0)).mean(axis=2)[mask[1:] & mask[:-1]]
    across = np.abs(np.diff(p, axis=1)).mean(axis=2)[mask[:, 1:] & mask[:, :-1]]
    return float(np.concatenate([down, across]).mean())


@pytest.mark.parametrize("texture", ["free", "retouch"])
def test_a_sham_is_as_rough_and_as_strong_as_snap(victim, tissue, tmp_path, texture) -> None:
    """Of a whole run: neighbours differ as SNAP's do, the change is as large, and a retouch stays one."""
    attack = replace(PRESETS["natural" if texture == "retouch" else "paper"].attack, steps=20)
    cells = PRESETS["natural"].cells if texture == "retouch" else CellSettings(count=6, area=0.08)
    mask = draw_mask(propose_cells(tissue, cells), (96, 96))
    request = RunRequest(tissue, mask, attack, true_class=1)
    source = source_from_run(save_run(drain(run_snap(victim, request)), tmp_path / "run"))
    assert source.texture == texture
    sham = make_sham(source, seed=2)
    ratio = neighbour_difference(sham.pixels, mask) / neighbour_difference(source.snap, mask)
    assert 0.9 < ratio < 1.1 and sham.gap_levels < 0.05
    assert (sham.pixels[~mask] == tissue[~mask]).all()
    assert (sham.pixels != source.snap).any(axis=2)[mask].mean() > 0.5
    if texture == "retouch":
        assert beyond_bound(tissue, sham.pixels, attack.bound).mean() < 0.02


def test_a_sham_of_a_smooth_patch_is_smooth(draw_source) -> None:
    """A ramp in each cell: shuffled, its neighbours would differ several times as much."""
    source = draw_source("ramp", side_px=60)
    y, x = np.mgrid[:60, :60]
    ramp = np.clip(np.stack([3 * y + 40, 4 * x, 2 * (x + y)], axis=2), 0, 255).astype(np.uint8)
    mask = (y % 20 - 9) ** 2 + (x % 15 - 7) ** 2 < 40
    source = replace(source, snap=np.where(mask[..., None], ramp, source.pixels), mask=mask)
    ratio = neighbour_difference(make_sham(source, seed=0).pixels, mask) / neighbour_difference(ramp, mask)
    assert 0.9 < ratio < 1.1


def test_a_sham_that_fools_says_so(draw_source) -> None:
    class Fooled:
        """Sees any change."""

        def predict(self, images: torch.Tensor) -> torch.Tensor:
            changed = (images != images[:1]).flatten(1).any(dim=1).double()
            return torch.stack([1 - changed, changed], dim=1)

    sham = make_sham(draw_source("a"), seed=0, victim=Fooled(), attempts=3)
    assert sham.fooled is True and sham.first_fooled is True and sham.attempt == 2


def test_patches_are_exchanged_between_cells_where_each_fools_in_its_own() -> None:
    """A victim that sees red in the upper of two cells, however it is turned there."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:36, :36]
    mask = ((y - 9) ** 2 + (x - 9) ** 2 < 12) | ((y - 25) ** 2 + (x - 20) ** 2 < 18)
    upper = torch.from_numpy(mask & (y < 18))
    grey = np.full((36, 36, 3), 125, np.uint8)
    changed = grey + rng.integers(0, 10, grey.shape).astype(np.uint8)
    changed[y < 18, 0] += 60
    changed[y >= 18, 2] += 60
    source = Source("a", grey, np.where(mask[..., None], changed, grey), mask)

    class Upper:
        """Class 1 where the upper cell has become red by half or more."""

        def predict(self, images: torch.Tensor) -> torch.Tensor:
            p = (images[:, 0, upper].mean(dim=1) * 255 - 125) / 60
            return torch.stack([1 - p, p], dim=1)

    sham = make_sham(source, seed=0, victim=Upper())
    assert sham.first_fooled is True and sham.fooled is False and sham.attempt >= 16
    assert sham.gap_levels < 1e-9 and (sham.pixels[~mask] == grey[~mask]).all()
    colours = [sorted(map(tuple, each[mask])) for each in (sham.pixels, source.snap)]
    assert colours[0] == colours[1], "no colour is lost or doubled"


def test_pictures_of_an_audit_become_sources(draw_source, tmp_path) -> None:
    from snapgui.audit.rows import new_row, to_parquet
    from snapgui.engine.images import encode_png

    drawn = [draw_source(name, truth=1) for name in ("a", "b")]
    patches = PatchSet(("a", "b"), np.array([1, 1]), ("val", "val"), lambda i: drawn[i].pixels, np.arange(2))
    (tmp_path / "pictures").mkdir()
    rows = []
    for i, source in enumerate(drawn):
        rows.append(new_row(patches, i, "SNAP", status="measured", flipped=i == 0, picture=f"{i}.png"))
        (tmp_path / "pictures" / f"{i}.png").write_bytes(encode_png(source.snap))
        (tmp_path / "pictures" / f"{i}-mask.png").write_bytes(encode_png(source.mask.astype(np.uint8) * 255))
    (tmp_path / "rows.parquet").write_bytes(to_parquet(rows))
    (row,) = kept_pictures(tmp_path).itertuples()
    one = source_from_audit(tmp_path, row.id, int(row.label), row.picture, drawn[0].pixels)
    assert one.name == "a" and (one.snap == drawn[0].snap).all() and (one.mask == drawn[0].mask).all()
    assert len(kept_pictures(tmp_path, flipped_only=False)) == 2
    (tmp_path / "pictures" / "0-mask.png").unlink()
    with pytest.raises(StudyError, match="cannot be read"):
        source_from_audit(tmp_path, row.id, int(row.label), row.picture, drawn[0].pixels)
