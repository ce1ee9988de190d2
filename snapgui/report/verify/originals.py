"""What an audit states of pictures whose untouched image is in the bundle: measured again, controls made
again.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from snapgui.audit.alter import Subjects, alter
from snapgui.audit.rows import naturalness_columns, visibility_columns
from snapgui.audit.settings import AuditSettings, Condition, conditions_of
from snapgui.engine.cells.outlines import Mask
from snapgui.engine.detector.linear import shipped_detector
from snapgui.engine.images import to_image
from snapgui.engine.victim.victim import Victim
from snapgui.engine.visibility.measures import measure
from snapgui.engine.visibility.naturalness import measure_naturalness
from snapgui.report.verify.checks import Check, agree, check
from snapgui.words import per_cent

TOLERANCE = 0.001
# Another version of a library may find a nucleus more, or put a cell over the threshold.
ONE_CELL = 1.0
Pixels = NDArray[np.uint8]
# By position: before, after, mask.
Pictures = dict[int, tuple[Pixels, Pixels, Mask]]


def remade(condition: Condition) -> bool:
    """Whether a condition can be made again from a picture, its mask and what SNAP made of it."""
    return (condition.kind == "fill" and condition.fill != "nuclei") or condition.kind == "sham"


def check_looks(rows: pd.DataFrame, pictures: Pictures, detector: str | None) -> Iterator[Check]:
    """Visibility and naturalness of SNAP's rows, measured again; ``detector`` is the one of the audit."""
    wrong = []
    for row in rows.to_dict("records"):
        before, after, mask = pictures[int(row["position"])]
        bad = _other(row, visibility_columns(measure(before, after, mask)), TOLERANCE)
        if pd.notna(row.get("cells")):
            found = naturalness_columns(measure_naturalness(before, after, mask, shipped_detector()))
            counted = {name: found.pop(name) for name in ("cells", "picked_out", "picked_out_before")}
            bad += _other(row, found, TOLERANCE)
            if detector == shipped_detector().sha256:
                bad += _other(row, counted, ONE_CELL)
        if bad:
            wrong.append(Check("fails", f"{row['picture']}: measured again, {', '.join(bad)} differ"))
    yield from wrong
    yield check(
        not wrong,
        f"visibility and naturalness of {len(rows) - len(wrong)} of {len(rows)} pictures are as stated "
        f"within one cell and {TOLERANCE:g}",
    )


def _other(row: dict[str, Any], found: dict[str, Any], tolerance: float) -> list[str]:
    """The columns in which a row differs from what was found."""
    return [
        name
        for name, value in found.items()
        if not (pd.isna(row[name]) if value is None else agree(float(row[name]), float(value), tolerance))
    ]


def check_controls(
    rows: pd.DataFrame, snap: pd.DataFrame, pictures: Pictures, settings: AuditSettings, victim: Victim
) -> Iterator[Check]:
    """Answers and visibility of the fillings of some images, made again in the cells of SNAP."""
    wrong, made = [], 0
    for row in snap.to_dict("records"):
        before, after, mask = pictures[int(row["position"])]
        subject = Subjects(
            [int(row["position"])],
            [str(row["id"])],
            np.array([int(row["label"])]),
            [before],
            np.zeros((1, len(victim.card.classes))),
        )
        own = rows[(rows["position"] == row["position"]) & (rows["status"] == "measured")]
        for condition in filter(remade, conditions_of(settings)):
            stated = own[own["condition"] == condition.name]
            for draw, one in enumerate(stated.to_dict("records")):
                altered = alter(
                    victim,
                    subject,
                    [mask],
                    condition,
                    (),
                    batch_size=settings.batch_size,
                    draw=draw,
                    snap=[after],
                )
                picture, made = altered.pixels[0], made + 1
                p = float(victim.predict(to_image(picture)[None])[0][int(row["label"])])
                found = {"p_label_after": p} | visibility_columns(measure(before, picture, mask))
                bad = _other(one, found, TOLERANCE)
                if bad:
                    wrong.append(
                        Check(
                            "fails",
                            f"{row['picture']}, {condition.name}, made again: {', '.join(bad)} differ; "
                            f"the model says {per_cent(p, 2)} for the true class",
                        )
                    )
    yield from wrong
    if made:
        yield check(
            not wrong,
            f"{made - len(wrong)} of {made} controls of {len(snap)} pictures, made again, are as stated",
        )


def originals_differ(before: Pixels, after: Pixels, mask: Mask, row: dict[str, Any], victim: Victim) -> str:
    """What is wrong with an untouched picture; empty where nothing is."""
    if before.shape != after.shape:
        return "its untouched picture has another size"
    if (before != after).any(axis=2)[~mask].any():
        return "pixels outside the mask were changed"
    with torch.no_grad():
        p = float(victim.predict(to_image(before)[None])[0][int(row["label"])])
    if not agree(float(row["p_label_before"]), p, 2 * TOLERANCE):
        return (
            f"untouched, scored here {per_cent(p, 2)} for its true class; "
            f"{per_cent(float(row['p_label_before']), 2)} is stated"
        )
    return ""
