"""How good a victim is: accuracy with its interval, AUC, sensitivity, specificity, and how far its
probabilities can be believed.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import roc_curve

from snapgui.data.datasets import PatchSet
from snapgui.engine.images import to_image
from snapgui.engine.victim.victim import Victim
from snapgui.statistics import area_under_curve, wilson_interval

BINS, ROC_POINTS = 15, 80


@dataclass(frozen=True)
class Figures:
    """A victim's figures on one set; shares in [0, 1], intervals are 95 % Wilson.

    Attributes:
        calibration_error: expected calibration error over `BINS` bins of equal width of the probability of
            metastasis (Guo et al. 2017, arXiv 1706.04599).
        reliability: of each bin that holds patches its mean probability, share of metastases and count.
        roc: points of the ROC curve, false and true positive share, at most `ROC_POINTS`.
        seconds_per_patch: on the device of the card; None where it was not timed.
    """

    count: int
    accuracy: float
    accuracy_interval: tuple[float, float]
    auc: float
    sensitivity: float
    specificity: float
    calibration_error: float
    reliability: list[tuple[float, float, int]]
    roc: list[tuple[float, float]]
    seconds_per_patch: float | None = None


def figures_of(labels: NDArray[np.int64], p_metastasis: NDArray[np.float64]) -> Figures:
    """The figures for labels ``(N,)`` and probabilities of metastasis ``(N,)``; the threshold is 0.5."""
    predicted = p_metastasis > 0.5
    right = predicted == (labels == 1)
    bins = _reliability(labels, p_metastasis)
    return Figures(
        count=len(labels),
        accuracy=float(right.mean()),
        accuracy_interval=wilson_interval(int(right.sum()), len(labels)),
        auc=area_under_curve(labels, p_metastasis),
        sensitivity=float(right[labels == 1].mean()) if (labels == 1).any() else math.nan,
        specificity=float(right[labels == 0].mean()) if (labels == 0).any() else math.nan,
        calibration_error=sum(abs(mean - found) * n for mean, found, n in bins) / max(1, len(labels)),
        reliability=bins,
        roc=_roc(labels, p_metastasis),
    )


def _reliability(
    labels: NDArray[np.int64], p_metastasis: NDArray[np.float64]
) -> list[tuple[float, float, int]]:
    place = np.minimum((p_metastasis * BINS).astype(int), BINS - 1)
    return [
        (float(p_metastasis[own].mean()), float((labels[own] == 1).mean()), int(own.sum()))
        for own in (place == n for n in range(BINS))
        if own.any()
    ]


def _roc(labels: NDArray[np.int64], p_metastasis: NDArray[np.float64]) -> list[tuple[float, float]]:
    if len(set((labels == 1).tolist())) < 2:
        return []
    false_share, true_share, _ = roc_curve(labels == 1, p_metastasis)
    kept = np.unique(np.linspace(0, len(false_share) - 1, ROC_POINTS).round().astype(int))
    return [(round(float(false_share[n]), 5), round(float(true_share[n]), 5)) for n in kept]


def predict_patches(
    victim: Victim, patches: PatchSet, *, batch_size: int = 64, progress: Callable[[int], None] | None = None
) -> NDArray[np.float64]:
    """Probability of metastasis for each patch, float64 ``(N,)``; ``progress`` hears how many are done."""
    p = np.empty(len(patches))
    for start in range(0, len(patches), batch_size):
        rows = range(start, min(start + batch_size, len(patches)))
        images = torch.stack([to_image(patches.pixels(i)) for i in rows])
        p[start : start + len(images)] = victim.predict(images)[:, 1].cpu().numpy()
        if progress:
            progress(start + len(images))
    return p


def evaluate(victim: Victim, patches: PatchSet) -> Figures:
    """The victim's figures on a labelled set."""
    begin = time.perf_counter()
    p = predict_patches(victim, patches)
    seconds = (time.perf_counter() - begin) / max(1, len(patches))
    return replace(figures_of(patches.labels, p), seconds_per_patch=seconds)
