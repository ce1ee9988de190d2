"""A finished audit as a report needs it: what was asked, its table, its figures, and its worst failures with
their pictures.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from snapgui.audit.plan import select_patches
from snapgui.audit.settings import SNAP, AuditSettings
from snapgui.audit.store import read_rows, read_summary
from snapgui.engine.cells.outlines import read_mask
from snapgui.engine.images import read_pixels
from snapgui.errors import DataError, SnapError


@dataclass(frozen=True)
class AuditFiles:
    """A finished audit: ``audit.json``, settings, summary and table."""

    folder: Path
    about: dict[str, Any]
    settings: AuditSettings
    summary: dict[str, Any]
    rows: pd.DataFrame


@dataclass(frozen=True)
class Attacked:
    """One image that SNAP attacked: its row, the saved picture, its mask, and the picture before where the
    data set is there.
    """

    row: dict[str, Any]
    after: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    before: NDArray[np.uint8] | None


def read_audit_files(folder: Path) -> AuditFiles:
    """A finished audit; raises DataError where it is not finished or damaged."""
    try:
        about = json.loads((folder / "audit.json").read_text(encoding="utf-8"))
        settings = AuditSettings.from_json(about["settings"])
        classes = about["classes"]
        if not isinstance(classes, list) or len(classes) != 2:
            raise ValueError("classes are not two names")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, SnapError) as error:
        raise DataError(
            f"{folder} is no audit that can be read ({str(error)[:120]}). Give a folder named audit-..."
        ) from error
    return AuditFiles(folder, about, settings, read_summary(folder), read_rows(folder))


def attacked_images(audit: AuditFiles, count: int) -> tuple[list[Attacked], list[Attacked]]:
    """SNAP's worst failures of the model (surest first) and the images that came nearest to holding,
    ``count`` each at most, none twice.

    Pictures that are gone are left out; the data set is opened where it still is what was audited.
    """
    rows = audit.rows
    snap = rows[
        (rows["condition"] == SNAP) & (rows["status"] == "measured") & rows["picture"].notna()
    ].sort_values("p_label_after", kind="stable")
    fooled = snap[snap["flipped"].astype(bool)].head(count)
    rest = snap[~snap["position"].isin(fooled["position"])].iloc[::-1].head(count)
    try:
        patches = select_patches(Path(audit.about["data_path"]), audit.settings)[0]
    except (SnapError, OSError, KeyError, TypeError):
        patches = None

    def read(row: dict[str, Any]) -> Attacked | None:
        path = audit.folder / "pictures" / Path(str(row["picture"])).name
        try:
            after = read_pixels(path)
            mask = read_mask(
                path.with_name(f"{path.stem}-mask.png").read_bytes(), shape=(after.shape[0], after.shape[1])
            )
        except (SnapError, OSError):
            return None
        before, position = None, int(row["position"])
        if patches is not None and position < len(patches) and patches.ids[position] == row["id"]:
            try:
                before = patches.pixels(position)
            except (SnapError, OSError):
                before = None
            if before is not None and (before.shape != after.shape or (before != after)[~mask].any()):
                before = None
        return Attacked(row, after, mask, before)

    found = [
        [one for one in map(read, part.to_dict("records")) if one is not None] for part in (fooled, rest)
    ]
    return found[0], found[1]
