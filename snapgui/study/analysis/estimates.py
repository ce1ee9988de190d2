"""Estimates with intervals and numbers as plain values, the same however few readers there are."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snapgui.errors import DataError
from snapgui.statistics import share
from snapgui.study.statistics.detection import equivalence, exact_interval, lower_bound, upper_bound
from snapgui.study.statistics.estimates import Part, Scale, estimate, share_part

Floats = NDArray[np.float64]
Values = dict[str, Any]


def plain(value: Any) -> Any:
    """Any value of an analysis as JSON has it; what is no finite number becomes null."""
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(name): plain(part) for name, part in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(part) for part in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    return None if isinstance(value, float) and not math.isfinite(value) else value


def over_readers(parts: Sequence[Part], *, scale: Scale = "plain") -> Values | None:
    """An estimate for other readers and other sources; None with fewer than two of either."""
    try:
        found = asdict(estimate(parts, scale=scale))
    except DataError:
        return None
    return {"estimate": found.pop("estimate"), "interval": found.pop("interval"), **found}


def counted_share(answers: Floats) -> Values:
    """Count, share, Wilson's interval as if all answers were independent, and the interval over readers and
    sources.
    """
    seen = answers[np.isfinite(answers)]
    values = share(int(seen.sum()), len(seen))
    return {
        "count": values["count"],
        "of": values["of"],
        "share": values["share"],
        "wilson_interval": values["interval"] if len(seen) else None,
        "over_readers": over_readers([share_part(answers)], scale="share") if len(seen) else None,
    }


def exact_share(answers: Floats) -> Values:
    """The same with Clopper and Pearson's interval and one-sided bounds."""
    values = counted_share(answers)
    if values["of"]:
        pair = values["count"], values["of"]
        values |= {
            "exact_interval": exact_interval(*pair),
            "exact_lower": lower_bound(*pair),
            "exact_upper": upper_bound(*pair),
        }
    return values


def beside_margin(values: Values | None, margin: float) -> Values | None:
    """One-sided bounds of a share or an area beside the margin of the design, which lies as far from chance
    (0.5) on both sides.
    """
    if values is None or margin <= 0.5 or not all(math.isfinite(values[name]) for name in ("lower", "upper")):
        return None
    found = equivalence(values["estimate"], values["lower"], values["upper"], chance=0.5, margin=margin - 0.5)
    return {
        **asdict(found),
        "margin_from": 1 - margin,
        "margin_to": margin,
        "within": found.within,
        "sentence": found.sentence(),
    }


def quartiles(values: Floats) -> Values:
    """Median and quartiles of some seconds."""
    if not len(values):
        return {"n": 0, "median": None, "quartiles": None}
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    return {"n": len(values), "median": float(middle), "quartiles": [float(low), float(high)]}


def or_none(make: Callable[..., Any], *values: Any, **settings: Any) -> Any:
    """What a function makes of some values, or None where the answers are too few for it."""
    try:
        return make(*values, **settings)
    except DataError:
        return None
