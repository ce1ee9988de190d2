"""Saved audits: what lies on disk, finished or not, and the patches that they looked at."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from snapgui.audit import store
from snapgui.audit.plan import select_patches
from snapgui.audit.rows import UNTOUCHED
from snapgui.audit.settings import AuditSettings
from snapgui.data.datasets import PatchSet
from snapgui.engine.cells.outlines import Mask, read_mask
from snapgui.errors import DAMAGED, DataError, SnapError
from snapgui.workspace import workspace

_TEXTS = ("data_path", "model_path", "fingerprint", "model", "model_sha256", "data", "started")


@dataclass(frozen=True)
class SavedAudit:
    """An audit on disk.

    Attributes:
        about: ``audit.json`` as it stands.
        images_done, images: by finished shards.
        finished: whether its table and its summary are there.
    """

    folder: Path
    about: dict[str, Any]
    settings: AuditSettings
    images_done: int
    images: int
    finished: bool

    @property
    def data(self) -> Path:
        """Where its data set was."""
        return Path(self.about["data_path"])

    @property
    def model(self) -> Path:
        """Where its model was."""
        return Path(self.about["model_path"])


@dataclass(frozen=True)
class FinishedAudit(SavedAudit):
    """A finished audit: with ``summary.json`` and the table."""

    summary: dict[str, Any]
    rows: pd.DataFrame


def audits_folder() -> Path:
    """Where the app keeps audits; raises DataError where the workspace cannot be written."""
    return workspace() / "audits"


def read_audit(folder: Path) -> SavedAudit:
    """An audit, finished or not; raises DataError if what describes it is damaged."""
    try:
        about = json.loads((folder / "audit.json").read_text(encoding="utf-8"))
        settings = AuditSettings.from_json(about["settings"])
        for name in _TEXTS:
            if not isinstance(about[name], str):
                raise ValueError(f"{name} is no text")
        if not isinstance(about.get("versions", {}), dict):
            raise ValueError("versions are not those of libraries by name")
        if [type(name) for name in about["classes"]] != [str, str]:
            raise ValueError("classes are not two names")
        images, size = int(about["images"]), settings.shard_size
        done = sum(max(0, min(size, images - index * size)) for index in store.finished_shards(folder))
        finished = (folder / "summary.json").is_file() and (folder / "rows.parquet").is_file()
        return SavedAudit(folder, about, settings, done, images, finished)
    except (*DAMAGED, SnapError) as error:
        raise DataError(
            f"{folder.name} is no audit that can be read: its audit.json is damaged or of another version "
            f"({str(error)[:120]}). Run the audit again, or choose another folder named audit-…"
        ) from error


def finished_audits(wanted: Callable[[SavedAudit], bool]) -> list[SavedAudit]:
    """The finished audits of the workspace that are wanted, the newest first; of those that cannot be read
    the Audit page says why.
    """
    found = []
    try:
        folders = store.find_audits(audits_folder())
    except SnapError:
        return []
    for folder in folders:
        try:
            audit = read_audit(folder)
        except SnapError:
            continue
        if audit.finished and wanted(audit):
            found.append(audit)
    return found


def read_finished(folder: Path) -> FinishedAudit:
    """A finished audit; raises DataError where it is not finished or damaged."""
    audit = read_audit(folder)
    summary, rows = store.read_summary(folder), store.read_rows(folder)
    untouched, before = rows[rows["condition"] == UNTOUCHED], summary["before"]
    told = {row["condition"] for row in summary["conditions"]}
    same = (len(untouched), int((untouched["status"] == "unreadable").sum())) == (
        before["images"],
        before["unreadable"],
    )
    if not same or not told <= set(rows["condition"]):
        raise DataError(
            f"The summary of {folder.name} and its table speak of different images or conditions. Delete "
            "the audit and run it again."
        )
    return FinishedAudit(**vars(audit), summary=summary, rows=rows)


def why_not_continued(audit: SavedAudit) -> str:
    """Why an audit cannot continue, as far as a look at the disk tells; empty where nothing speaks against
    it.
    """
    for what, path, there in (
        ("data set", audit.data, audit.data.is_dir()),
        ("model", audit.model, audit.model.is_file()),
    ):
        if not there:
            return (
                f"The {what} {path} is gone, so this audit cannot continue. Put it back, or delete the audit."
            )
    return ""


def audited_patches(audit: SavedAudit) -> PatchSet:
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


def picture_file(audit: SavedAudit, picture: str) -> Path:
    """An adversarial picture of the audit."""
    return audit.folder / "pictures" / Path(picture).name


def snap_mask(audit: SavedAudit, picture: str, pixels: NDArray[np.uint8]) -> Mask:
    """The mask that SNAP had on an image; raises DataError or MaskError if it is gone or does not fit."""
    path = picture_file(audit, picture.replace(".png", "-mask.png"))
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(
            f"The mask {path.name} is gone from {audit.folder.name}. Delete the audit and run it again."
        ) from error
    return read_mask(data, shape=(pixels.shape[0], pixels.shape[1]), name=path.name)
