"""Data sets of picture files: Kaggle's layout, WILDS' Camelyon17, and a folder for each class."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from unicodedata import normalize

import numpy as np

from snapgui.data.patches import PatchSet
from snapgui.data.tables import as_label, read_column, read_table
from snapgui.engine.images import read_pixels, read_told
from snapgui.engine.victim.card import class_of
from snapgui.errors import DataError, ImageError
from snapgui.words import as_text

PICTURE_SUFFIXES = (".tif", ".tiff", ".webp", ".png", ".jpg", ".jpeg", ".bmp")
LABELS = "train_labels.csv"
WILDS_TABLE = "metadata.csv"
_WILDS_COLUMNS = ("patient", "node", "x_coord", "y_coord", "tumor", "center", "split")
_WILDS_SPLITS = {"0": "train", "1": "id_val"}
# Hospitals of which WILDS' official split makes its own validation and test sets.
_WILDS_CENTRES = {"1": "val", "2": "test"}


def pictures_in(folder: Path) -> list[Path]:
    """What bears the name of a picture in a folder, sorted; what macOS and others hide is none."""
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in PICTURE_SUFFIXES and not path.name.startswith(".")
    )


def by_stem(files: Sequence[Path]) -> tuple[dict[str, Path], tuple[str, ...]]:
    """Pictures by their names without suffix, and what was left out beside one: folders, pipes, dangling
    links.

    Raises:
        DataError: two files share a name.
    """
    found: dict[str, Path] = {}
    remarks = []
    # Files first: only they can be pictures.
    for path in sorted(files, key=lambda path: not path.is_file()):
        other = found.setdefault(as_text(path.stem), path)
        if other != path and not path.is_file():
            remarks.append(
                f"{as_text(path.name)} in {as_text(path.parent.name)} is no file and was left out beside "
                f"{as_text(other.name)}."
            )
        elif other != path:
            raise DataError(
                f"{other.name} in {other.parent.name} and {path.name} in "
                f"{path.parent.name} have one name. Leave one picture for each name."
            )
    return found, tuple(remarks)


def open_labelled_folder(folder: Path) -> PatchSet:
    """Kaggle's layout: ``train_labels.csv`` beside ``train/`` or ``patches/``, with or without
    ``splits.csv``.
    """
    pictures, left_out = by_stem(
        [
            path
            for place in (folder / "train", folder / "patches")
            if place.is_dir()
            for path in pictures_in(place)
        ]
    )
    # Some tables name the whole file.
    files = {as_text(path.name) for path in pictures.values()}
    given, remarks = read_column(folder / LABELS, "label", files)
    labels = {name: as_label(text, name, LABELS) for name, text in given.items()}
    remarks += left_out
    # macOS writes letters with marks in two parts, tables in one.
    joined = {normalize("NFC", stem): path for stem, path in pictures.items()}
    pictures = {i: path for i in labels if (path := pictures.get(i) or joined.get(normalize("NFC", i)))}
    missing = [i for i in labels if i not in pictures]
    if missing:
        raise DataError(
            f"{len(missing)} of {len(labels)} patches in train_labels.csv have no picture in train/ or "
            f"patches/ (the first is {missing[0]:.80}). Add the pictures or drop the rows."
        )
    if (folder / "splits.csv").is_file():
        splits, further = read_column(folder / "splits.csv", "split", files)
        remarks += further
        unsplit = next((i for i in labels if not splits.get(i)), None)
        if unsplit is not None:
            lacks = "an empty split" if unsplit in splits else "no row"
            raise DataError(
                f"splits.csv has {lacks} for {unsplit}; it needs one for every patch in train_labels.csv."
            )
    else:
        splits = {i: split_of(i) for i in labels}
    return patch_set([(i, labels[i], splits[i], pictures[i]) for i in labels], remarks)


def patch_set(patches: Sequence[tuple[str, int, str, Path]], remarks: tuple[str, ...] = ()) -> PatchSet:
    """Patches of id, label, split and file."""
    ids, labels, splits, paths = zip(*patches, strict=True)
    return PatchSet(
        ids,
        np.array(labels, dtype=np.int64),
        splits,
        lambda row: read_pixels(paths[row]),
        np.arange(len(ids)),
        (*remarks, *_guessed(paths[0])),
    )


def _guessed(first: Path) -> tuple[str, ...]:
    """What had to be guessed for the first picture of a data set; each of the others is read by itself."""
    try:
        told = read_told(first)[1]
    except ImageError:
        # Said when its turn comes.
        return ()
    return (
        (f"{told} So it is with each picture by itself, and a dark one may come out too bright.",)
        if told
        else ()
    )


def split_of(patch_id: str) -> str:
    """A fixed random tenth is for validation: it depends on the name alone, so every run agrees."""
    return "val_random" if hashlib.sha256(patch_id.encode()).digest()[0] < 26 else "train"


def class_folders(folder: Path) -> dict[str, tuple[Path, Path]]:
    """The folders of normal patches and of metastases, by split; one split without a name where they lie in
    ``folder`` itself. Empty where there are none.
    """

    def pair(place: Path) -> tuple[Path, Path] | None:
        inside = folders_in(place)
        found = {class_of(path.name): path for path in inside}
        return (found[0], found[1]) if len(inside) == 2 and {0, 1} == set(found) else None

    if whole := pair(folder):
        return {"": whole}
    return {place.name: found for place in folders_in(folder) if (found := pair(place))}


def folders_in(place: Path) -> list[Path]:
    """The folders in one, without those that macOS and others hide or put beside them."""
    return [
        path
        for path in sorted(place.iterdir())
        if path.is_dir() and not path.name.startswith((".", "__MACOSX"))
    ]


def open_class_folders(folder: Path) -> PatchSet:
    """A folder for each class, as torchvision's ``ImageFolder`` reads them, in the folder or in one for each
    split.
    """
    patches, remarks = [], []
    splits = class_folders(folder)
    left_out = [place.name for place in folders_in(folder) if place.name not in splits]
    if "" not in splits and left_out:
        remarks.append(
            f"Left out, since not both classes have a folder there: {as_text(', '.join(left_out[:3]))}."
        )
    for split, places in splits.items():
        for label, place in enumerate(places):
            pictures = pictures_in(place)
            if not pictures:
                raise DataError(
                    f"The class folder {as_text(place.relative_to(folder).as_posix())} in {folder} holds no "
                    f"pictures ({', '.join(PICTURE_SUFFIXES)}). Put them into it, not into folders below."
                )
            for path in pictures:
                name = as_text(path.relative_to(folder).as_posix())
                patches.append((name, label, split or split_of(as_text(path.stem)), path))
        if [place.name for place in places] != ["normal", "metastasis"]:
            remarks.append(
                f"The folders {places[0].name} and {places[1].name} are taken for normal and metastasis."
            )
    return patch_set(patches, tuple(dict.fromkeys(remarks)))


def open_wilds(folder: Path) -> PatchSet:
    """WILDS' Camelyon17: ``metadata.csv`` beside ``patches/``, with the official split.

    See ``wilds/datasets/camelyon17_dataset.py`` of p-lambda/wilds.
    """
    rows, remarks = read_table(folder / WILDS_TABLE, _WILDS_COLUMNS)
    patches, places = [], set()
    for row in rows:
        place = folder / "patches" / f"patient_{row['patient']}_node_{row['node']}"
        name = f"patch_patient_{row['patient']}_node_{row['node']}_x_{row['x_coord']}_y_{row['y_coord']}"
        split = _WILDS_CENTRES.get(row["center"], _WILDS_SPLITS.get(row["split"], row["split"]))
        patches.append((name, as_label(row["tumor"], name, WILDS_TABLE), split, place / f"{name}.png"))
        places.add(place)
    there = {path for place in places if place.is_dir() for path in place.iterdir()}
    missing = [name for name, _, _, path in patches if path not in there]
    if missing:
        raise DataError(
            f"{len(missing)} of {len(patches)} patches in {WILDS_TABLE} have no picture in patches/ (the "
            f"first is {missing[0]:.80}). Add the pictures or drop the rows."
        )
    unsplit = next((name for name, _, split, _ in patches if not split), None)
    if unsplit:
        raise DataError(f"{WILDS_TABLE} has an empty split for {unsplit}. Add it, or drop the row.")
    if len({name for name, _, _, _ in patches}) < len(patches):
        raise DataError(f"{WILDS_TABLE} names a patch twice. Keep one row for each.")
    return patch_set(patches, remarks)
