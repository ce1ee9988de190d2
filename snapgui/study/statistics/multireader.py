"""Many readers, many cases: figures that hold for other readers and other cases than those of the study.

Tables are ``(R, N)``, a row per reader; NaN stands for a case that a reader did not see.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from snapgui.errors import DataError
from snapgui.study.statistics.detection import critical_level, exact_interval
from snapgui.study.statistics.roc import interval_on_logit, success_kernel
from snapgui.study.statistics.variance import spread_of

Floats = NDArray[np.float64]
Arm = tuple[Floats, Floats]
_NO_SPREAD = 1e-7


@dataclass(frozen=True)
class Crossed:
    """An estimate over readers and cases; the interval is Student's with ``degrees_of_freedom``.

    A difference without any spread has an interval of NaN: such data say nothing of how far it may be off.
    """

    estimate: float
    standard_error: float
    degrees_of_freedom: float
    interval: tuple[float, float]
    by_reader: tuple[float, ...]
    readers: int
    cases: int


def crossed_area(ratings: ArrayLike, altered: ArrayLike, *, level: float = 0.95) -> Crossed:
    """Reader-averaged area under the ROC curve of ratings ``(R, N)``, with truth ``(N,)`` of the cases.

    The variance is the one-shot estimate by U-statistics (Gallas 2006; the moments of Gallas et al. 2009),
    the degrees of freedom those of the FDA's iMRMC. The interval is on the logit scale. Readers must have
    seen cases of both kinds.
    """
    arm = _area_arm(ratings, altered)
    estimate, error, freedom = _one_shot([arm], [1])
    deviate = _student(level, freedom)
    interval = interval_on_logit(estimate, error, min(arm[0].shape[1:]), deviate, level)
    return _crossed(estimate, error, freedom, interval, _by_reader(arm), len(np.asarray(altered)))


def crossed_area_difference(
    first: ArrayLike, second: ArrayLike, altered: ArrayLike, *, level: float = 0.95
) -> Crossed:
    """Reader-averaged area of a first arm minus that of a second: the same readers (rows) and cases (columns)
    in both.
    """
    return _difference(
        (_area_arm(first, altered), _area_arm(second, altered)), len(np.asarray(altered)), level
    )


def crossed_mean(answers: ArrayLike, *, level: float = 0.95) -> Crossed:
    """Mean of answers ``(R, N)``, as 1 and 0 for right and wrong: the share of right choices over readers and
    cases.

    Variance as for areas, with one kind of case (Gallas, Pennello and Myers 2007). The interval is plain, so
    it may reach past the ends of the scale; for shares without any spread (all right) it is Clopper and
    Pearson's over cases.
    """
    arm = _mean_arm(answers)
    estimate, error, freedom = _one_shot([arm], [1])
    values, weights = arm
    interval = _around(estimate, error, freedom, level)
    if error < _NO_SPREAD and values.min() >= 0 and values.max() <= 1:
        cases = int(weights.any(axis=0).sum())
        interval = exact_interval(estimate * cases, cases, level=level)
    return _crossed(estimate, error, freedom, interval, _by_reader(arm), values.shape[1])


def crossed_mean_difference(first: ArrayLike, second: ArrayLike, *, level: float = 0.95) -> Crossed:
    """Mean of a first arm minus that of a second, over the same readers and cases; a case may be seen in one
    arm only.

    The variance is that of `contrasts.spread_of`: U-statistics leave in what a list of a Latin square shares,
    and fell short there.
    """
    arms = _mean_arm(first), _mean_arm(second)
    _check_alike(arms)
    estimate = float(arms[0][0].sum() / arms[0][1].sum() - arms[1][0].sum() / arms[1][1].sum())
    weights = np.stack([sign * arm[1] / arm[1].sum() for sign, arm in zip((1, -1), arms, strict=True)])
    spread = spread_of(np.stack([arm[0] for arm in arms]), weights)
    error = math.sqrt(spread.variance)
    interval = _around(estimate, error, spread.degrees_of_freedom, level)
    by_reader = np.subtract(_by_reader(arms[0]), _by_reader(arms[1]))
    return _crossed(estimate, error, spread.degrees_of_freedom, interval, by_reader, arms[0][0].shape[1])


def _one_shot(arms: Sequence[Arm], signs: Sequence[int]) -> tuple[float, float, float]:
    """Signed sum of the arms' weighted means, with standard error and degrees of freedom.

    An arm is values and weights ``(R, ...)``, one axis for each thing drawn at random. Its squared mean minus
    the mean product of two values that share no index is an unbiased variance; the products come from sums by
    inclusion and exclusion. Where it is not above 0, the sum of the one-axis variances, which is larger,
    stands in.
    """
    means = [float(values.sum() / weights.sum()) for values, weights in arms]
    estimate = sum(sign * mean for sign, mean in zip(signs, means, strict=True))
    variance = sum(
        signs[k]
        * signs[m]
        * (means[k] * means[m] - _apart(arms[k][0], arms[m][0]) / _apart(arms[k][1], arms[m][1]))
        for k in range(len(arms))
        for m in range(len(arms))
    )
    pull = sum(
        sign * (arm[0] - mean * arm[1]) / arm[1].sum()
        for sign, mean, arm in zip(signs, means, arms, strict=True)
    )
    counts = arms[0][0].shape
    parts = [
        float((np.sum(pull, axis=tuple(other for other in range(len(counts)) if other != axis)) ** 2).sum())
        * n
        / (n - 1)
        for axis, n in enumerate(counts)
    ]
    if variance <= 1e-15:
        variance = sum(parts)
    return estimate, math.sqrt(variance), satterthwaite(variance, parts, [n - 1 for n in counts])


def _apart(first: Floats, second: Floats) -> float:
    """Sum of the products of a value of the first and one of the second that share no index."""
    total = 0.0
    for kept in range(first.ndim + 1):
        for summed in combinations(range(first.ndim), first.ndim - kept):
            total += (-1) ** kept * float((first.sum(axis=summed) * second.sum(axis=summed)).sum())
    return total


def satterthwaite(variance: float, parts: Sequence[float], freedoms: Sequence[int]) -> float:
    """Degrees of freedom of a sum of variances (Satterthwaite 1946), at least the smallest (Gaylor and Hopper
    1969).
    """
    spread = sum(part**2 / freedom for part, freedom in zip(parts, freedoms, strict=True))
    return max(float(min(freedoms)), variance**2 / spread) if spread > 0 else float(min(freedoms))


def _student(level: float, freedom: float) -> float:
    return float(stats.t.ppf((1 + critical_level(level)) / 2, freedom))


def _around(estimate: float, error: float, freedom: float, level: float) -> tuple[float, float]:
    half = _student(level, freedom) * error if error >= _NO_SPREAD else math.nan
    return estimate - half, estimate + half


def _difference(arms: tuple[Arm, Arm], cases: int, level: float) -> Crossed:
    _check_alike(arms)
    estimate, error, freedom = _one_shot(arms, [1, -1])
    by_reader = np.subtract(_by_reader(arms[0]), _by_reader(arms[1]))
    return _crossed(estimate, error, freedom, _around(estimate, error, freedom, level), by_reader, cases)


def _check_alike(arms: tuple[Arm, Arm]) -> None:
    shapes = arms[0][0].shape, arms[1][0].shape
    if shapes[0] != shapes[1]:
        raise DataError(
            f"Arms of shapes {shapes[0]} and {shapes[1]} came; the same readers and cases are needed in "
            "both. Put NaN where a reader saw none."
        )
    if _apart(arms[0][1], arms[1][1]) < 0.5:
        raise DataError(
            "No two readers saw different cases in the two arms, and some must have. Collect more answers."
        )


def _crossed(
    estimate: float,
    error: float,
    freedom: float,
    interval: tuple[float, float],
    by_reader: Floats,
    cases: int,
) -> Crossed:
    return Crossed(
        estimate, error, freedom, interval, tuple(float(one) for one in by_reader), len(by_reader), cases
    )


def _by_reader(arm: Arm) -> Floats:
    axes = tuple(range(1, arm[0].ndim))
    return np.asarray(arm[0].sum(axis=axes) / arm[1].sum(axis=axes), np.float64)


def _area_arm(ratings: ArrayLike, altered: ArrayLike) -> Arm:
    values, truth = np.asarray(ratings, np.float64), np.asarray(altered)
    if values.ndim != 2 or truth.shape != values.shape[1:] or not np.isin(truth, (0, 1)).all():
        raise DataError(
            f"Ratings of shape {values.shape} and truths of shape {truth.shape} came; a row per reader, and "
            "a truth of 0 or 1 per column, are needed. Check both."
        )
    truth = truth.astype(bool)
    kernel = success_kernel(values[:, truth], values[:, ~truth])
    return _checked_arm(kernel, "pair of an altered and an untouched case")


def _mean_arm(answers: ArrayLike) -> Arm:
    values = np.asarray(answers, np.float64)
    if values.ndim != 2:
        raise DataError(
            f"Answers of shape {values.shape} came; a row per reader and a column per case are "
            "needed. Check the table."
        )
    return _checked_arm(values, "case")


def _checked_arm(values: Floats, what: str) -> Arm:
    if np.isinf(values).any():
        raise DataError(
            "Infinite answers came; numbers are needed, or NaN where a reader did not see a case. "
            "Check the table."
        )
    if min(values.shape) < 2:
        raise DataError(
            f"A table of shape {values.shape} came (readers, then each kind of case); two of each are "
            "needed at least. Use the figures of one reader instead."
        )
    weights = np.isfinite(values).astype(np.float64)
    if (weights.sum(axis=tuple(range(1, values.ndim))) == 0).any() or _apart(weights, weights) < 0.5:
        raise DataError(
            f"A reader saw no {what}, or no two readers saw different ones; both are needed. Leave "
            "that reader out."
        )
    return np.where(weights > 0, values, 0.0), weights
