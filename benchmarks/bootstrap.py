"""Intervals of paired comparisons: images are drawn again, with all that was measured on them."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.floating[Any]]
RESAMPLES = 10_000


def interval(
    statistic: Callable[[NDArray[np.int64]], Values], count: int, *, seed: int = 0
) -> tuple[float, float]:
    """95 % percentile interval of a statistic over ``count`` images.

    ``statistic`` takes image numbers int64 ``(R, count)``, one resample a row, and gives ``(R,)``.
    """
    drawn = np.random.default_rng(seed).integers(0, count, (RESAMPLES, count))
    low, high = np.quantile(statistic(drawn), [0.025, 0.975])
    return float(low), float(high)


def difference_interval(ours: Values, other: Values) -> tuple[float, float]:
    """95 % interval of the mean of ``ours - other``, both ``(N,)`` over the same images."""
    difference = ours - other
    return interval(lambda drawn: difference[drawn].mean(1), len(difference))


def ratio_interval(ours: Values, other: Values) -> tuple[float, float]:
    """95 % interval of the mean of ``ours`` over the mean of ``other``, both ``(N,)`` over the same
    images.
    """
    return interval(lambda drawn: ours[drawn].mean(1) / other[drawn].mean(1), len(ours))
