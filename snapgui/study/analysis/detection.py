"""Altered or not? Each altered arm against untouched pictures, and SNAP against the others."""

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from snapgui.study.analysis.estimates import (
    Values,
    beside_margin,
    counted_share,
    exact_share,
    or_none,
    over_readers,
)
from snapgui.study.analysis.rows import Table
from snapgui.study.statistics.detection import yes_no
from snapgui.study.statistics.estimates import Part, area_parts, score_part, share_part
from snapgui.study.statistics.roc import lroc_area, lroc_points, roc_area, roc_points

Floats = NDArray[np.float64]
MINUS = " minus "


def pairs_of(arms: Sequence[str]) -> list[tuple[str, str]]:
    """Which arms are compared: SNAP, which comes first, with every other, and the others among themselves."""
    return list(combinations(arms, 2))


def detection_estimates(table: Table, *, margin: float) -> Values:
    """Every altered arm beside untouched and beside the other arms, over all readers."""
    untouched = next((arm for arm in table.arms if arm not in table.altered), None)
    if untouched is None:
        return {}
    parts = {arm: _parts(table, arm, untouched) for arm in table.altered}
    return {
        "untouched": {"arm": untouched, "false_alarm_rate": counted_share(table.second[untouched])},
        "arms": {arm: _arm(table, arm, untouched, parts[arm], margin) for arm in table.altered},
        "differences": {
            f"{first}{MINUS}{second}": {
                name: over_readers([*parts[first][name], *(part.times(-1) for part in parts[second][name])])
                for name in parts[first]
                if name != "criterion" and name in parts[second]
            }
            for first, second in pairs_of(table.altered)
        },
    }


def _enough(table: Table, arm: str, untouched: str) -> NDArray[np.bool_]:
    """Readers with two answers of each kind."""
    return np.asarray(
        (np.isfinite(table.second[arm]).sum(1) > 1) & (np.isfinite(table.second[untouched]).sum(1) > 1)
    )


def _rated(table: Table, arm: str) -> bool:
    """Whether every answer came with a rating."""
    return bool(np.array_equal(np.isfinite(table.rating[arm]), np.isfinite(table.second[arm])))


def found_in(table: Table, arm: str) -> Floats | None:
    """1 where the altered place was found, 0 where not or where there was no click; None where no click was
    compared with a mask.
    """
    if not any(np.isfinite(found).any() for found in table.found.values()):
        return None
    return np.where(np.isfinite(table.second[arm]), np.nan_to_num(table.found[arm]), np.nan)


def _parts(table: Table, arm: str, untouched: str) -> dict[str, list[Part]]:
    kept = _enough(table, arm, untouched)[:, None]
    hit, alarm = (np.where(kept, table.second[name], np.nan) for name in (arm, untouched))
    scores = score_part(hit), score_part(alarm)
    parts = {
        "hit_rate": [share_part(table.second[arm])],
        "d_prime": [scores[0], scores[1].times(-1)],
        "criterion": [score.times(-0.5) for score in scores],
    }
    if _rated(table, arm) and _rated(table, untouched):
        ratings = [np.where(kept, table.rating[name], np.nan) for name in (arm, untouched)]
        parts["auc"] = area_parts(ratings[0], ratings[1])
        found = found_in(table, arm)
        if found is not None:
            parts["lroc"] = area_parts(ratings[0], ratings[1], found)
    return parts


def _arm(table: Table, arm: str, untouched: str, parts: Mapping[str, list[Part]], margin: float) -> Values:
    said, alarmed = (table.second[name][np.isfinite(table.second[name])] for name in (arm, untouched))
    counts = (
        int(said.sum()),
        int(len(said) - said.sum()),
        int(alarmed.sum()),
        int(len(alarmed) - alarmed.sum()),
    )
    values: Values = {
        "answers": {
            "altered": len(said),
            "untouched": len(alarmed),
            "hits": counts[0],
            "misses": counts[1],
            "false_alarms": counts[2],
            "correct_rejections": counts[3],
        },
        "hit_rate": counted_share(table.second[arm]),
        "d_prime": over_readers(parts["d_prime"]),
        "criterion": over_readers(parts["criterion"]),
        "pooled": or_none(yes_no, *counts),
    }
    if "auc" in parts:
        ratings, truth = pooled_ratings(table, arm, untouched)
        area = over_readers(parts["auc"], scale="area")
        values["auc"] = area
        values["auc_delong"] = or_none(roc_area, ratings, truth)
        values["roc"] = or_none(roc_points, ratings, truth)
        values["beside_margin"] = beside_margin(area or _as_bounds(ratings, truth), margin)
        found = found_in(table, arm)
        if "lroc" in parts and found is not None:
            distances = np.concatenate(
                [np.where(found[np.isfinite(found)] == 1, 0.0, np.inf), np.full(len(alarmed), np.nan)]
            )
            values["lroc"] = over_readers(parts["lroc"], scale="area")
            values["lroc_delong"] = or_none(lroc_area, ratings, truth, distances, radius_px=1)
            values["lroc_points"] = or_none(lroc_points, ratings, truth, distances, radius_px=1)
            values["found_share"] = exact_share(found)
    return values


def pooled_ratings(table: Table, arm: str, untouched: str) -> tuple[Floats, NDArray[np.int64]]:
    """The ratings of all readers in one row, altered pictures first, and their truth."""
    kinds = [table.rating[name][np.isfinite(table.rating[name])] for name in (arm, untouched)]
    return np.concatenate(kinds), np.repeat([1, 0], [len(kind) for kind in kinds])


def _as_bounds(ratings: Floats, truth: NDArray[np.int64]) -> Values | None:
    """One reader's area with one-sided bounds, the ends of its 90 % interval."""
    area = or_none(roc_area, ratings, truth, level=0.9)
    return (
        None
        if area is None
        else {"estimate": area.area, "lower": area.interval[0], "upper": area.interval[1]}
    )
