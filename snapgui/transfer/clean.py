"""What a model says of untouched patches, and how long it takes: the price of a defence."""

import time
from typing import Any

import numpy as np
import torch

from snapgui.audit.shard import probabilities, read_or_why
from snapgui.data.datasets import PatchSet
from snapgui.engine.victim.victim import Victim
from snapgui.statistics import share
from snapgui.transfer.settings import TransferSettings


@torch.no_grad()
def measure_clean(victim: Victim, patches: PatchSet, settings: TransferSettings) -> dict[str, Any]:
    """Accuracy, sensitivity and specificity on a fixed random sample of patches, and seconds a patch."""
    sample = patches.sample(settings.clean, seed=settings.seed)
    read = [read_or_why(sample, position) for position in range(len(sample))]
    kept = [(picture, n) for n, picture in enumerate(read) if not isinstance(picture, str)]
    begin = time.perf_counter()
    p = probabilities(victim, [picture for picture, _ in kept], settings.batch_size)[:, 1]
    seconds = (time.perf_counter() - begin) / max(1, len(kept))
    labels = sample.labels[[n for _, n in kept]]
    right = (p > 0.5) == (labels == 1)
    return {
        "accuracy": share(int(right.sum()), len(right)),
        "sensitivity": share(int(right[labels == 1].sum()), int((labels == 1).sum())),
        "specificity": share(int(right[labels == 0].sum()), int((labels == 0).sum())),
        "mean_p_of_label": float(np.where(labels == 1, p, 1 - p).mean()),
        "seconds_per_patch": seconds,
    }
