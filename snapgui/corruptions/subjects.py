"""What is corrupted: labelled pictures, and what SNAP made of some of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from snapgui.audit.choose import measured_rows
from snapgui.audit.read import FinishedAudit, audited_patches, picture_file
from snapgui.audit.rows import UNTOUCHED
from snapgui.audit.settings import SNAP
from snapgui.engine.images import read_pixels
from snapgui.engine.victim.victim import Victim
from snapgui.errors import DataError

Pixels = NDArray[np.uint8]
CLASSES = {1: "metastases", 0: "normal patches"}


@dataclass(frozen=True)
class Subjects:
    """Pictures in a fixed random order in which the classes take turns: more begin with fewer.

    Attributes:
        names: of the pictures, each once.
        labels: 0 normal, 1 metastasis.
        pixels: reads a picture by its place.
        snap: by name of a curve, what reads SNAP's picture of a place; None where there is none.
        identity: all that decides the rows, beside settings and versions.
    """

    names: tuple[str, ...]
    labels: tuple[int, ...]
    pixels: Callable[[int], Pixels]
    snap: Mapping[str, Callable[[int], Pixels | None]]
    identity: Mapping[str, object]


def audit_subjects(audit: FinishedAudit, *, most: int | None = None) -> Subjects:
    """The readable pictures of an audit, at most so many of each class, with what SNAP made of them.

    Raises:
        DataError: the data set is gone or another, or no picture is kept.
    """
    patches = audited_patches(audit)
    untouched = audit.rows[(audit.rows["condition"] == UNTOUCHED) & (audit.rows["status"] != "unreadable")]
    kept = measured_rows(audit, SNAP)
    pictures = dict(zip(kept["position"].astype(int), kept["picture"], strict=True))
    if not pictures:
        raise DataError(
            f"{audit.folder.name} holds no picture that SNAP made, so nothing can stand beside corruptions. "
            "Audit images that the model recognises."
        )
    labels = patches.labels[untouched["position"].to_numpy(np.int64)]
    places = untouched["position"].to_numpy(np.int64)[take_turns(labels, most=most)]
    before = dict(zip(untouched["position"], untouched["id"], strict=True))
    moved = [patches.ids[i] for i in places if patches.ids[i] != before[i]]
    if moved:
        raise DataError(
            f"The data set {audit.data} has changed since the audit: {moved[0]} is not in its place. Run the "
            "audit again."
        )

    def snap(place: int) -> Pixels | None:
        picture = pictures.get(int(places[place]))
        return None if picture is None else read_pixels(picture_file(audit, picture))

    return Subjects(
        names=tuple(patches.ids[i] for i in places),
        labels=tuple(int(patches.labels[i]) for i in places),
        pixels=lambda place: patches.pixels(int(places[place])),
        snap={SNAP: snap},
        identity={"audit": audit.about["fingerprint"]},
    )


def take_turns(labels: NDArray[np.int64], *, most: int | None = None) -> NDArray[np.int64]:
    """Places among the labels: each class shuffled, at most so many of each, the classes by turns."""
    rng = np.random.default_rng(0)
    drawn = [rng.permutation(np.flatnonzero(labels == label))[:most] for label in CLASSES]
    turn = np.concatenate([np.arange(len(part)) for part in drawn])
    return np.concatenate(drawn)[np.argsort(turn, kind="stable")]


def audited_victim(audit: FinishedAudit, *, device: str = "cpu") -> Victim:
    """The model of an audit; raises DataError where it is gone or another one, ModelError where it is
    damaged.
    """
    path = Path(audit.model)
    if not path.is_file():
        raise DataError(f"The model {path} of {audit.folder.name} is gone. Put it back.")
    victim = Victim.load(path, device=device)
    if victim.card.sha256 != audit.about["model_sha256"]:
        raise DataError(
            f"The model {path} is another one than {audit.folder.name} attacked. Put that one back, or run "
            "the audit again."
        )
    return victim
