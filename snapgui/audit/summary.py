"""The table of an audit in figures: accuracy before and after, success with intervals, cost and visibility,
by condition.
"""

import math
import re
from typing import Any

import pandas as pd

from snapgui.audit.rows import UNTOUCHED
from snapgui.engine.settings import CENTRES
from snapgui.statistics import share

PAPER = {"accuracy_before": 0.9628, "accuracy_after": 0.690}
MEDIANS = (
    "area",
    "best_step",
    "steps",
    "ssim_mask",
    "ssim_whole",
    "psnr_whole_db",
    "mean_de00_mask",
    "p95_de00_mask",
    "mean_de00_whole",
)


def summarise(rows: pd.DataFrame) -> dict[str, Any]:
    """Figures of a table of rows: ``before`` (what the victim says of the untouched images) and one entry per
    condition.
    """
    untouched = rows[rows["condition"] == UNTOUCHED]
    readable = untouched[untouched["status"] != "unreadable"]
    right = readable["predicted_before"] == readable["label"]
    before = {
        "images": len(untouched),
        "unreadable": len(untouched) - len(readable),
        "attacked": int((untouched["status"] == "attacked").sum()),
        "accuracy": share(int(right.sum()), len(readable)),
        "sensitivity": _rate(right, readable["label"] == 1),
        "specificity": _rate(right, readable["label"] == 0),
    }
    named = rows[rows["condition"] != UNTOUCHED]
    conditions = [
        _condition(str(name), part, readable, right) for name, part in named.groupby("condition", sort=False)
    ]
    found = area_of_accuracy(conditions, PAPER["accuracy_after"])
    return {"before": before, "conditions": conditions, "paper": PAPER, "area_of_paper": found}


def area_of_accuracy(conditions: list[dict[str, Any]], accuracy: float) -> dict[str, float | None]:
    """The smallest area asked at which accuracy falls to this or below, by centre; None where none did."""
    reached: dict[str, float | None] = {}
    for centre in CENTRES:
        named = [
            (re.fullmatch(rf"area (.+)%, centre {centre}", one["condition"]), one["accuracy"]["share"])
            for one in conditions
        ]
        low_enough = [
            float(match[1]) / 100
            for match, share in named
            if match and share is not None and share <= accuracy
        ]
        reached[centre] = min(low_enough, default=None)
    return reached


def _condition(
    name: str, part: pd.DataFrame, readable: pd.DataFrame, right_before: pd.Series
) -> dict[str, Any]:
    measured = part[part["status"] == "measured"]
    flipped = measured["flipped"].astype(bool)
    fooled = set(measured.loc[flipped, "position"])
    right = right_before & ~readable["position"].isin(fooled)
    reached = measured["reached_goal"].astype(bool)
    return {
        "condition": name,
        "no_room": int((part["status"] == "no room").sum()),
        "flipped": share(int(flipped.sum()), len(measured)),
        "reached_goal": share(int(reached.sum()), len(measured)),
        "flipped_by_centre": {
            centre: share(
                int(flipped[measured["centre"] == centre].sum()), int((measured["centre"] == centre).sum())
            )
            for centre in ("open", "excluded")
        },
        "accuracy": share(int(right.sum()), len(readable)),
        "sensitivity": _rate(right, readable["label"] == 1),
        "specificity": _rate(right, readable["label"] == 0),
        "medians": {column: _median(measured[column]) for column in MEDIANS},
        "median_steps_to_goal": _median(measured.loc[reached, "best_step"]),
    }


def goal_curve(rows: pd.DataFrame, condition: str, steps: int) -> list[float]:
    """Share of the images that had reached the goal after 0, 1, ... ``steps`` steps."""
    part = rows[(rows["condition"] == condition) & (rows["status"] == "measured")]
    at = part.loc[part["reached_goal"].astype(bool), "best_step"]
    return [float((at <= step).sum()) / len(part) if len(part) else math.nan for step in range(steps + 1)]


def table_text(summary: dict[str, Any]) -> str:
    """The figures as a plain table for a terminal."""
    before = summary["before"]
    lines = [
        f"{before['images']} images, {before['attacked']} attacked (correctly classified, of the source "
        f"class), {before['unreadable']} unreadable",
        (
            f"{'condition':<34} {'flipped':>24} {'goal':>7} {'accuracy':>9} {'sens.':>7} {'spec.':>7} "
            f"{'area':>7} {'steps':>6} {'dE00':>6}"
        ),
        f"{'untouched':<34} {'':>24} {'':>7} {_per_cent(before['accuracy']):>9} "
        f"{_per_cent(before['sensitivity']):>7} {_per_cent(before['specificity']):>7}",
    ]
    for one in summary["conditions"]:
        low, high = one["flipped"]["interval"]
        flipped = f"{_per_cent(one['flipped'])} ({low:.1%} to {high:.1%})"
        medians = one["medians"]
        lines.append(
            f"{one['condition']:<34} {flipped:>24} {_per_cent(one['reached_goal']):>7} "
            f"{_per_cent(one['accuracy']):>9} "
            f"{_per_cent(one['sensitivity']):>7} {_per_cent(one['specificity']):>7} "
            f"{_number(medians['area'], '.1%'):>7} "
            f"{_number(one['median_steps_to_goal'], '.0f'):>6} {_number(medians['mean_de00_mask'], '.1f'):>6}"
            + (f"  no room: {one['no_room']}" if one["no_room"] else "")
        )
    for centre, area in summary["area_of_paper"].items():
        if area:
            lines.append(
                "Smallest area that brings accuracy to the paper's "
                f"{summary['paper']['accuracy_after']:.1%}, centre {centre}: {area:.0%}"
            )
    paper = summary["paper"]
    lines.append(
        f"The paper's SNAP on its training patches: accuracy {paper['accuracy_before']:.1%} before, "
        f"{paper['accuracy_after']:.1%} after (area, steps and success rate not given)."
    )
    return "\n".join(lines)


def _rate(right: pd.Series, of: pd.Series) -> dict[str, Any]:
    return share(int((right & of).sum()), int(of.sum()))


def _median(values: pd.Series) -> float | None:
    values = values.dropna()
    return float(values.median()) if len(values) and math.isfinite(float(values.median())) else None


def _per_cent(one: dict[str, Any]) -> str:
    return "-" if one["share"] is None else f"{one['share']:.1%}"


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)
