"""Estimates of several readers as sums over tables, so that any of them, and any difference of two, gets an
interval.

A table is ``(R, N)``: readers by sources, NaN where a reader did not see a source in that arm. An estimate
that is no plain mean (d', an area) is written as the mean of pseudo-values: its value for a reader, plus how
far each answer pulls it up or down.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from snapgui.errors import DataError
from snapgui.study.statistics.detection import critical_level, exact_interval, log_linear_rate
from snapgui.study.statistics.roc import interval_on_logit, success_kernel
from snapgui.study.statistics.variance import spread_of

Floats = NDArray[np.float64]
Scale = Literal["plain", "share", "area"]
_NO_SPREAD = 1e-7


@dataclass(frozen=True)
class Part:
    """A table of values ``(R, N)`` with signed weights, 0 where there is nothing; an estimate is the sum over
    its parts.
    """

    values: Floats
    weights: Floats

    def times(self, factor: float) -> "Part":
        """The same part counted so many times."""
        return Part(self.values, self.weights * factor)


@dataclass(frozen=True)
class Estimate:
    """An estimate over readers and sources.

    ``interval`` is two-sided; ``lower`` and ``upper`` are one-sided bounds of the same confidence. All four
    are NaN where the answers show no spread.
    """

    estimate: float
    standard_error: float
    degrees_of_freedom: float
    interval: tuple[float, float]
    lower: float
    upper: float
    by_reader: tuple[float, ...]
    readers: int
    sources: int
    answers: int


def share_part(answers: Floats) -> Part:
    """The mean over all answers, each counting alike."""
    seen = np.isfinite(answers)
    return Part(np.where(seen, answers, 0.0), seen / max(int(seen.sum()), 1))


def score_part(said: Floats) -> Part:
    """The mean over readers of z(rate), rates log-linear (Hautus 1995); ``said`` holds 1 and 0.

    The pull of an answer on z is its distance from the rate over the normal density there, as in Gourevitch
    and Galanter 1967; pulls are stretched so that together they have the variance of the corrected rates,
    which are never 0 or 1.
    """
    seen = np.isfinite(said)
    count = np.maximum(seen.sum(1), 1)
    yes = np.where(seen, said, 0.0).sum(1)
    rate = log_linear_rate(yes, count)
    score, density = special.ndtri(rate), stats.norm.pdf(special.ndtri(rate))
    plain = yes / count
    wanted, got = (
        (rate * (1 - rate) / density**2 / count).sum(),
        (plain * (1 - plain) / density**2 / count).sum(),
    )
    stretch = math.sqrt(wanted / got) if got > 0 else 1.0
    pull = stretch * (said - plain[:, None]) / density[:, None]
    return Part(np.where(seen, score[:, None] + pull, 0.0), _by_reader(seen))


def area_parts(altered: Floats, untouched: Floats, found: Floats | None = None) -> list[Part]:
    """The mean over readers of the area under the ROC curve, or under the LROC curve where ``found`` holds 1
    and 0.

    Pulls are DeLong's placements: the share of untouched pictures that an altered one beats, and of altered
    ones that beat an untouched one (DeLong et al. 1988).
    """
    placed, beaten = np.zeros_like(altered), np.zeros_like(untouched)
    seen = np.isfinite(altered), np.isfinite(untouched)
    for r in range(len(altered)):
        kernel = success_kernel(altered[r, seen[0][r]], untouched[r, seen[1][r]])
        if found is not None:
            kernel = kernel * found[r, seen[0][r], None]
        if not kernel.size:
            # Too few answers in one of the arms: this reader counts for nothing.
            continue
        area = kernel.mean()
        placed[r, seen[0][r]] = kernel.mean(1) - area / 2
        # Turned round, so that whatever makes a reader or a source look suspicious raises both tables alike.
        beaten[r, seen[1][r]] = area / 2 - kernel.mean(0)
    return [Part(placed, _by_reader(seen[0])), Part(beaten, _by_reader(seen[1])).times(-1)]


def estimate(parts: Sequence[Part], *, scale: Scale = "plain", level: float = 0.95) -> Estimate:
    """The sum of some parts with its interval.

    ``share``: Wilson's interval for as many independent answers as the variance is worth, with Student's
    deviate (Korn and Graubard 1998; Dean and Pagano 2015). ``area``: on the logit scale (Pepe 2003). Without
    spread both are Clopper and Pearson's over sources.

    Raises:
        DataError: fewer than two readers or two sources.
    """
    used = np.any([part.weights != 0 for part in parts], axis=0)
    rows, columns = used.any(1), used.any(0)
    if min(rows.sum(), columns.sum()) < 2:
        raise DataError(
            f"{rows.sum()} readers and {columns.sum()} sources came; two of each are needed. Use "
            "the estimates of one reader instead."
        )
    values, weights = (
        np.stack([getattr(part, name)[np.ix_(rows, columns)] for part in parts])
        for name in ("values", "weights")
    )
    middle = float((values * weights).sum())
    spread = spread_of(values, weights)
    error = math.sqrt(spread.variance)
    # No rounding at the ends of a scale.
    middle = float(np.round(middle, 12))
    ends = [
        _interval(middle, error, spread.degrees_of_freedom, scale, int(columns.sum()), at)
        for at in (level, 2 * level - 1)
    ]
    return Estimate(
        middle,
        error,
        spread.degrees_of_freedom,
        ends[0],
        *ends[1],
        tuple(map(float, _each(values, weights))),
        int(rows.sum()),
        int(columns.sum()),
        int(used.sum()),
    )


def _interval(
    middle: float, error: float, freedom: float, scale: Scale, sources: int, level: float
) -> tuple[float, float]:
    deviate = float(stats.t.ppf((1 + critical_level(level)) / 2, freedom))
    if scale == "plain":
        half = deviate * error if error >= _NO_SPREAD else math.nan
        return middle - half, middle + half
    middle = min(max(middle, 0.0), 1.0)
    if error < _NO_SPREAD or not 1e-9 < middle < 1 - 1e-9:
        return exact_interval(middle * sources, sources, level=level)
    if scale == "share":
        return score_interval(middle, error, deviate)
    return interval_on_logit(middle, error, sources, deviate, level)


def score_interval(share: float, error: float, deviate: float) -> tuple[float, float]:
    """Wilson's interval (1927) of a share whose standard error is that of a sample of another size."""
    ratio = (error * deviate) ** 2 / (share * (1 - share))
    centre = (share + ratio / 2) / (1 + ratio)
    half = math.sqrt(ratio * share * (1 - share) + ratio**2 / 4) / (1 + ratio)
    return max(0.0, centre - half), min(1.0, centre + half)


def _by_reader(seen: NDArray[np.bool_]) -> Floats:
    """Weights that count every reader alike, and within a reader every answer."""
    counts = seen.sum(1, keepdims=True)
    return np.asarray(seen / np.maximum(counts, 1) / max(int((counts > 0).sum()), 1), np.float64)


def _each(values: Floats, weights: Floats) -> Floats:
    """What each reader alone would give: the sum over the parts of the reader's own means."""
    with np.errstate(invalid="ignore", divide="ignore"):
        held = weights.sum(2)
        own = (values * weights).sum(2) / held
    return np.asarray(np.where(np.isfinite(own), own * weights.sum((1, 2))[:, None], 0).sum(0), np.float64)
