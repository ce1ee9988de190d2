"""Patches in one small file, for a GPU that only little can be sent to: `python benchmarks/compact.py OUT.npz
--splits val_random val_slides`.

The file holds all pictures end to end (``data``, uint8), where each ends (``ends``, int64), ``ids``,
``labels`` and, unless all are training patches, ``splits``. Pictures are AVIF 4:4:4, about 4 kB a patch; at
the usual quality of 80 their mean error is about 2 of 255, so figures of a model card are measured on the
true patches.
"""

import argparse
import io
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.options import run_script
from benchmarks.patches import open_hcd
from snapgui.data.datasets import PatchSet
from snapgui.errors import DataError


@dataclass(frozen=True)
class Patches:
    """Decoded patches: uint8 ``(N, 3, H, W)`` and int64 labels ``(N,)`` on one device."""

    pixels: torch.Tensor
    labels: torch.Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def to(self, device: torch.device) -> "Patches":
        return Patches(self.pixels.to(device), self.labels.to(device))


def write_compact(out: Path, patches: PatchSet, *, quality: int = 80) -> None:
    """Write all patches of a set into one file, with the splits that they belong to."""

    def encode(index: int) -> bytes:
        file = io.BytesIO()
        picture = Image.fromarray(patches.pixels(index))
        picture.save(file, format="AVIF", quality=quality, speed=6, subsampling="4:4:4", max_threads=1)
        return file.getvalue()

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        files = list(pool.map(encode, range(len(patches))))
    np.savez(
        out,
        data=np.frombuffer(b"".join(files), dtype=np.uint8),
        ends=np.cumsum([len(file) for file in files]),
        ids=np.array(patches.ids),
        labels=patches.labels.astype(np.uint8),
        splits=np.array(patches.splits),
    )


def read_compact(files: Iterable[Path]) -> dict[str, Patches]:
    """The patches of some compact files by split, in the order of the files; raises DataError for a file of
    another kind.
    """
    parts: dict[str, list[Patches]] = {}
    for file in files:
        for split, part in _read_one(file):
            parts.setdefault(split, []).append(part)
    return {
        split: Patches(torch.cat([p.pixels for p in found]), torch.cat([p.labels for p in found]))
        for split, found in parts.items()
    }


def _read_one(file: Path) -> Iterator[tuple[str, Patches]]:
    try:
        with np.load(file) as arrays:
            data, ends, labels = (arrays[name] for name in ("data", "ends", "labels"))
            splits = arrays["splits"] if "splits" in arrays.files else np.full(len(ends), "train")
    except (OSError, ValueError, KeyError) as error:
        raise DataError(
            f"{file.name} is not a file of compact patches ({error}). Write one with benchmarks/compact.py."
        ) from error
    starts = [0, *ends[:-1].tolist()]

    def decode(span: tuple[int, int]) -> np.ndarray:
        return np.asarray(Image.open(io.BytesIO(data[span[0] : span[1]].tobytes())).convert("RGB"))

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        pictures = list(pool.map(decode, zip(starts, ends.tolist(), strict=True)))
    pixels = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).contiguous()
    for split in dict.fromkeys(splits.tolist()):
        chosen = torch.from_numpy(np.flatnonzero(splits == split))
        yield split, Patches(pixels[chosen], torch.from_numpy(labels.astype(np.int64))[chosen])


def choose(patches: PatchSet, splits: Sequence[str]) -> PatchSet:
    """The patches of these splits, in the order of the data set."""
    for split in splits:
        patches.split(split)  # says which there are
    return patches.subset(i for i, split in enumerate(patches.splits) if split in splits)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("--data", type=Path, help="folder of the patches; else what SNAP_HCD_DIR names")
    parser.add_argument("--splits", nargs="+", default=["val_random", "val_slides"])
    parser.add_argument("--quality", type=int, default=80, help="AVIF's, 0 to 100")
    args = parser.parse_args()
    write_compact(args.out, choose(open_hcd(args.data), args.splits), quality=args.quality)


if __name__ == "__main__":
    run_script(main)
