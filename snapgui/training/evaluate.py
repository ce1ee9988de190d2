"""How good a victim is: accuracy with its interval, AUC, sensitivity, specificity."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from snapgui.data.datasets import PatchSet
from snapgui.engine.images import to_image
from snapgui.engine.victim.victim import Victim
from snapgui.statistics import area_under_curve, wilson_interval


@dataclass(frozen=True)
class Figures:
    """A victim's figures on one set; shares in [0, 1], intervals are 95 % Wilson."""

    count: int
    accuracy: float
    accuracy_interval: tuple[float, float]
    auc: float
    sensitivity: float
    specificity: float


def figures_of(labels: NDArray[np.int64], p_metastasis: NDArray[np.float64]) -> Figures:
    """The figures for labels ``(N,)`` and probabilities of metastasis ``(N,)``; the threshold is 0.5."""
    predicted = p_metastasis > 0.5
    right = predicted == (labels == 1)
    return Figures(
        count=len(labels),
        accuracy=float(right.mean()),
        accuracy_interval=wilson_interval(int(right.sum()), len(labels)),
        auc=area_under_curve(labels, p_metastasis),
        sensitivity=float(right[labels == 1].mean()) if (labels == 1).any() else math.nan,
        specificity=float(right[labels == 0].mean()) if (labels == 0).any() else math.nan,
    )


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
    return figures_of(patches.labels, predict_patches(victim, patches))
