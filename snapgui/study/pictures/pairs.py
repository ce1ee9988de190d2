"""A folder of pairs of pictures, untouched and altered, as material for a study.

A folder of pairs holds pictures of one name in folders of these names::

    FOLDER/untouched/NAME.png   the picture as it was
    FOLDER/altered/NAME.png     the same after the attack (the arm SNAP)
    FOLDER/mask/NAME.png        white where they may differ; without this folder, where they do differ
    FOLDER/OTHER/NAME.png       optional: a further way to alter the same pixels, which becomes the arm OTHER
    FOLDER/labels.csv           optional: name,label with 0 for normal and 1 for metastasis

The pictures may be PNG, TIFF, BMP or WebP; a name may have another suffix in another folder.
"""

from collections.abc import Collection, Sequence
from pathlib import Path

from snapgui.data.folders import PICTURE_SUFFIXES, by_stem, folders_in, pictures_in
from snapgui.data.tables import read_table
from snapgui.engine.cells.outlines import load_mask
from snapgui.engine.images import read_pixels
from snapgui.engine.settings import RANDOM_NAMES, AttackSettings
from snapgui.engine.sham import Source
from snapgui.errors import DataError
from snapgui.study.pictures.material import Material, fillings_of, size_words, with_fillings
from snapgui.study.records import StudyError

RESERVED = ("SNAP", "sham", "obvious", "median colour", *RANDOM_NAMES.values())


def material_from_pairs(folder: Path) -> Material:
    """A folder of pairs, laid out as this module says.

    Raises:
        StudyError: a folder or a picture is missing, or labels.csv says something else than 0 or 1.
    """
    if not folder.is_dir():
        raise StudyError(
            f"{folder} is not a folder. Give a folder with the folders untouched and altered in it."
        )
    found = {place.name: _pictures(place) for place in folders_in(folder)}
    inside = {place: files for place, (files, _) in found.items()}
    for needed in ("untouched", "altered"):
        if not inside.get(needed):
            raise StudyError(
                f"{folder.name} has no pictures in a folder “{needed}”. Put the same names into "
                "untouched and altered."
            )
    # A folder or a dangling link may bear a picture's name.
    left_out = [name for name, path in inside["untouched"].items() if not path.is_file()]
    untouched = {name: path for name, path in inside.pop("untouched").items() if path.is_file()}
    for place, files in inside.items():
        lacking = sorted(set(untouched) - set(files))
        if lacking:
            raise StudyError(
                f"{lacking[0]} is in untouched but not in {place} ({len(lacking)} such pictures). "
                "Every folder needs every name."
            )
    altered, masks = inside.pop("altered"), inside.pop("mask", None)
    reserved = [place for place in inside if place in RESERVED]
    if reserved:
        raise StudyError(
            f"The folder “{reserved[0]}” bears a name that the tool uses itself. Give it another name."
        )
    names = sorted(untouched)
    truths, told = _labels(folder / "labels.csv", names)

    def read(index: int, wanted: Collection[str]) -> Source:
        name = names[index]
        pixels, snap = read_pixels(untouched[name]), read_pixels(altered[name])
        if snap.shape != pixels.shape:
            raise StudyError(
                f"{name} is {size_words(snap)} in altered and {size_words(pixels)} in untouched; "
                "both must be of one size."
            )
        mask = (
            load_mask(masks[name], shape=(pixels.shape[0], pixels.shape[1]))
            if masks
            else (snap != pixels).any(axis=2)
        )
        others = {place: read_pixels(files[name]) for place, files in inside.items() if place in wanted}
        return with_fillings(
            Source(name, pixels, snap, mask, truths[index], others), wanted, AttackSettings()
        )

    beside = [remark for _, remarks in found.values() for remark in remarks]
    remarks = [*told, *beside, *(f"{name} in untouched is no file and was left out." for name in left_out)]
    if not masks:
        remarks.append("There is no folder “mask”, so the mask of each pair is where its pictures differ.")
    return Material(
        f"folder {folder.name}",
        tuple(names),
        truths,
        (*inside, *fillings_of(["free"])),
        read,
        remarks=tuple(remarks),
    )


def _pictures(folder: Path) -> tuple[dict[str, Path], tuple[str, ...]]:
    return by_stem(pictures_in(folder))


def _labels(path: Path, names: Sequence[str]) -> tuple[tuple[int | None, ...], list[str]]:
    """The true class of each picture where it is known, and what is to be said of the table."""
    if not path.is_file():
        return (None,) * len(names), []
    try:
        table, remarks = read_table(path, ("name", "label"))
    except (OSError, DataError) as error:
        raise StudyError(
            f"{path.name} is not a table with the columns name and label ({error}). Correct or remove it."
        ) from error
    given: dict[str, str] = {}
    for row in table:
        # With or without the suffix of a picture, as tables have it.
        ending = Path(row["name"]).suffix
        name = row["name"].removesuffix(ending if ending.lower() in PICTURE_SUFFIXES else "")
        label = row["label"].removesuffix(".0")
        if given.setdefault(name, label) != label:
            raise StudyError(f"{path.name} gives {name:.80} two labels. Keep the row that is right.")
    wrong = next((name for name in names if given.get(name, "") not in ("", "0", "1")), None)
    if wrong is not None:
        raise StudyError(
            f"labels.csv gives {wrong} the label “{given[wrong][:20]}”; labels are 0 (normal) or 1 "
            "(metastasis)."
        )
    truths = tuple(int(given[name]) if given.get(name) else None for name in names)
    if not given or any(name in given for name in names):
        return truths, list(remarks)
    return truths, [
        *remarks,
        f"labels.csv names none of the pictures, so no class is known: it says “{next(iter(given))[:40]}” "
        f"where a picture is “{names[0][:40]}”.",
    ]
