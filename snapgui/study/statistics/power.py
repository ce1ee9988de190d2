"""How many trials, how many readers? Exact binomial power for one reader, a design effect for several.

Two questions with different answers: will a study show that readers can tell (``detection``), or that they
are as good as guessing, within a margin (``equivalence``)? ``level`` is the confidence of a one-sided bound.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from snapgui.errors import SettingsError
from snapgui.study.statistics.detection import critical_level

Floats = NDArray[np.float64]
MOST_TRIALS = 20_000


@dataclass(frozen=True)
class Trials:
    """Trials that reach a power, which goes up in a saw-tooth: ``first`` reaches it, ``lasting`` and every
    larger number do.
    """

    first: int
    lasting: int


def detection_power(
    trials: ArrayLike, *, proportion: float, chance: float = 0.5, level: float = 0.95
) -> Floats:
    """Power of the exact binomial test that one reader's share of right choices is above chance, for trials
    of any shape.
    """
    counts = _counts(trials)
    _inside("proportion", proportion)
    needed = stats.binom.isf(1 - critical_level(level), counts, _inside("chance", chance)) + 1
    return np.asarray(stats.binom.sf(needed - 1, counts, proportion), np.float64)


def equivalence_power(
    trials: ArrayLike, *, margin: float, proportion: float = 0.5, chance: float = 0.5, level: float = 0.95
) -> Floats:
    """Power to find both exact one-sided bounds of a share of right choices within ``margin`` of chance."""
    counts, tail = _counts(trials), 1 - critical_level(level)
    _inside("proportion", proportion)
    low, high = (
        _inside("chance minus margin", chance - margin),
        _inside("chance plus margin", chance + margin),
    )
    if not margin > 0:
        raise SettingsError(
            f"A margin of {margin} came; it must lie above 0 and be fixed before the first answer."
        )
    # The most right choices that rule out the upper end of the margin, and the fewest that rule out the lower
    # one.
    most = stats.binom.ppf(tail, counts, high)
    most = np.where(stats.binom.cdf(most, counts, high) <= tail, most, most - 1)
    fewest = stats.binom.isf(tail, counts, low) + 1
    inside = stats.binom.cdf(most, counts, proportion) - stats.binom.cdf(fewest - 1, counts, proportion)
    return np.where(most >= fewest, inside, 0.0)


def detection_trials(
    *, proportion: float, power: float = 0.8, chance: float = 0.5, level: float = 0.95
) -> Trials:
    """Trials of one reader that show a share of right choices above chance."""
    if proportion <= chance:
        raise SettingsError(
            f"A proportion of {proportion} with chance {chance} came; it must lie above chance to "
            "be told from it."
        )
    return _search(
        lambda counts: detection_power(counts, proportion=proportion, chance=chance, level=level), power
    )


def equivalence_trials(
    *, margin: float, proportion: float = 0.5, power: float = 0.8, chance: float = 0.5, level: float = 0.95
) -> Trials:
    """Trials of one reader that show a share of right choices to lie within a margin of chance."""
    if abs(proportion - chance) >= margin:
        raise SettingsError(
            f"A share of {proportion} is not within {margin} of chance {chance}; choose a wider margin."
        )

    def power_of(counts: NDArray[np.int64]) -> Floats:
        return equivalence_power(counts, margin=margin, proportion=proportion, chance=chance, level=level)

    return _search(power_of, power)


def design_effect(
    readers: int, trials_each: int, *, reader_correlation: float, case_correlation: float = 0.0
) -> float:
    """By how much the variance of a share grows over that of as many independent trials (Kish 1965, both
    ways).

    ``reader_correlation`` is that of two answers of a reader, ``case_correlation`` that of two readers'
    answers to a case which all of them see (0 where each sees cases of their own).
    """
    for name, value in (("reader correlation", reader_correlation), ("case correlation", case_correlation)):
        if not 0 <= value < 1:
            raise SettingsError(f"A {name} of {value} came; it must lie from 0 to below 1.")
    return (
        1
        + (_count("trials_each", trials_each) - 1) * reader_correlation
        + (_count("readers", readers) - 1) * case_correlation
    )


def effective_trials(
    readers: int, trials_each: int, *, reader_correlation: float, case_correlation: float = 0.0
) -> float:
    """Independent trials that tell as much as these readers' trials together."""
    effect = design_effect(
        readers, trials_each, reader_correlation=reader_correlation, case_correlation=case_correlation
    )
    return readers * trials_each / effect


def readers_needed(
    independent_trials: int, trials_each: int, *, reader_correlation: float, case_correlation: float = 0.0
) -> int:
    """Readers whose trials tell as much as so many independent ones.

    Raises ``SettingsError`` where no number of readers does, because all see the same few cases.
    """
    needed, each = _count("independent_trials", independent_trials), _count("trials_each", trials_each)
    effect = design_effect(1, each, reader_correlation=reader_correlation, case_correlation=case_correlation)
    gain = each - needed * case_correlation
    if gain <= 0:
        raise SettingsError(
            f"{each} cases that all readers share can tell no more than {each / case_correlation:.0f} "
            f"independent trials, and {needed} are needed; show more cases to each reader."
        )
    return max(1, math.ceil(needed * (effect - case_correlation) / gain - 1e-9))


def _search(power_of: Callable[[NDArray[np.int64]], Floats], power: float) -> Trials:
    _inside("power", power)
    most = 250
    while most <= MOST_TRIALS:
        reached = power_of(np.arange(1, most + 1)) >= power
        # Looked at well beyond the last fall, so that none follows.
        falls = np.flatnonzero(~reached)
        lasting = int(falls[-1]) + 2 if len(falls) else 1
        if lasting <= most // 2:
            return Trials(int(np.flatnonzero(reached)[0]) + 1, lasting)
        most *= 2
    raise SettingsError(
        f"More than {MOST_TRIALS // 2} trials would be needed; choose a wider margin, a larger "
        "effect or a lower power."
    )


def _inside(name: str, value: float) -> float:
    if not 0 < value < 1:
        raise SettingsError(f"A value of {value} came for {name}; it must lie between 0 and 1.")
    return value


def _count(name: str, value: int) -> int:
    if value < 1:
        raise SettingsError(f"A value of {value} came for {name}; 1 or more are needed.")
    return value


def _counts(trials: ArrayLike) -> NDArray[np.int64]:
    counts = np.asarray(trials)
    if (counts < 1).any():
        raise SettingsError(f"{counts.min()} trials came; 1 or more are needed.")
    return counts.astype(np.int64)
