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


def area_under_curve(labels: NDArray[np.int64], scores: NDArray[np.float64]) -> float:
    """Area under the ROC curve as the Mann-Whitney share, ties counting half; NaN with one class only."""
    positive = labels == 1
    if positive.all() or not positive.any():
        return math.nan
    return float(roc_auc_score(labels, scores))
