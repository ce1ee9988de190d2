"""The table of an audit in numbers: accuracy before and after, success with intervals, cost and visibility,
by condition.
"""

import math
import re
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from snapgui.audit.rows import UNTOUCHED
from snapgui.engine.settings import CENTRES
from snapgui.kinds import is_count, is_number, is_share, require
from snapgui.statistics import share, share_of_draws

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
    """Numbers of a table of rows: ``before`` (what the victim says of the untouched images) and one entry per
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
            (re.fullmatch(rf"area (.+)%, centre {centre}", row["condition"]), row["accuracy"]["share"])
            for row in conditions
        ]
        low_enough = [
            float(match[1]) / 100
            for match, share in named
            if match and share is not None and share <= accuracy
        ]
        reached[centre] = min(low_enough, default=None)
    return reached


def area_interval(
    rows: pd.DataFrame, centre: str, accuracy: float, *, draws: int = 2000, seed: int = 0
) -> tuple[float, float, float]:
    """The area at which accuracy falls to this, read on the straight line between the areas asked (and the
    untouched images at 0), with the ends of its 95 % interval by a bootstrap over images; infinite where no
    area asked brings it so low.
    """
    untouched = rows[(rows["condition"] == UNTOUCHED) & (rows["status"] != "unreadable")]
    right = (untouched["predicted_before"] == untouched["label"]).to_numpy(np.float64)
    named = {
        float(match[1]) / 100: name
        for name in rows["condition"].unique()
        if (match := re.fullmatch(rf"area (.+)%, centre {centre}", name))
    }
    areas = sorted(named)
    columns = [right]
    for area in areas:
        flipped = rows[(rows["condition"] == named[area]) & (rows["flipped"] == 1)]["position"]
        columns.append(right - untouched["position"].isin(flipped).to_numpy(np.float64))
    table = np.stack(columns, axis=1)
    weights = np.random.default_rng(seed).multinomial(len(right), np.full(len(right), 1 / len(right)), draws)
    drawn = [_crossing([0.0, *areas], curve, accuracy) for curve in weights @ table / len(right)]
    low, high = np.quantile(drawn, [0.025, 0.975], method="inverted_cdf")
    return _crossing([0.0, *areas], table.mean(axis=0), accuracy), float(low), float(high)


def _crossing(areas: list[float], curve: NDArray[np.float64], level: float) -> float:
    """Where a curve over areas first comes down to a level; infinite where it does not."""
    below = np.flatnonzero(curve <= level)
    if not len(below):
        return math.inf
    at = int(below[0])
    if at == 0:
        return areas[0]
    part = (curve[at - 1] - level) / (curve[at - 1] - curve[at])
    return float(areas[at - 1] + part * (areas[at] - areas[at - 1]))


def _condition(
    name: str, part: pd.DataFrame, readable: pd.DataFrame, right_before: pd.Series
) -> dict[str, Any]:
    measured = part[part["status"] == "measured"]
    at, flipped, reached = measured["position"], measured["flipped"] == 1, measured["reached_goal"] == 1
    draws = int(at.value_counts().max()) if len(at) else 1
    flips = readable["position"].map(flipped.groupby(at).sum()).fillna(0)
    right = right_before * draws - flips
    return {
        "condition": name,
        "no_room": int((part["status"] == "no room").sum()),
        "flipped": _share_by_image(flipped, at, draws),
        "reached_goal": _share_by_image(reached, at, draws),
        "flipped_by_centre": {
            centre: _share_by_image(flipped[measured["centre"] == centre], at, draws)
            for centre in ("open", "excluded")
        },
        "accuracy": share_of_draws(right, draws),
        "sensitivity": share_of_draws(right[readable["label"] == 1], draws),
        "specificity": share_of_draws(right[readable["label"] == 0], draws),
        "medians": {column: _median(image_means(measured, column)) for column in MEDIANS},
        "median_steps_to_goal": _median(measured.loc[reached, "best_step"]),
    }


def image_means(rows: pd.DataFrame, column: str) -> pd.Series:
    """A column by image: the mean where there are several draws."""
    return rows.groupby("position", sort=False)[column].mean()


def _share_by_image(values: pd.Series, positions: pd.Series, draws: int) -> dict[str, Any]:
    return share_of_draws(values.groupby(positions).sum(), draws)


def goal_curve(
    rows: pd.DataFrame, condition: str, steps: int, *, column: str = "reached_goal"
) -> list[float]:
    """Share of the images that had reached the goal (or another truth of the table) after 0, 1, ... ``steps``
    steps.
    """
    part = rows[(rows["condition"] == condition) & (rows["status"] == "measured")]
    at = part.loc[part[column].astype(bool), "best_step"]
    return [float((at <= step).sum()) / len(part) if len(part) else math.nan for step in range(steps + 1)]


def _rate(right: pd.Series, of: pd.Series) -> dict[str, Any]:
    return share(int((right & of).sum()), int(of.sum()))


def _median(values: pd.Series) -> float | None:
    values = values.dropna()
    return float(values.median()) if len(values) and math.isfinite(float(values.median())) else None


def check_summary(summary: Any) -> None:
    """Whether a summary that was read holds what is shown of one: raises ValueError with what does not.

    The numbers may be of any kind of audit, also of before; `summarise` shows what they are.
    """
    before, conditions = summary["before"], summary["conditions"]
    for name in ("images", "unreadable", "attacked"):
        require(is_count(before[name]), name)
    for row in (before, *conditions):
        shares = ("accuracy", "sensitivity", "specificity")
        for name in shares if row is before else (*shares, "flipped", "reached_goal"):
            require(is_share(row[name]), name)
    for row in conditions:
        require(isinstance(row["condition"], str), "condition")
        require(is_count(row["no_room"]), "no_room")
        for centre in CENTRES:
            require(is_share(row["flipped_by_centre"][centre]), "flipped_by_centre")
        costs = (row.get(name) for name in ("seconds_per_image", "image_steps"))
        for number in (*(row["medians"][name] for name in MEDIANS), row["median_steps_to_goal"], *costs):
            require(number is None or is_number(number), "medians or costs")
    if "seconds" in summary:
        require(is_number(summary["seconds"]), "seconds")
    for name in PAPER if "paper" in summary else ():
        require(is_number(summary["paper"][name]), "paper")
    found = summary.get("area_of_paper", {})
    require(set(found) <= set(CENTRES), "area_of_paper")
    for area in found.values():
        require(area is None or is_number(area), "area_of_paper")
