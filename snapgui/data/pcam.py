"""PCam's HDF5 files, checked before a patch is read."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snapgui.data.patches import PatchSet
from snapgui.engine.images import WINDOW_PX
from snapgui.errors import DataError, ImageError

PCAM_FILE = "camelyonpatch_level_2_split_{split}_{part}.h5"
PCAM_SPLITS = {"train": "train", "valid": "val", "test": "test"}
# What damaged files make h5py raise.
_DAMAGED = (OSError, KeyError, RuntimeError, ValueError, TypeError, AttributeError)


def holds_pcam(folder: Path) -> bool:
    """Whether one of PCam's files of pictures lies in a folder."""
    return any((folder / PCAM_FILE.format(split=split, part="x")).is_file() for split in PCAM_SPLITS)


def open_pcam(folder: Path) -> PatchSet:
    """The splits that are there, one after another; raises DataError with what does not fit."""
    import h5py

    parts: list[tuple[Path, str, NDArray[np.int64]]] = []
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
                count = _count_of(x["x"], pictures.name)
                labels = _labels_of(y["y"], truth.name, count, pictures.name)
        except _DAMAGED as error:
            raise DataError(f"{pictures.name} or {truth.name} is not a PCam HDF5 file ({error}).") from error
        parts.append((pictures, name, labels))
    starts = np.cumsum([0, *(len(labels) for _, _, labels in parts)])

    def read(row: int) -> NDArray[np.uint8]:
        part = int(np.searchsorted(starts, row, side="right")) - 1
        # Opened for each read: HDF5 handles do not survive the fork into loader workers.
        try:
            with h5py.File(parts[part][0]) as file:
                return np.asarray(file["x"][row - starts[part]])
        except _DAMAGED as error:
            raise ImageError(
                f"Patch {row - starts[part]} of {parts[part][0].name} cannot be read ({error}). Fetch the "
                "file again."
            ) from error

    return PatchSet(
        tuple(f"{name}_{i}" for _, name, labels in parts for i in range(len(labels))),
        np.concatenate([labels for _, _, labels in parts]),
        tuple(name for _, name, labels in parts for _ in labels),
        read,
        np.arange(starts[-1]),
    )


def _count_of(table: Any, name: str) -> int:
    """How many patches a table holds; raises DataError where it is not one of 8-bit RGB patches."""
    shape, dtype = getattr(table, "shape", None), getattr(table, "dtype", None)
    if shape is None or dtype != np.uint8 or len(shape) != 4 or shape[1:] != (WINDOW_PX, WINDOW_PX, 3):
        found = "a group" if shape is None else f"a table of shape {tuple(shape)} and type {dtype}"
        raise DataError(
            f"x in {name} is {found}; pictures are needed as (N, {WINDOW_PX}, {WINDOW_PX}, 3) and uint8, "
            "from 0 to 255. Convert it: channels last, and values in [0, 1] times 255, rounded."
        )
    if not shape[0]:
        raise DataError(f"x in {name} holds no patch. Fetch the file again.")
    _require_stored(table, f"x in {name}", "patches")
    return int(shape[0])


def _require_stored(table: Any, name: str, what: str) -> None:
    """Raises DataError where a file holds less than it promises: HDF5 fills in zeros, which are black
    pictures or normal labels.
    """
    if table.is_virtual or table.external:
        raise DataError(
            f"{name} lies in other files, to which this one points; if they are missing, they read as zeros. "
            "Copy the values into one file (h5repack, or h5py)."
        )
    stored = table.id.get_num_chunks() if table.chunks else table.id.get_storage_size()
    whole = (
        int(np.prod(-(-np.array(table.shape) // np.array(table.chunks)))) if table.chunks else table.nbytes
    )
    if stored < whole:
        raise DataError(
            f"{name} promises {table.shape[0]:,} {what} ({table.nbytes / 2**30:.1f} GiB), and the file holds "
            f"{stored / whole:.0%} of them. Fetch the file again."
        )


def _labels_of(table: Any, name: str, count: int, pictures: str) -> NDArray[np.int64]:
    """Labels int64 ``(count,)``; raises DataError for another number of them, or other labels than 0 and
    1.
    """
    size, dtype = getattr(table, "size", None), getattr(table, "dtype", None)
    if size is None or dtype is None or dtype.kind not in "biuf":
        raise DataError(
            f"y in {name} is {'a group' if size is None else f'of type {dtype}'}; labels are numbers, 0 "
            "(normal) or 1 (metastasis)."
        )
    if size != count:
        raise DataError(f"{pictures} has {count} patches and {name} {size} labels; they must agree.")
    if table.shape:
        _require_stored(table, f"y in {name}", "labels")
    values = np.asarray(table).reshape(-1)
    wrong = np.flatnonzero((values != 0) & (values != 1))
    if len(wrong):
        raise DataError(
            f"{name} gives patch {wrong[0]} the label {values[wrong[0]]}; labels are 0 (normal) or 1 "
            "(metastasis)."
        )
    return values.astype(np.int64)
