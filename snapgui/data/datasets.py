"""Labelled patches on disk: which layout a folder has, and its patches.

Understood are:

* Kaggle's *Histopathologic Cancer Detection*: ``train_labels.csv`` (``id,label``) beside ``train/ID.tif``;
* the same with a ``splits.csv`` (``id,split``) and pictures in ``patches/ID.webp`` (any picture suffix will
  do);
* PCam's HDF5 files, named as ``torchvision.datasets.PCAM`` names them, in the folder or in ``pcam/`` below;
* a folder for each class (``normal/``, ``metastasis/``), in the folder or in one for each split;
* WILDS' Camelyon17 (``metadata.csv`` beside ``patches/``).
"""

from collections.abc import Callable, Iterable
from pathlib import Path

from snapgui.data.folders import (
    LABELS,
    PICTURE_SUFFIXES,
    WILDS_TABLE,
    class_folders,
    open_class_folders,
    open_labelled_folder,
    open_wilds,
    pictures_in,
)
from snapgui.data.patches import PatchSet
from snapgui.data.pcam import PCAM_FILE, holds_pcam, open_pcam
from snapgui.errors import DataError, ImageError

__all__ = [
    "PCAM_FILE",
    "PICTURE_SUFFIXES",
    "PatchSet",
    "is_data_set",
    "open_data_set",
    "open_patches",
    "picture_files",
]


def open_patches(folder: Path) -> PatchSet:
    """Open a data set of any understood layout; raises DataError with what is missing."""
    folder = Path(folder)
    try:
        if not folder.is_dir():
            raise DataError(f"{folder} is not a folder. Give the folder that holds the data set.")
        if opener := _opener_of(folder):
            return opener()
    except OSError as error:
        raise DataError(
            f"{folder} cannot be read ({error.strerror}). Check the name and the rights."
        ) from error
    raise DataError(
        f"{folder} holds neither train_labels.csv (Kaggle's layout) nor camelyonpatch_*.h5 (PCam), nor "
        f"folders normal and metastasis alone, nor {WILDS_TABLE} with patches (WILDS). Give the folder that "
        "holds one of them."
    )


def open_data_set(folder: Path) -> PatchSet:
    """The labelled data set in a folder; raises DataError with what is missing."""
    return open_patches(folder)


def is_data_set(folder: Path) -> bool:
    """Whether the folder looks like a labelled data set of a known layout."""
    try:
        return _opener_of(Path(folder)) is not None
    except OSError:
        return False


def _opener_of(folder: Path) -> Callable[[], PatchSet] | None:
    if (folder / LABELS).is_file():
        return lambda: open_labelled_folder(folder)
    for place in (folder, folder / "pcam"):
        if holds_pcam(place):
            return lambda: open_pcam(place)
    if (folder / WILDS_TABLE).is_file() and (folder / "patches").is_dir():
        return lambda: open_wilds(folder)
    if class_folders(folder):
        return lambda: open_class_folders(folder)
    return None


def picture_files(paths: Iterable[Path]) -> list[Path]:
    """What bears the name of a picture among these paths, folders searched one level deep; raises ImageError
    if there is none.

    Whether it can be read shows when it is: one bad file does not end the rest.
    """
    found: list[Path] = []
    for path in map(Path, paths):
        try:
            if path.is_dir():
                inside = pictures_in(path)
                if not inside:
                    raise ImageError(f"The folder {path} holds no pictures ({', '.join(PICTURE_SUFFIXES)}).")
                found += inside
            elif path.exists() or path.is_symlink():
                found.append(path)
            else:
                raise ImageError(f"{path} does not exist. Give a picture file or a folder of them.")
        except OSError as error:
            raise ImageError(
                f"{path} cannot be read ({error.strerror}). Check the name and the rights."
            ) from error
    return found
