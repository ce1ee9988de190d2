"""Labelled patches on disk, whatever their layout.

Three layouts are understood:

* Kaggle's *Histopathologic Cancer Detection*: ``train_labels.csv`` (``id,label``) beside ``train/ID.tif``; *
the same with a ``splits.csv`` (``id,split``) and pictures in ``patches/ID.webp`` (any picture suffix will
do); * PCam's HDF5 files, named as ``torchvision.datasets.PCAM`` names them, in the folder or in ``pcam/``
below it.
"""

import csv
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from snapgui.engine.images import read_pixels
from snapgui.errors import DataError, ImageError

PICTURE_SUFFIXES = (".tif", ".tiff", ".webp", ".png", ".jpg", ".jpeg", ".bmp")
PCAM_FILE = "camelyonpatch_level_2_split_{split}_{part}.h5"
PCAM_SPLITS = {"train": "train", "valid": "val", "test": "test"}


@dataclass(frozen=True)
class PatchSet(torch.utils.data.Dataset[tuple[torch.Tensor, int]]):
    """Patches with labels and split names; pictures are read when asked for.

    Attributes:
        ids: one name per patch.
        labels: int64 ``(N,)``, 0 normal, 1 metastasis.
        splits: one split name per patch.
        read: gives patch ``i`` of the layout as uint8 ``(H, W, 3)``.
        rows: which patches of the layout this set holds.
    """

    ids: tuple[str, ...]
    labels: NDArray[np.int64]
    splits: tuple[str, ...]
    read: Callable[[int], NDArray[np.uint8]]
    rows: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.rows)

    def pixels(self, index: int) -> NDArray[np.uint8]:
        """Patch ``index`` as uint8 ``(H, W, 3)``; raises ImageError if it cannot be read."""
        return self.read(int(self.rows[index]))

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        """Patch ``index`` as a uint8 tensor ``(3, H, W)`` and its label."""
        return torch.from_numpy(self.pixels(index)).permute(2, 0, 1).contiguous(), int(self.labels[index])

    def subset(self, keep: Iterable[int]) -> "PatchSet":
        """The patches at these positions, in this order."""
        keep = np.fromiter(keep, dtype=np.int64)
        return PatchSet(
            tuple(self.ids[i] for i in keep),
            self.labels[keep],
            tuple(self.splits[i] for i in keep),
            self.read,
            self.rows[keep],
        )

    def split(self, name: str) -> "PatchSet":
        """The patches of one split; raises DataError, naming those there are, if there is none."""
        keep = [i for i, split in enumerate(self.splits) if split == name]
        if not keep:
            there = ", ".join(sorted(set(self.splits)))
            raise DataError(f"The data set has no split “{name}”; it has {there}. Name one of these.")
        return self.subset(keep)

    def sample(self, count: int, *, seed: int = 0) -> "PatchSet":
        """A fixed random choice of at most ``count`` patches, in their own order."""
        if count >= len(self):
            return self
        chosen = np.random.default_rng(seed).choice(len(self), count, replace=False)
        return self.subset(np.sort(chosen))


def open_patches(folder: Path) -> PatchSet:
    """Open a data set of any understood layout; raises DataError with what is missing."""
    folder = Path(folder)
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder. Give the folder that holds the data set.")
    if (folder / "train_labels.csv").is_file():
        return _open_labelled_folder(folder)
    for place in (folder, folder / "pcam"):
        if any((place / PCAM_FILE.format(split=split, part="x")).is_file() for split in PCAM_SPLITS):
            return _open_pcam(place)
    raise DataError(
        f"{folder} holds neither train_labels.csv (Kaggle's layout) nor camelyonpatch_*.h5 (PCam). "
        "Give the folder that holds one of them."
    )


def _open_labelled_folder(folder: Path) -> PatchSet:
    labels = _read_column(folder / "train_labels.csv", "label")
    bad = next((i for i, label in labels.items() if label not in ("0", "1")), None)
    if bad is not None:
        raise DataError(
            f"train_labels.csv gives {bad} the label “{labels[bad]}”; labels are 0 (normal) or 1 "
            "(metastasis)."
        )
    pictures = {
        path.stem: path
        for place in (folder / "train", folder / "patches")
        if place.is_dir()
        for path in place.iterdir()
        if path.suffix.lower() in PICTURE_SUFFIXES
    }
    missing = [i for i in labels if i not in pictures]
    if missing:
        raise DataError(
            f"{len(missing)} of {len(labels)} patches in train_labels.csv have no picture in train/ or "
            f"patches/ (the first is {missing[0]}). Add the pictures or drop the rows."
        )
    if (folder / "splits.csv").is_file():
        splits = _read_column(folder / "splits.csv", "split")
        unsplit = next((i for i in labels if i not in splits), None)
        if unsplit is not None:
            raise DataError(
                f"splits.csv has no row for {unsplit}; it needs one for every patch in train_labels.csv."
            )
    else:
        splits = {i: _split_of(i) for i in labels}
    ids = tuple(labels)
    paths = [pictures[i] for i in ids]
    return PatchSet(
        ids,
        np.array([int(labels[i]) for i in ids]),
        tuple(splits[i] for i in ids),
        lambda row: read_pixels(paths[row]),
        np.arange(len(ids)),
    )


def _split_of(patch_id: str) -> str:
    """A fixed random tenth is for validation: it depends on the name alone, so every run agrees."""
    return "val_random" if hashlib.sha256(patch_id.encode()).digest()[0] < 26 else "train"


def _read_column(path: Path, column: str) -> dict[str, str]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        if not {"id", column} <= set(reader.fieldnames or ()):
            raise DataError(f"{path.name} has the columns {reader.fieldnames}; it needs id and {column}.")
        rows = {row["id"]: row[column] for row in reader}
    if not rows:
        raise DataError(f"{path.name} has no rows. It needs one row a patch.")
    return rows


def _open_pcam(folder: Path) -> PatchSet:
    import h5py

    parts = []
    for split, name in PCAM_SPLITS.items():
        pictures = folder / PCAM_FILE.format(split=split, part="x")
        truth = folder / PCAM_FILE.format(split=split, part="y")
        if not pictures.is_file():
            continue
        if not truth.is_file():
            raise DataError(
                f"{pictures.name} is there without {truth.name}; both are needed (and unpacked from .gz)."
            )
        try:
            with h5py.File(pictures) as x, h5py.File(truth) as y:
                labels, shape = np.asarray(y["y"]).reshape(-1).astype(np.int64), x["x"].shape
        except (OSError, KeyError) as error:
            raise DataError(f"{pictures.name} or {truth.name} is not a PCam HDF5 file ({error}).") from error
        if len(labels) != shape[0]:
            raise DataError(
                f"{pictures.name} has {shape[0]} patches and {truth.name} {len(labels)} labels; "
                "they must agree."
            )
        parts.append((pictures, name, labels))
    starts = np.cumsum([0, *(len(labels) for _, _, labels in parts)])

    def read(row: int) -> NDArray[np.uint8]:
        part = int(np.searchsorted(starts, row, side="right")) - 1
        # Opened for each read: HDF5 handles do not survive the fork into loader workers.
        with h5py.File(parts[part][0]) as file:
            return np.asarray(file["x"][row - starts[part]])

    return PatchSet(
        tuple(f"{name}_{i}" for _, name, labels in parts for i in range(len(labels))),
        np.concatenate([labels for _, _, labels in parts]),
        tuple(name for _, name, labels in parts for _ in labels),
        read,
        np.arange(starts[-1]),
    )


def picture_files(paths: Iterable[Path]) -> list[Path]:
    """The picture files among these paths, folders searched one level deep; raises ImageError if there are
    none.
    """
    found: list[Path] = []
    for path in map(Path, paths):
        if path.is_dir():
            inside = sorted(p for p in path.iterdir() if p.suffix.lower() in PICTURE_SUFFIXES)
            if not inside:
                raise ImageError(f"The folder {path} holds no pictures ({', '.join(PICTURE_SUFFIXES)}).")
            found += inside
        elif path.is_file():
            found.append(path)
        else:
            raise ImageError(f"{path} does not exist. Give a picture file or a folder of them.")
    return found


def is_data_set(folder: Path) -> bool:
    """Whether the folder looks like a labelled data set of a known layout."""
    return any(
        (folder / "train_labels.csv").is_file() or any(place.glob("camelyonpatch_*_x.h5"))
        for place in (folder, folder / "pcam")
    )


def open_data_set(folder: Path) -> PatchSet:
    """The labelled data set in a folder; raises DataError with what is missing."""
    try:
        return open_patches(folder)
    except OSError as error:
        raise DataError(
            f"{folder} cannot be read ({error.strerror}). Check the name and the rights."
        ) from error
