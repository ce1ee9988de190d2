"""Pictures that a study can be made from: saved runs, or a finished audit (`pairs`: a folder); read one by
one when asked for.
"""

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from snapgui.audit.plan import donor_textures, select_patches
from snapgui.audit.settings import AuditSettings, draw_seed, seed_of
from snapgui.engine.controls import control_images, paste_nuclei
from snapgui.engine.images import to_image, to_pixels
from snapgui.engine.settings import RANDOM_NAMES, AttackSettings, TextureName
from snapgui.engine.sham import Pixels, Source
from snapgui.errors import SettingsError, SnapError
from snapgui.study.pictures.stimuli import kept_pictures, source_from_audit, source_from_run
from snapgui.study.records import StudyError

NUCLEI = "real nuclei"


@dataclass(frozen=True)
class Material:
    """Pictures to make a study from.

    Attributes:
        label: where they come from, for people.
        names, truths: of the sources; a class is None where it is not known.
        conditions: arms that can be had beside untouched, SNAP and sham.
        read: gives source ``i`` with the further conditions that are wanted; raises SnapError.
        model: file of the model that was attacked, where it is known.
        model_sha256: its hash, empty where it is not known.
        remarks: what is there, what is not, and why; whole sentences.
    """

    label: str
    names: tuple[str, ...]
    truths: tuple[int | None, ...]
    conditions: tuple[str, ...]
    read: Callable[[int, Collection[str]], Source]
    model: Path | None = None
    model_sha256: str = ""
    remarks: tuple[str, ...] = field(default=())


def material_from_runs(folders: Sequence[Path]) -> Material:
    """Saved runs, the newest first; of several runs on one image the first stays.

    Raises:
        StudyError: no run, one that cannot be read, or runs against several models.
    """
    if not folders:
        raise StudyError("No run was given. Name one or more folders of saved runs.")
    chosen: dict[str, tuple[Path, dict[str, Any]]] = {}
    for folder in folders:
        about = _read_json(folder / "result.json", f"{folder.name} is not the folder of a saved run")
        if not {"image_sha256", "model_sha256", "model_name", "attack"} <= set(about):
            raise StudyError(
                f"{folder.name} is not the folder of a saved run: its result.json lacks numbers. "
                "Choose another."
            )
        chosen.setdefault(about["image_sha256"], (folder, about))
    kept = list(chosen.values())
    models = {about["model_sha256"]: about["model_name"] for _, about in kept}
    if len(models) > 1:
        raise StudyError(
            f"The runs attacked {len(models)} models ({', '.join(models.values())}). Choose runs "
            "against one model."
        )

    def read(index: int, wanted: Collection[str]) -> Source:
        folder, about = kept[index]
        attack = AttackSettings.from_json(about["attack"])
        return with_fillings(source_from_run(folder), wanted, attack)

    twice = len(folders) - len(kept)
    return Material(
        f"{len(kept)} run{'' if len(kept) == 1 else 's'}",
        tuple(folder.name for folder, _ in kept),
        tuple(about.get("true_class") for _, about in kept),
        fillings_of([about["attack"].get("texture", "free") for _, about in kept]),
        read,
        None,
        next(iter(models)),
        (
            (
                f"{twice} further run{' shows' if twice == 1 else 's show'} an image that another run "
                "shows; of each image one run is taken."
            ),
        )
        if twice
        else (),
    )


def material_from_audit(
    folder: Path, data: Path | None = None, *, fooled_only: bool = True, pictures: Collection[str] = ()
) -> Material:
    """The SNAP pictures that a finished audit kept.

    An audit keeps the pictures of SNAP alone. The fillings of the same cells need no optimisation and are
    made again from the audit's settings, byte for byte; other conditions cannot be had.

    Args:
        folder: of the audit.
        data: the audited data set; where the audit found it unless given.
        fooled_only: leave out pictures that did not fool the model.
        pictures: file names of those to take; all where none is named.

    Raises:
        DataError: no finished audit, or its data set is gone.
        StudyError: no picture is left, or one is not of this data set.
    """
    about = _read_json(folder / "audit.json", f"{folder.name} is not the folder of an audit")
    try:
        settings = AuditSettings.from_json(about["settings"])
        place, model = Path(data or about["data_path"]), Path(about["model_path"])
        model_sha256, name = str(about["model_sha256"]), str(about["data"])
    except (KeyError, TypeError, SettingsError) as error:
        raise StudyError(
            f"The audit.json of {folder.name} is damaged or of another version ({error}). Run the "
            "audit again."
        ) from error
    rows = kept_pictures(folder, flipped_only=fooled_only)
    if pictures:
        rows = rows[rows.picture.isin(list(pictures))]
    if not len(rows):
        raise StudyError(
            f"{folder.name} kept no picture{' that fooled the model' if fooled_only else ''}. "
            f"Choose another audit{' or take all pictures' if fooled_only else ''}."
        )
    if not place.is_dir():
        raise StudyError(
            f"The audit's data set is not at {place} any more. Say where it is: the untouched "
            "pictures come from it."
        )
    patches, donors = select_patches(place, settings)
    positions = {patch: i for i, patch in enumerate(patches.ids)}
    ids, labels, pictures = list(rows.id), [int(label) for label in rows.label], list(rows.picture)
    missing = [patch for patch in ids if patch not in positions]
    if missing:
        raise StudyError(
            f"The audit's patch {missing[0]} is not in {place.name}. Give the data set that was audited."
        )
    textures: list[list[Pixels]] = []

    def read(index: int, wanted: Collection[str]) -> Source:
        source = source_from_audit(
            folder,
            ids[index],
            labels[index],
            pictures[index],
            patches.pixels(positions[ids[index]]),
            settings.attack.texture,
        )
        attack = settings.attack
        if about.get("method", 1) > 1:  # before, all images of an audit shared one seed
            attack = replace(attack, seed=draw_seed(attack.seed, source.name, 0))
        source = with_fillings(source, wanted, attack)
        if NUCLEI in wanted:
            if not textures:
                textures.append(donor_textures(donors))
            rng = np.random.default_rng(seed_of(settings.cells.seed, source.name))
            source.others[NUCLEI] = paste_nuclei(source.pixels, source.mask, textures[0], rng)
        return source

    remark = (
        "An audit keeps the pictures of SNAP alone. Fillings of the same cells (median colour, "
        "a random patch as first drawn, real nuclei) are made again "
        "exactly as they were audited; squares, any colour and the whole image cannot be had."
    )
    return Material(
        f"audit of {name}",
        tuple(ids),
        tuple(labels),
        (*fillings_of([settings.attack.texture]), NUCLEI),
        read,
        model if model.is_file() else None,
        model_sha256,
        (remark,),
    )


def check_source(source: Source) -> Source:
    """The same source if it holds together.

    Raises:
        StudyError: an altered picture is of another size, differs outside the mask, or does not differ at
            all.
    """
    for arm, pixels in {"SNAP": source.snap, **source.others}.items():
        if pixels.shape != source.pixels.shape:
            raise StudyError(
                f"{source.name} is {size_words(pixels)} as {arm} and {size_words(source.pixels)} "
                "untouched; both must be of one size."
            )
        changed = (pixels != source.pixels).any(axis=2)
        outside = int((changed & ~source.mask).sum())
        if outside:
            raise StudyError(
                f"{source.name} as {arm} differs from the untouched picture in {outside} pixels outside its "
                "mask. Use the very picture that was altered (lossless, not JPEG), and its own mask."
            )
        if not changed.any():
            raise StudyError(f"{source.name} as {arm} is the same as untouched. Leave it out.")
    return source


def with_fillings(source: Source, wanted: Collection[str], attack: AttackSettings) -> Source:
    """The same source with those of the fillings that are wanted."""
    fillings = [name for name in fillings_of([attack.texture]) if name in wanted]
    source.others.update(fill_cells(source, attack, fillings) if fillings else {})
    return source


def _read_json(path: Path, trouble: str) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise StudyError(f"{trouble}: its {path.name} cannot be read. Choose another folder.") from error


def size_words(pixels: Pixels) -> str:
    """Width and height for people."""
    return f"{pixels.shape[1]} x {pixels.shape[0]} px"


def readable(material: Material, index: int, wanted: Collection[str]) -> Source | str:
    """A source that holds together, or why not, so that one bad picture does not end the rest."""
    try:
        return check_source(material.read(index, wanted))
    except (SnapError, OSError) as error:
        name, said = material.names[index], str(error)
        return said if said.startswith(name) else f"{name}: {said}"


def fillings_of(textures: Collection[TextureName]) -> tuple[str, ...]:
    """Names of the fillings that can be had of all pictures with these textures."""
    return ("median colour", *(RANDOM_NAMES[texture] for texture in set(textures) if len(set(textures)) == 1))


def fill_cells(source: Source, attack: AttackSettings, names: Collection[str]) -> dict[str, Pixels]:
    """The source with its cells filled, by the name of the filling; the same pixels as the audit's and the
    run's own controls.
    """
    image, mask = to_image(source.pixels)[None], torch.from_numpy(source.mask)[None, None]
    filled = control_images(image, mask, attack)
    return {name: to_pixels(pictures[0]) for name, pictures in filled.items() if name in names}
