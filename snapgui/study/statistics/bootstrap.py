"""Any figure of a table of readers and cases, with both drawn anew."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from snapgui.errors import DataError, SettingsError
from snapgui.study.statistics.detection import critical_level
from snapgui.study.statistics.multireader import satterthwaite

Floats = NDArray[np.float64]
Groups = list[NDArray[np.intp]]
_NO_SPREAD = 1e-7


@dataclass(frozen=True)
class Bootstrap:
    """A statistic with readers and cases drawn anew; ``percentile_interval`` is plain, and short with few
    readers.
    """

    estimate: float
    standard_error: float
    degrees_of_freedom: float
    interval: tuple[float, float]
    percentile_interval: tuple[float, float]
    resamples: int


def two_way_bootstrap(
    table: ArrayLike,
    statistic: Callable[[Floats], float],
    generator: np.random.Generator,
    *,
    strata: ArrayLike | None = None,
    reader_strata: ArrayLike | None = None,
    resamples: int = 1000,
    level: float = 0.95,
) -> Bootstrap:
    """Interval of any statistic of a table ``(R, N, ...)`` by drawing readers and cases anew, with
    replacement; see `bootstrap_all`.
    """
    return bootstrap_all(
        table,
        lambda drawn: np.atleast_1d(statistic(drawn)),
        generator,
        strata=strata,
        reader_strata=reader_strata,
        resamples=resamples,
        level=level,
    )[0]


def bootstrap_all(
    table: ArrayLike,
    statistics: Callable[[Floats], ArrayLike],
    generator: np.random.Generator,
    *,
    strata: ArrayLike | None = None,
    reader_strata: ArrayLike | None = None,
    resamples: int = 1000,
    level: float = 0.95,
) -> list[Bootstrap]:
    """The same for several statistics ``(S,)`` of the same draws.

    ``strata`` ``(N,)`` keeps kinds of cases apart: a column is only ever replaced by one of its own kind, so
    truths known to ``statistics`` stay in place; ``reader_strata`` ``(R,)`` does so for readers, as for the
    lists of a Latin square, without which what all readers of a list share would be counted as theirs.
    Drawing both at once counts their interplay three times (Owen 2007), so readers alone and cases alone are
    drawn as well and the variance is put together from the three; Satterthwaite's degrees of freedom allow
    for few readers.
    """
    values = np.asarray(table, np.float64)
    if values.ndim < 2 or min(values.shape[:2]) < 2:
        raise DataError(
            f"A table of shape {values.shape} came; at least two readers and two cases are needed. Use the "
            "figures of one reader instead."
        )
    if resamples < 100:
        raise SettingsError(f"{resamples} resamples came; at least 100 are needed for an interval.")
    readers, cases = (
        _groups(reader_strata, values.shape[0], "reader"),
        _groups(strata, values.shape[1], "case"),
    )
    middle = np.asarray(statistics(values), np.float64)
    draws = np.full((3, resamples, len(middle)), math.nan)
    for k in range(resamples):
        rows, columns = _draw(readers, generator), _draw(cases, generator)
        some = values[rows]
        draws[:, k] = statistics(some), statistics(values[:, columns]), statistics(some[:, columns])
    return [_put_together(float(one), draws[:, :, s], readers, cases, level) for s, one in enumerate(middle)]


def _groups(strata: ArrayLike | None, count: int, what: str) -> Groups:
    kinds = np.zeros(count, int) if strata is None else np.unique(np.asarray(strata), return_inverse=True)[1]
    if kinds.shape != (count,):
        raise DataError(
            f"Strata of shape {kinds.shape} came for {count} {what}s; one per {what} is needed. "
            "Check that none was lost."
        )
    groups = [np.flatnonzero(kinds == kind) for kind in np.unique(kinds)]
    if len(groups) == count:
        raise DataError(
            f"{count} {what}s of as many strata came; two {what}s of one stratum are needed. Use "
            "fewer strata."
        )
    return groups


def _draw(groups: Groups, generator: np.random.Generator) -> NDArray[np.intp]:
    drawn = np.empty(sum(map(len, groups)), np.intp)
    for group in groups:
        drawn[group] = generator.choice(group, len(group))
    return drawn


def _put_together(estimate: float, draws: Floats, readers: Groups, cases: Groups, level: float) -> Bootstrap:
    """``draws`` are ``(3, resamples)``: of readers, of cases, of both."""
    usable = np.isfinite(draws)
    if not math.isfinite(estimate) or usable.mean() < 0.95:
        raise DataError(
            f"The statistic is no number in {1 - usable.mean():.0%} of the resamples; 5% at most are "
            "allowed. Collect more answers, or choose a statistic that needs fewer."
        )
    by_readers, by_cases, by_both = (
        float(row[here].var(ddof=1)) for row, here in zip(draws, usable, strict=True)
    )
    # A drawn sample varies less than a fresh one, by one part in its number.
    freedoms = [sum(map(len, groups)) - len(groups) for groups in (readers, cases)]
    grown = [1 + len(groups) / freedom for groups, freedom in zip((readers, cases), freedoms, strict=True)]
    parts = [by_readers * grown[0], by_cases * grown[1]]
    interplay = max(0.0, by_both - by_readers - by_cases) * grown[0] * grown[1]
    variance = max(interplay, sum(parts) - interplay)
    freedom = satterthwaite(variance, parts, freedoms)
    error = math.sqrt(variance)
    half = (
        float(stats.t.ppf((1 + critical_level(level)) / 2, freedom)) * error
        if error >= _NO_SPREAD
        else math.nan
    )
    ends = np.quantile(draws[2][usable[2]], [(1 - level) / 2, (1 + level) / 2])
    return Bootstrap(
        estimate,
        error,
        freedom,
        (estimate - half, estimate + half),
        (float(ends[0]), float(ends[1])),
        draws.shape[1],
    )
