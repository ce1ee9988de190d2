"""Statistics that several rooms use: intervals of proportions, area under the ROC curve."""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import roc_auc_score
from statsmodels.stats.proportion import proportion_confint


def wilson_interval(successes: float, count: float) -> tuple[float, float]:
    """Wilson's 95 % interval of a proportion (Wilson 1927); (0, 1) for no observation at all."""
    if count == 0:
        return 0.0, 1.0
    low, high = proportion_confint(successes, count, method="wilson")
    return float(low), float(high)


def share(successes: int, count: int) -> dict[str, Any]:
    """A proportion with its 95 % Wilson interval; no share for no observation."""
    low, high = wilson_interval(successes, count)
    return {
        "count": successes,
        "of": count,
        "share": successes / count if count else None,
        "interval": [low, high],
    }


def share_of_draws(successes: ArrayLike, draws: int) -> dict[str, Any]:
    """A proportion over several draws of each image, with a 95 % interval that knows that draws of one image
    are no further images.

    Wilson's interval for the number of independent observations that the draws are worth, from the variance
    between images: as many as images where the draws of each image agree, at most as many as draws (the
    effective sample size of Korn and Graubard 1998).

    Args:
        successes: of each image, how many of its draws.
        draws: of each image.
    """
    counts = np.asarray(successes, dtype=np.float64)
    images, total = len(counts), round(float(counts.sum()))
    if draws == 1 or not images:
        return share(total, images)
    mean = float(counts.mean()) / draws
    variance = float((counts / draws).var(ddof=1)) / images if images > 1 else 0.0
    worth = mean * (1 - mean) / variance if variance else images
    worth = min(max(worth, images), images * draws)
    interval = list(wilson_interval(mean * worth, worth))
    return {"count": total, "of": images * draws, "share": mean, "interval": interval, "images": images}


def paired_difference(
    first: NDArray[np.bool_], second: NDArray[np.bool_]
) -> tuple[float, tuple[float, float]]:
    """How much more often ``first`` is true than ``second``, both ``(N,)`` of the same images, and the 95 %
    interval by Newcombe's score method for paired proportions (1998, Statistics in Medicine 17, method 10).
    """
    count = len(first)
    if not count:
        return math.nan, (-1.0, 1.0)
    both, neither = int((first & second).sum()), int((~first & ~second).sum())
    only_first, only_second = int((first & ~second).sum()), int((~first & second).sum())
    p1, p2 = (both + only_first) / count, (both + only_second) / count
    (low1, high1), (low2, high2) = (wilson_interval(round(p * count), count) for p in (p1, p2))
    spread = (both + only_first) * (only_second + neither) * (both + only_second) * (only_first + neither)
    excess = both * neither - only_first * only_second
    # With a correction for continuity where the two agree more than by chance.
    excess_corrected = max(excess - count / 2, 0) if excess > 0 else excess
    phi = excess_corrected / math.sqrt(spread) if spread else 0.0
    difference = p1 - p2

    def reach(own: float, other: float) -> float:
        return math.sqrt(max(own**2 - 2 * phi * own * other + other**2, 0.0))

    return difference, (
        difference - reach(p1 - low1, high2 - p2),
        difference + reach(high1 - p1, p2 - low2),
    )


def area_under_curve(labels: NDArray[np.int64], scores: NDArray[np.float64]) -> float:
    """Area under the ROC curve as the Mann-Whitney share, ties counting half; NaN with one class only."""
    positive = labels == 1
    if positive.all() or not positive.any():
        return math.nan
    return float(roc_auc_score(labels, scores))
