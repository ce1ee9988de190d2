"""Statistics that several rooms use: intervals of proportions, area under the ROC curve."""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import roc_auc_score
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.weightstats import DescrStatsW


def wilson_interval(successes: float, count: float) -> tuple[float, float]:
    """Wilson's 95 % interval of a proportion (Wilson 1927); (0, 1) for no observation at all."""
    if count == 0:
        return 0.0, 1.0
    low, high = proportion_confint(successes, count, method="wilson")
    # Where all or none succeed, arithmetic may leave the share itself a hair outside.
    return min(float(low), successes / count), max(float(high), successes / count)


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


def paired_difference(first: ArrayLike, second: ArrayLike) -> dict[str, Any]:
    """Difference of two proportions of the same images, ``value`` with its 95 % interval, and of how many;
    both 0 to 1, no value for no image.

    Newcombe's method 10 (Statistics in Medicine 17, 1998): Wilson's intervals of both, joined by their
    correlation.

    Args:
        first, second: booleans of the same images in the same order.
    """
    one, other = np.asarray(first, dtype=bool), np.asarray(second, dtype=bool)
    count = len(one)
    if not count:
        return {"value": None, "interval": [-1.0, 1.0], "of": 0}
    p, q = float(one.mean()), float(other.mean())
    (p_low, p_high), (q_low, q_high) = (wilson_interval(share * count, count) for share in (p, q))
    margins = p * (1 - p) * q * (1 - q)
    cross = float(
        (one & other).mean() * (~one & ~other).mean() - (one & ~other).mean() * (~one & other).mean()
    )
    corrected = cross if cross < 0 else max(cross - 0.5 / count, 0.0)
    phi = corrected / math.sqrt(margins) if margins else 0.0
    down, up = (
        math.sqrt(max(near**2 - 2 * phi * near * far + far**2, 0.0))
        for near, far in ((p - p_low, q_high - q), (p_high - p, q - q_low))
    )
    return {"value": p - q, "interval": [p - q - down, p - q + up], "of": count}


def mean_of(values: ArrayLike) -> dict[str, Any]:
    """A mean with its 95 % interval by Student's t; both ends are the mean itself for a single value, no mean
    for none.
    """
    found = np.asarray(values, dtype=np.float64)
    if not len(found):
        return {"mean": None, "interval": [None, None], "of": 0}
    mean = float(found.mean())
    low, high = (mean, mean) if len(found) == 1 else DescrStatsW(found).tconfint_mean()
    return {"mean": mean, "interval": [float(low), float(high)], "of": len(found)}


def area_under_curve(labels: NDArray[np.int64], scores: NDArray[np.float64]) -> float:
    """Area under the ROC curve as the Mann-Whitney share, ties counting half; NaN with one class only."""
    positive = labels == 1
    if positive.all() or not positive.any():
        return math.nan
    return float(roc_auc_score(labels, scores))
