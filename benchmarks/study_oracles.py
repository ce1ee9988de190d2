"""Second ways to the area over readers and cases, against which the study's own estimate is checked.

Tables are ``(R, N)``, a row per reader; NaN stands for a case that a reader did not see.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from snapgui.study.statistics.roc import interval_on_logit, success_kernel

Floats = NDArray[np.float64]
Groups = list[NDArray[np.intp]]


@dataclass(frozen=True)
class Oracle:
    """An estimate over readers and cases; the interval is Student's with ``degrees_of_freedom``."""

    estimate: float
    standard_error: float
    degrees_of_freedom: float
    interval: tuple[float, float]


def area_by_u_statistics(ratings: ArrayLike, altered: ArrayLike) -> Oracle:
    """Reader-averaged area under the ROC curve of ratings ``(R, N)``, with truth ``(N,)`` of the cases.

    The variance is the one-shot estimate by U-statistics (Gallas 2006; the moments of Gallas et al. 2009),
    the degrees of freedom those of the FDA's iMRMC: the squared mean minus the mean product of two values
    that share no index. Where that is not above 0, the sum of the one-axis variances, which is larger,
    stands in.
    """
    table, truth = np.asarray(ratings, np.float64), np.asarray(altered).astype(bool)
    kernel = success_kernel(table[:, truth], table[:, ~truth])
    weights = np.isfinite(kernel).astype(np.float64)
    values = np.where(weights > 0, kernel, 0.0)
    mean = float(values.sum() / weights.sum())
    variance = mean**2 - _apart(values) / _apart(weights)
    pulls = (values - mean * weights) / weights.sum()
    parts = [
        float((pulls.sum(axis=tuple(other for other in range(3) if other != axis)) ** 2).sum()) * n / (n - 1)
        for axis, n in enumerate(values.shape)
    ]
    if variance <= 1e-15:
        variance = sum(parts)
    error, freedom = math.sqrt(variance), _satterthwaite(variance, parts, [n - 1 for n in values.shape])
    deviate = float(stats.t.ppf(0.975, freedom))
    return Oracle(mean, error, freedom, interval_on_logit(mean, error, min(values.shape[1:]), deviate, 0.95))


def _apart(values: Floats) -> float:
    """Sum of the products of two values that share no index, by inclusion and exclusion."""
    return sum(
        (-1) ** kept * float((values.sum(axis=summed) ** 2).sum())
        for kept in range(values.ndim + 1)
        for summed in combinations(range(values.ndim), values.ndim - kept)
    )


def bootstrap_readers_and_cases(
    table: Floats,
    statistics: Callable[[Floats], Floats],
    generator: np.random.Generator,
    *,
    strata: ArrayLike | None = None,
    reader_strata: ArrayLike | None = None,
    resamples: int = 1000,
) -> list[Oracle]:
    """Any statistics ``(S,)`` of a table ``(R, N, ...)``, with readers and cases drawn anew.

    ``strata`` ``(N,)`` keeps kinds of cases apart: a column is only ever replaced by one of its own kind;
    ``reader_strata`` ``(R,)`` does so for readers, as for the lists of a Latin square, without which what all
    readers of a list share would be counted as theirs. Drawing both at once counts their interplay three
    times (Owen 2007), so readers alone and cases alone are drawn as well and the variance is put together
    from the three; Satterthwaite's degrees of freedom allow for few readers.
    """
    readers, cases = _groups(reader_strata, table.shape[0]), _groups(strata, table.shape[1])
    middle = statistics(table)
    draws = np.full((3, resamples, len(middle)), math.nan)
    for k in range(resamples):
        rows, columns = _draw(readers, generator), _draw(cases, generator)
        some = table[rows]
        draws[:, k] = statistics(some), statistics(table[:, columns]), statistics(some[:, columns])
    return [
        _put_together(float(value), draws[:, :, place], readers, cases) for place, value in enumerate(middle)
    ]


def _groups(strata: ArrayLike | None, count: int) -> Groups:
    kinds = np.zeros(count, int) if strata is None else np.asarray(strata)
    return [np.flatnonzero(kinds == kind) for kind in np.unique(kinds)]


def _draw(groups: Groups, generator: np.random.Generator) -> NDArray[np.intp]:
    drawn = np.empty(sum(map(len, groups)), np.intp)
    for group in groups:
        drawn[group] = generator.choice(group, len(group))
    return drawn


def _put_together(estimate: float, draws: Floats, readers: Groups, cases: Groups) -> Oracle:
    """``draws`` are ``(3, resamples)``: of readers, of cases, of both."""
    by_readers, by_cases, by_both = np.nanvar(draws, axis=1, ddof=1).tolist()
    # A drawn sample varies less than a fresh one, by one part in its number.
    freedoms = [sum(map(len, groups)) - len(groups) for groups in (readers, cases)]
    grown = [1 + len(groups) / freedom for groups, freedom in zip((readers, cases), freedoms, strict=True)]
    parts = [by_readers * grown[0], by_cases * grown[1]]
    interplay = max(0.0, by_both - by_readers - by_cases) * grown[0] * grown[1]
    variance = max(interplay, sum(parts) - interplay)
    freedom, error = _satterthwaite(variance, parts, freedoms), math.sqrt(variance)
    half = float(stats.t.ppf(0.975, freedom)) * error
    return Oracle(estimate, error, freedom, (estimate - half, estimate + half))


def _satterthwaite(variance: float, parts: Sequence[float], freedoms: Sequence[int]) -> float:
    """Degrees of freedom of a sum of variances (Satterthwaite 1946), at least the smallest (Gaylor and Hopper
    1969).
    """
    spread = sum(part**2 / freedom for part, freedom in zip(parts, freedoms, strict=True))
    return max(float(min(freedoms)), variance**2 / spread) if spread > 0 else float(min(freedoms))
