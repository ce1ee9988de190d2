"""Could readers tell? Sensitivity and criterion of yes/no answers, shares of two-alternative choices, and
margins.

Intervals are two-sided, bounds of a margin one-sided; ``level`` is the confidence of either (0.95 unless
told).
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

from snapgui.errors import DataError, SettingsError

Floats = NDArray[np.float64]
CHANCE_OF_TWO = 0.5


@dataclass(frozen=True)
class YesNo:
    """Yes/no detection by one reader; rates are corrected, ``interval`` is that of ``d_prime``."""

    hit_rate: float
    false_alarm_rate: float
    d_prime: float
    standard_error: float
    interval: tuple[float, float]
    criterion: float
    criterion_standard_error: float
    ln_beta: float
    altered: int
    untouched: int


@dataclass(frozen=True)
class TwoChoice:
    """Two-alternative forced choice by one reader; ``upper_bound`` is one-sided. Sensitivity may be infinite
    at its ends.
    """

    correct: int
    trials: int
    proportion: float
    interval: tuple[float, float]
    upper_bound: float
    d_prime: float
    d_prime_interval: tuple[float, float]
    d_prime_upper_bound: float


@dataclass(frozen=True)
class Equivalence:
    """Two one-sided bounds of an estimate beside a margin around chance that was fixed beforehand."""

    estimate: float
    lower: float
    upper: float
    chance: float
    margin: float
    level: float

    @property
    def within(self) -> bool:
        """Whether both bounds lie within the margin (two one-sided tests, Schuirmann 1987)."""
        return self.chance - self.margin <= self.lower and self.upper <= self.chance + self.margin

    def sentence(self) -> str:
        """What the bounds allow to say, and no more."""
        head = (
            f"Estimate {self.estimate:.3f}; with {self.level:.0%} confidence at least {self.lower:.3f}, and "
            f"with {self.level:.0%} confidence at most {self.upper:.3f}. The margin fixed beforehand "
            f"reaches from {self.chance - self.margin:.3f} to {self.chance + self.margin:.3f}: "
        )
        if self.within:
            return head + "both bounds lie within it."
        return head + (
            "the bounds do not both lie within it, so this study does not show that readers are as "
            "good as guessing."
        )


def log_linear_rate(successes: ArrayLike, trials: ArrayLike) -> Floats:
    """Share of successes with 0.5 added to the successes and 1 to the trials (Hautus 1995): never 0 or 1."""
    return (np.asarray(successes, np.float64) + 0.5) / (np.asarray(trials, np.float64) + 1)


def d_prime_and_error(
    hits: ArrayLike, altered: ArrayLike, false_alarms: ArrayLike, untouched: ArrayLike
) -> tuple[Floats, Floats]:
    """d' and its standard error for counts of any shapes that fit together.

    The error is that of Gourevitch and Galanter 1967, at the corrected rates: the square root of the sum over
    both rates of p (1 - p) / (n phi(z(p))^2).
    """
    parts = [
        (log_linear_rate(a, b), np.asarray(b, np.float64))
        for a, b in ((hits, altered), (false_alarms, untouched))
    ]
    scores = [special.ndtri(rate) for rate, _ in parts]
    variance = sum(
        rate * (1 - rate) / (count * stats.norm.pdf(score) ** 2)
        for (rate, count), score in zip(parts, scores, strict=True)
    )
    return scores[0] - scores[1], np.sqrt(variance)


def yes_no(
    hits: int, misses: int, false_alarms: int, correct_rejections: int, *, level: float = 0.95
) -> YesNo:
    """Sensitivity and criterion of one reader's yes/no answers.

    d' = z(H) - z(F), criterion c = -(z(H) + z(F)) / 2, ln beta = c d' (Macmillan and Creelman 2005), with
    log-linear rates. Raises ``DataError`` for a negative count, or without an altered or an untouched image.
    """
    altered, untouched = hits + misses, false_alarms + correct_rejections
    if (
        not all(_is_count(count) for count in (hits, misses, false_alarms, correct_rejections))
        or not altered
        or not untouched
    ):
        raise DataError(
            f"{hits} hits, {misses} misses, {false_alarms} false alarms and {correct_rejections} correct "
            "rejections came; whole numbers from 0 are needed, with at least one altered and one untouched "
            "image. Check how the answers were counted."
        )
    z = critical(level)
    hit_rate, false_alarm_rate = (
        float(log_linear_rate(hits, altered)),
        float(log_linear_rate(false_alarms, untouched)),
    )
    d_prime, error = (float(value) for value in d_prime_and_error(hits, altered, false_alarms, untouched))
    criterion = -float(special.ndtri(hit_rate) + special.ndtri(false_alarm_rate)) / 2
    return YesNo(
        hit_rate,
        false_alarm_rate,
        d_prime,
        error,
        (d_prime - z * error, d_prime + z * error),
        criterion,
        error / 2,
        criterion * d_prime,
        altered,
        untouched,
    )


def two_choice(correct: int, trials: int, *, level: float = 0.95) -> TwoChoice:
    """Share of right choices of one reader with Clopper-Pearson interval, and d' = sqrt(2) z(share).

    The share behind d' is log-linear; its ends are those of the share's exact interval, so they may be
    infinite. Raises ``DataError`` for counts that do not fit.
    """
    if not (_is_count(correct) and _is_count(trials)) or correct > trials or not trials:
        raise DataError(
            f"{correct} right choices of {trials} came; 1 or more trials and no more right choices than "
            "trials are needed. Check how the answers were counted."
        )
    interval, upper = exact_interval(correct, trials, level=level), upper_bound(correct, trials, level=level)
    return TwoChoice(
        correct,
        trials,
        correct / trials,
        interval,
        upper,
        float(d_prime_of_share(log_linear_rate(correct, trials))),
        (float(d_prime_of_share(interval[0])), float(d_prime_of_share(interval[1]))),
        float(d_prime_of_share(upper)),
    )


def d_prime_of_share(share: ArrayLike) -> Floats:
    """d' of a share of right two-alternative choices, sqrt(2) z(share) (Macmillan and Creelman 2005)."""
    return np.asarray(math.sqrt(2) * special.ndtri(np.asarray(share, np.float64)), np.float64)


def two_choice_equivalence(correct: int, trials: int, *, margin: float, level: float = 0.95) -> Equivalence:
    """Whether one reader's share of right choices is within a margin of one half, by exact one-sided
    bounds.
    """
    share = two_choice(correct, trials, level=level)
    lower = lower_bound(correct, trials, level=level)
    return equivalence(
        share.proportion, lower, share.upper_bound, chance=CHANCE_OF_TWO, margin=margin, level=level
    )


def equivalence(
    estimate: float, lower: float, upper: float, *, chance: float, margin: float, level: float = 0.95
) -> Equivalence:
    """Any estimate with its one-sided bounds (the ends of a 90 % interval for a ``level`` of 0.95) beside a
    margin.
    """
    if not margin > 0:
        raise SettingsError(
            f"A margin of {margin} came; it must lie above 0 and be fixed before the first answer."
        )
    if not lower <= estimate <= upper:
        raise DataError(
            f"Bounds {lower} and {upper} came for an estimate of {estimate}; the estimate must lie "
            "between them. Check their order."
        )
    critical(level)
    return Equivalence(estimate, lower, upper, chance, margin, level)


def exact_interval(successes: float, trials: float, *, level: float = 0.95) -> tuple[float, float]:
    """Clopper and Pearson's interval of a proportion (1934); broken counts are allowed."""
    tail = (1 - critical_level(level)) / 2
    return lower_bound(successes, trials, level=1 - tail), upper_bound(successes, trials, level=1 - tail)


def lower_bound(successes: float, trials: float, *, level: float = 0.95) -> float:
    """Clopper and Pearson's one-sided lower bound of a proportion."""
    return (
        float(special.betaincinv(successes, trials - successes + 1, 1 - critical_level(level)))
        if successes > 0
        else 0.0
    )


def upper_bound(successes: float, trials: float, *, level: float = 0.95) -> float:
    """Clopper and Pearson's one-sided upper bound of a proportion."""
    return (
        float(special.betaincinv(successes + 1, trials - successes, critical_level(level)))
        if successes < trials
        else 1.0
    )


def _is_count(value: float) -> bool:
    return value >= 0 and float(value).is_integer()


def critical_level(level: float) -> float:
    """The level itself; raises ``SettingsError`` outside 0.5 to 1."""
    if not 0.5 < level < 1:
        raise SettingsError(
            f"A confidence level of {level} came; it must lie between 0.5 and 1, as 0.95 does."
        )
    return level


def critical(level: float) -> float:
    """Normal deviate of a two-sided interval: 1.96 for 0.95."""
    return float(special.ndtri((1 + critical_level(level)) / 2))
