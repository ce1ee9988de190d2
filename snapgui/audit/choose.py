"""What is chosen from a finished audit to be shown: conditions, rows, curves, images."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from snapgui.audit.read import FinishedAudit, audited_patches, picture_file, snap_mask
from snapgui.audit.settings import GROUPS, SNAP, AuditSettings, Condition, Group, conditions_of
from snapgui.audit.summary import goal_curve
from snapgui.engine.images import read_pixels
from snapgui.engine.settings import CENTRES
from snapgui.errors import SnapError
from snapgui.words import CENTRE_WORDS

Numbers = dict[str, Any]


@dataclass(frozen=True)
class GoalCurve:
    """The share of ``images`` at the goal, or of another class, at each step, from step 0."""

    shares: list[float]
    images: int


@dataclass(frozen=True)
class AttackedImage:
    """One image that SNAP attacked: its row, the saved picture, its mask, and the picture before where the
    data set is there.
    """

    row: dict[str, Any]
    after: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    before: NDArray[np.uint8] | None


def by_group(settings: AuditSettings) -> dict[Group, list[Condition]]:
    """The conditions of an audit by what they are compared with."""
    asked = conditions_of(settings)
    return {group: [condition for condition in asked if condition.group == group] for group in GROUPS}


def numbers_of(audit: FinishedAudit, name: str) -> Numbers | None:
    """The numbers of one condition, None where it was not measured."""
    return next((row for row in audit.summary["conditions"] if row["condition"] == name), None)


def measured(audit: FinishedAudit, conditions: Iterable[Condition]) -> list[Numbers]:
    """The numbers of those conditions under which an image was altered, in their order."""
    found = (numbers_of(audit, condition.name) for condition in conditions)
    return [row for row in found if row is not None and row["flipped"]["share"] is not None]


def by_area(audit: FinishedAudit) -> dict[str, list[Numbers]]:
    """The group ``area`` as one series for each rule of the centre, in words, each by growing area."""
    conditions = by_group(audit.settings)["area"]
    series = {
        CENTRE_WORDS[centre]: sorted(
            measured(audit, (condition for condition in conditions if condition.cells.centre == centre)),
            key=lambda row: float(row["medians"]["area"]),
        )
        for centre in CENTRES
    }
    return {name: rows for name, rows in series.items() if rows}


def measured_rows(audit: FinishedAudit, name: str) -> pd.DataFrame:
    """Rows of the images that a condition altered."""
    return audit.rows[(audit.rows["condition"] == name) & (audit.rows["status"] == "measured")]


def goal_reached(audit: FinishedAudit) -> bool:
    """Whether SNAP brought any image to the goal."""
    return any(measured_rows(audit, condition.name)["reached_goal"].any() for condition in _snaps(audit))


def goal_curves(audit: FinishedAudit) -> dict[str, GoalCurve]:
    """How soon SNAP reached its goal, by the rule of the centre in words; where no image did, how soon the
    class changed, and nothing where no class did, nor where runs go on after their goal for the least change:
    the step of the picture they keep does not say how soon it was reached.
    """
    if audit.settings.attack.least_change:
        return {}
    asked = _snaps(audit)
    column = "reached_goal" if goal_reached(audit) else "flipped"
    if not any(measured_rows(audit, condition.name)[column].any() for condition in asked):
        return {}
    taken = [measured_rows(audit, condition.name)["best_step"].max() for condition in asked]
    last = int(max([audit.settings.attack.steps, *taken]))
    return {
        CENTRE_WORDS[condition.cells.centre]: GoalCurve(
            goal_curve(audit.rows, condition.name, last, column=column),
            len(measured_rows(audit, condition.name)),
        )
        for condition in asked
    }


def _snaps(audit: FinishedAudit) -> list[Condition]:
    """SNAP as it is, with the centre open and kept free, where it altered an image."""
    return [
        condition
        for condition in by_group(audit.settings)["standard"]
        if condition.name.startswith(SNAP) and len(measured_rows(audit, condition.name))
    ]


def surest_and_hardest(audit: FinishedAudit, count: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """SNAP's rows with a picture: those that fool the model most surely, and those that were hardest to
    fool, ``count`` each at most, none twice.
    """
    rows = measured_rows(audit, SNAP)
    snap = rows[rows["picture"].notna()].sort_values("p_label_after", kind="stable")
    fooled = snap[snap["flipped"].astype(bool)].head(count)
    rest = snap[~snap["position"].isin(fooled["position"])]
    return fooled, rest.iloc[::-1].head(count)


def attacked_images(audit: FinishedAudit, count: int) -> tuple[list[AttackedImage], list[AttackedImage]]:
    """`surest_and_hardest` with their pictures, as `images_of` gives them."""
    surest, hardest = surest_and_hardest(audit, count)
    # Together, since the data set is opened for each call.
    images, first = images_of(audit, pd.concat([surest, hardest])), set(surest["position"])
    return (
        [image for image in images if image.row["position"] in first],
        [image for image in images if image.row["position"] not in first],
    )


def chosen_rows(audit: FinishedAudit, pictures: Sequence[str]) -> pd.DataFrame:
    """SNAP's rows with these pictures, in the order given; those that the audit does not have are left
    out.
    """
    rows = measured_rows(audit, SNAP)
    order = {picture: place for place, picture in enumerate(pictures)}
    rows = rows[rows["picture"].isin(order)]
    return rows.iloc[np.argsort(rows["picture"].map(order).to_numpy(), kind="stable")]


def images_of(audit: FinishedAudit, rows: pd.DataFrame) -> list[AttackedImage]:
    """Images with their pictures; those that are gone are left out, and the picture before is given where
    the data set still is what was audited.
    """
    try:
        patches = audited_patches(audit)
    except SnapError:
        patches = None

    def read(row: dict[str, Any]) -> AttackedImage | None:
        try:
            after = read_pixels(picture_file(audit, row["picture"]))
            mask = snap_mask(audit, row["picture"], after)
        except (SnapError, OSError):
            return None
        before, position = None, int(row["position"])
        if patches is not None and patches.ids[position] == row["id"]:
            try:
                before = patches.pixels(position)
            except (SnapError, OSError):
                before = None
            if before is not None and (before.shape != after.shape or (before != after)[~mask].any()):
                before = None
        return AttackedImage(row, after, mask, before)

    return [image for image in map(read, rows.to_dict("records")) if image is not None]
