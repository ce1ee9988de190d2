"""What a model says of untouched patches, and how long it takes: the price of a defence."""

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from snapgui.audit.shard import probabilities, read_or_why
from snapgui.data.datasets import PatchSet
from snapgui.engine.defences.defended import AlarmingDefence, Defended
from snapgui.engine.images import to_image
from snapgui.engine.victim.victim import Victim
from snapgui.statistics import share
from snapgui.transfer.settings import TransferSettings

# Patches on which a prediction is timed.
TIMED = 50


@torch.no_grad()
def measure_clean(victim: Victim, patches: PatchSet, settings: TransferSettings) -> dict[str, Any]:
    """Accuracy, sensitivity and specificity on a fixed random sample of patches, and seconds of one
    prediction; of a defence that has alarms also the share of the patches that raise one.
    """
    sample = patches.sample(settings.clean, seed=settings.seed)
    read = [read_or_why(sample, position) for position in range(len(sample))]
    kept = [(picture, n) for n, picture in enumerate(read) if not isinstance(picture, str)]
    p = probabilities(victim, [picture for picture, _ in kept], settings.batch_size)[:, 1]
    labels = sample.labels[[n for _, n in kept]]
    right = (p > 0.5) == (labels == 1)
    alarms = _alarms(victim, [picture for picture, _ in kept], settings.batch_size)
    return {
        **({} if alarms is None else {"false_alarms": share(alarms, len(kept))}),
        "accuracy": share(int(right.sum()), len(right)),
        "sensitivity": share(int(right[labels == 1].sum()), int((labels == 1).sum())),
        "specificity": share(int(right[labels == 0].sum()), int((labels == 0).sum())),
        "mean_p_of_label": float(np.where(labels == 1, p, 1 - p).mean()),
        "seconds_per_patch": _seconds_alone(victim, [picture for picture, _ in kept[:TIMED]]),
    }


def _seconds_alone(victim: Victim, pictures: Sequence[NDArray[np.uint8]]) -> float:
    """Median seconds of one prediction, pictures coming one by one as a reader looks at them; on a processor
    those that it worked for this, whatever else it did.
    """
    clock = time.process_time if victim.mean.device.type == "cpu" else time.perf_counter
    seconds = []
    for picture in pictures:
        begin = clock()
        float(victim.predict(to_image(picture)[None])[0, 1])
        seconds.append(clock() - begin)
    return float(np.median(seconds)) if seconds else 0.0


def _alarms(victim: Victim, pictures: Sequence[NDArray[np.uint8]], batch_size: int) -> int | None:
    """How many of the pictures raise an alarm; None for a victim that has none."""
    if not isinstance(victim, Defended) or not isinstance(victim.defence, AlarmingDefence):
        return None
    count = 0
    for begin in range(0, len(pictures), batch_size):
        images = torch.stack([to_image(picture) for picture in pictures[begin : begin + batch_size]])
        count += int(victim.defence.alarms(victim.victim, images).sum())
    return count
