"""How well altered and real can be told apart: area under the ROC curve with an interval over images."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

DRAWS = 2000


@dataclass(frozen=True)
class Area:
    """Area under the ROC curve, 0.5 for chance, with its 95 % interval."""

    auc: float
    low: float
    high: float


def area_by_image(
    labels: NDArray[np.int64],
    scores: NDArray[np.float64],
    images: NDArray[np.str_],
    *,
    seed: int = 0,
    draws: int = DRAWS,
) -> Area:
    """Share of pairs of an altered and a real item ``(N,)`` that the scores put in order, ties counting half.

    The interval is of percentiles over a bootstrap of whole images: items of one image are no further images.

    Raises:
        ValueError: only one of the two labels is there.
    """
    names, owner = np.unique(images, return_inverse=True)
    if len(np.unique(labels)) < 2:
        raise ValueError("an area needs altered and real items")
    wins, pairs = _pairs(labels == 1, scores, owner, len(names))
    rng = np.random.default_rng(seed)
    weights = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=draws).astype(float)
    total = np.einsum("dg,gh,dh->d", weights, pairs, weights, optimize=True)
    drawn = np.einsum("dg,gh,dh->d", weights, wins, weights, optimize=True)[total > 0] / total[total > 0]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Area(float(wins.sum() / pairs.sum()), float(low), float(high))


def _pairs(
    altered: NDArray[np.bool_], scores: NDArray[np.float64], owner: NDArray[np.int64], count: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of each image's altered items (row) with each image's real ones (column): pairs in order, and pairs."""
    wins = np.zeros((count, count))
    ranks = rankdata(scores, method="dense").astype(float)
    by_image = [np.sort(ranks[~altered & (owner == image)]) for image in range(count)]
    own = [ranks[altered & (owner == image)] for image in range(count)]
    for row, mine in enumerate(own):
        for column, real in enumerate(by_image):
            below = np.searchsorted(real, mine, "left") + np.searchsorted(real, mine, "right")
            wins[row, column] = below.sum() / 2
    sizes = np.array([[len(mine) for mine in own], [len(real) for real in by_image]], dtype=float)
    return wins, np.outer(sizes[0], sizes[1])
