"""Choices between two, diagnoses, and how long answers took."""

from collections.abc import Sequence

import numpy as np

from snapgui.study.analysis.detection import MINUS, pairs_of
from snapgui.study.analysis.estimates import (
    Values,
    beside_margin,
    exact_share,
    or_none,
    over_readers,
    quartiles,
)
from snapgui.study.analysis.rows import Table
from snapgui.study.statistics.detection import two_choice, two_choice_equivalence
from snapgui.study.statistics.estimates import share_part
from snapgui.study.store.columns import Row


def choice_estimates(table: Table, *, margin: float) -> Values:
    """Two-alternative forced choice: the share of right choices of every arm, its bounds beside the margin,
    d'.
    """
    arms: Values = {}
    for arm in table.altered:
        values = exact_share(table.correct[arm])
        over, pair = values["over_readers"], (values["count"], values["of"])
        bounds = over or {
            "estimate": values["share"],
            "lower": values["exact_lower"],
            "upper": values["exact_upper"],
        }
        arms[arm] = {
            "right": values,
            "two_choice": or_none(two_choice, *pair),
            "beside_margin": beside_margin(bounds, margin),
            "beside_margin_exact": None
            if margin <= 0.5
            else two_choice_equivalence(*pair, margin=margin - 0.5),
        }
    return {"arms": arms, "differences": _differences(table, table.altered, "correct", "right")}


def diagnosis_estimates(table: Table) -> Values:
    """Design C: how often the diagnosis was right in each arm, before anyone was told of alterations, and the
    change from untouched.
    """
    known = [arm for arm in table.arms if np.isfinite(table.correct[arm]).any()]
    untouched = [arm for arm in known if arm not in table.altered]
    order = [*(arm for arm in known if arm in table.altered), *untouched]
    return {
        "arms": {
            arm: {
                "right": exact_share(table.correct[arm]),
                "called_metastasis": exact_share(table.second[arm]),
            }
            for arm in order
        },
        "differences": _differences(table, order, "correct", "right")
        | {
            pair: values | _differences(table, order, "second", "called_metastasis")[pair]
            for pair, values in _differences(table, order, "correct", "right").items()
        },
    }


def _differences(table: Table, arms: Sequence[str], what: str, name: str) -> Values:
    parts = {arm: share_part(getattr(table, what)[arm]) for arm in arms}
    return {
        f"{first}{MINUS}{second}": {name: over_readers([parts[first], parts[second].times(-1)])}
        for first, second in pairs_of(arms)
    }


def time_estimates(rows: Sequence[Row], table: Table) -> Values:
    """Reaction times by the browser's clock: median and quartiles by arm and by right and wrong, and ratios
    to untouched pictures.

    A ratio is that of geometric means, from the difference of the logarithms over readers and sources.
    """

    def times(arm: str, correct: int | None = None) -> Values:
        return quartiles(
            np.array(
                [
                    row["response_time"]
                    for row in rows
                    if row["arm"] == arm
                    and row["response_time"] is not None
                    and (correct is None or row["correct"] == correct)
                ]
            )
        )

    untouched = [arm for arm in table.arms if arm not in table.altered]
    order = [*table.altered, *untouched]
    parts = {arm: share_part(table.log_time[arm]) for arm in order if np.isfinite(table.log_time[arm]).any()}
    pairs = [pair for pair in pairs_of(order) if set(pair) <= set(parts)]
    return {
        "arms": {arm: {"all": times(arm), "right": times(arm, 1), "wrong": times(arm, 0)} for arm in order},
        "ratios": {
            f"{first} over {second}": _ratio(over_readers([parts[first], parts[second].times(-1)]))
            for first, second in pairs
        },
    }


def _ratio(logarithm: Values | None) -> Values | None:
    if logarithm is None:
        return None
    return {
        "ratio": float(np.exp(logarithm["estimate"])),
        "interval": [float(np.exp(end)) for end in logarithm["interval"]],
        **{name: logarithm[name] for name in ("degrees_of_freedom", "readers", "sources", "answers")},
    }
