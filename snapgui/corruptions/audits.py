"""Corruptions of the pictures of a finished audit, beside what SNAP made of them there."""

from collections.abc import Callable, Generator
from pathlib import Path

import numpy as np

from snapgui.audit.choose import measured_rows
from snapgui.audit.read import FinishedAudit, audited_patches, picture_file
from snapgui.audit.rows import UNTOUCHED
from snapgui.audit.settings import SNAP
from snapgui.corruptions.measure import CorruptionSettings
from snapgui.corruptions.run import CorruptionProgress, run_corruptions
from snapgui.corruptions.store import Comparison, write_comparison
from snapgui.corruptions.subjects import Pixels, Subjects, take_turns
from snapgui.corruptions.summary import images_words, summarise
from snapgui.engine.images import read_pixels, to_image
from snapgui.engine.victim.victim import Victim
from snapgui.errors import DataError
from snapgui.provenance import device_name, library_versions

PARTS = "corruptions"
# Other threads or devices move the last bits of a probability, another picture far more.
SAME = 0.02


def corrupt_audit(
    audit: FinishedAudit,
    settings: CorruptionSettings,
    *,
    device: str = "cpu",
    stop: Callable[[], bool] | None = None,
) -> Generator[CorruptionProgress, None, Comparison | None]:
    """Measure corruptions of an audit's pictures, and write numbers and table into its folder; yields
    progress and returns them, None where it was stopped.

    Raises:
        DataError: data set, model or pictures are gone or not those of the audit, or the folder cannot be
            written.
    """
    victim = audited_victim(audit, device=device)
    subjects = audit_subjects(audit, victim, most=settings.images)
    rows = yield from run_corruptions(victim, subjects, audit.folder / PARTS, settings, stop=stop)
    if rows is None:
        return None
    numbers = summarise(rows, list(subjects.snap))
    words = f"{images_words(numbers)} of the audit {audit.folder.name}."
    comparison = Comparison(words, numbers, {SNAP: "this audit"})
    facts = {
        "fingerprint": audit.about["fingerprint"],
        "model_sha256": victim.card.sha256,
        "settings": settings.to_json(),
        "device": device_name(victim.mean.device),
        "versions": library_versions(),
    }
    write_comparison(audit.folder, comparison, facts)
    return comparison


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


def audit_subjects(audit: FinishedAudit, victim: Victim, *, most: int | None = None) -> Subjects:
    """The readable pictures of an audit, at most so many of each class, with what SNAP made of them.

    Raises:
        DataError: the data set is gone or another, or no picture of SNAP is kept.
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
    order = take_turns(untouched["label"].to_numpy(np.int64), most=most)
    chosen = untouched.iloc[order].to_dict("records")
    for row in chosen:
        position = int(row["position"])
        if (patches.ids[position], int(patches.labels[position])) != (row["id"], int(row["label"])):
            raise DataError(
                f"The data set {audit.data} has changed since the audit: {row['id']} is not in its place or "
                "has another label. Run the audit again."
            )
    first = to_image(patches.pixels(int(chosen[0]["position"])))[None]
    found = float(victim.predict(first)[0, int(chosen[0]["label"])])
    if abs(found - chosen[0]["p_label_before"]) > SAME:
        raise DataError(
            f"The data set {audit.data} has changed since the audit: the model answers otherwise on "
            f"{chosen[0]['id']}. Run the audit again."
        )

    def snap(place: int) -> Pixels | None:
        picture = pictures.get(int(chosen[place]["position"]))
        return None if picture is None else read_pixels(picture_file(audit, picture))

    return Subjects(
        names=tuple(str(row["id"]) for row in chosen),
        labels=tuple(int(row["label"]) for row in chosen),
        pixels=lambda place: patches.pixels(int(chosen[place]["position"])),
        snap={SNAP: snap},
        identity={"audit": audit.about["fingerprint"]},
    )
