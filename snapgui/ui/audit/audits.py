"""Audits as the app keeps them: what lies in the workspace, what may go on, what a job is asked. No Streamlit
in here.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snapgui.audit import store
from snapgui.audit.plan import plan_audit, select_patches
from snapgui.audit.run import AuditOutcome, run_audit
from snapgui.audit.settings import AuditSettings, conditions_of
from snapgui.data.datasets import PatchSet
from snapgui.engine.cells.outlines import Mask, read_mask
from snapgui.engine.victim.victim import Victim
from snapgui.errors import DataError, SnapError
from snapgui.provenance import library_versions
from snapgui.ui.jobs import Handle
from snapgui.workspace import workspace

FIGURES = (
    "flipped",
    "reached_goal",
    "accuracy",
    "sensitivity",
    "specificity",
    "medians",
    "condition",
    "no_room",
)


@dataclass(frozen=True)
class KeptAudit:
    """An audit in the workspace.

    Attributes:
        images_done, images: by finished shards.
        finished: whether its table and its summary are there.
        about: ``audit.json`` as it stands.
    """

    folder: Path
    settings: AuditSettings
    images_done: int
    images: int
    finished: bool
    about: dict[str, Any]

    @property
    def data(self) -> Path:
        """Where its data set was."""
        return Path(self.about["data_path"])

    @property
    def model(self) -> Path:
        """Where its model was."""
        return Path(self.about["model_path"])


@dataclass(frozen=True)
class AuditTask:
    """What a job is asked; ``goes_on`` names the audit that it continues."""

    model: Path
    data: Path
    out: Path
    settings: AuditSettings
    goes_on: KeptAudit | None = None


def audits_folder() -> Path:
    """Where the app keeps audits; raises DataError where the workspace cannot be written."""
    return workspace() / "audits"


def read_audit(folder: Path) -> KeptAudit:
    """An audit of the workspace; raises DataError if what describes it is damaged."""
    try:
        about = json.loads((folder / "audit.json").read_text(encoding="utf-8"))
        settings = AuditSettings.from_json(about["settings"])
        for name in ("data_path", "model_path", "fingerprint", "model", "model_sha256", "data", "started"):
            if not isinstance(about[name], str):
                raise ValueError(f"{name} is no text")
        images, size = int(about["images"]), settings.shard_size
        done = sum(max(0, min(size, images - index * size)) for index in store.finished_shards(folder))
        finished = (folder / "summary.json").is_file() and (folder / "rows.parquet").is_file()
        return KeptAudit(folder, settings, done, images, finished, about)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, SnapError) as error:
        raise DataError(
            f"The audit {folder.name} cannot be read: its audit.json is damaged or of another "
            f"version ({str(error)[:120]}). Delete it and run it again."
        ) from error


def read_figures(audit: KeptAudit) -> dict[str, Any]:
    """The summary of a finished audit; raises DataError if a part of it is missing."""
    summary = store.read_summary(audit.folder)
    try:
        whole = all(name in one for one in summary["conditions"] for name in FIGURES)
        whole = whole and {
            "images",
            "attacked",
            "accuracy",
            "sensitivity",
            "specificity",
            "unreadable",
        } <= set(summary["before"])
    except (KeyError, TypeError):
        whole = False
    if not whole:
        raise DataError(f"The summary of {audit.folder.name} lacks figures. Delete it and run it again.")
    return summary


def why_not_on(audit: KeptAudit) -> str:
    """Why an audit cannot go on, as far as a look at the disk tells; empty where nothing speaks against
    it.
    """
    if not audit.data.is_dir():
        return (
            f"The data set {audit.data} is gone, so this audit cannot go on. Put the folder back, or "
            "delete the audit."
        )
    if not audit.model.is_file():
        return (
            f"The model {audit.model} is gone, so this audit cannot go on. Put the file back, or delete "
            "the audit."
        )
    return ""


def require_unchanged(audit: KeptAudit, device: str) -> None:
    """Make sure that to go on continues this audit; raises DataError with what has changed since it began."""
    trouble = why_not_on(audit)
    if trouble:
        raise DataError(trouble)
    victim = Victim.load(audit.model, device=device)
    if plan_audit(victim, audit.data, audit.settings).fingerprint == audit.about["fingerprint"]:
        return
    if victim.card.sha256 != audit.about["model_sha256"]:
        what = f"the model {audit.model.name} is another one"
    elif library_versions() != audit.about.get("versions"):
        what = "the program or its libraries are of other versions"
    else:
        what = f"the patches or labels in {audit.data} have changed, or it is computed on another device"
    raise DataError(
        f"This audit cannot go on, since {what} than when it began. Going on would mix two audits: "
        "choose the folder above and press Run audit to start a new one."
    )


def share_done(task: AuditTask, images_done: int, images: int, doing: str) -> float:
    """How much of an audit is done, 0 to 1, counting the conditions within the present shard."""
    names = ["untouched", *(condition.name for condition in conditions_of(task.settings))]
    within = names.index(doing) / len(names) if doing in names else 0.0
    shard = min(task.settings.shard_size, images - images_done)
    return min(1.0, (images_done + within * shard) / max(1, images))


def audited_patches(audit: KeptAudit) -> PatchSet:
    """The patches that an audit looked at; raises DataError if the data set is gone or no longer the same
    size.
    """
    try:
        patches, _ = select_patches(audit.data, audit.settings)
    except OSError as error:
        raise DataError(f"The data set {audit.data} cannot be read ({error.strerror}).") from error
    if len(patches) != audit.images:
        raise DataError(
            f"The data set {audit.data} gives {len(patches)} patches now; the audit looked at {audit.images}."
        )
    return patches


def picture_file(audit: KeptAudit, picture: str) -> Path:
    """An adversarial picture of the audit."""
    return audit.folder / "pictures" / Path(picture).name


def snap_mask(audit: KeptAudit, picture: str, pixels: NDArray[np.uint8]) -> Mask:
    """The mask that SNAP had on an image; raises DataError or MaskError if it is gone or does not fit."""
    path = picture_file(audit, picture.replace(".png", "-mask.png"))
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(
            f"The mask {path.name} is gone from {audit.folder.name}. Delete the audit and run it again."
        ) from error
    return read_mask(data, shape=(pixels.shape[0], pixels.shape[1]), name=path.name)


def audit_work(task: AuditTask, device: str) -> Callable[[Handle], AuditOutcome]:
    """Work that drains one audit; an audit that is to go on must be the same as when it began."""

    def work(handle: Handle) -> AuditOutcome:
        try:
            if task.goes_on is not None:
                require_unchanged(task.goes_on, device)
            audit = run_audit(task.model, task.data, task.out, task.settings, device=device, stop=handle.stop)
            while True:
                try:
                    progress = next(audit)
                except StopIteration as end:
                    return end.value
                handle.report(progress, None)
        except OSError as error:
            raise DataError(
                f"The audit ended, since a file could not be read or written: {error}. What is done "
                "is kept; go on below."
            ) from error

    return work
