"""What `attack_speed.py` measures of our attack alone: the cost of a step, and strength against the
reference.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch

from benchmarks.bootstrap import ratio_interval
from benchmarks.patches import TARGET, PatchBatch, attack, margins, saved_margins
from benchmarks.reference import Reference
from benchmarks.timing import alternate, ratios, spread, time_once
from snapgui.engine.attack.objectives import Targeted
from snapgui.engine.settings import AttackSettings
from snapgui.engine.victim.victim import Victim
from snapgui.statistics import share
from snapgui.words import with_count

SHARE = 0.95
Say = Callable[[str, float], None]


@dataclass(frozen=True)
class Row:
    """One line of the table; ``measured`` has the ratio first, ``detail`` what stands behind it."""

    what: str
    to_reach: str
    measured: str
    detail: str


def every_step(settings: AttackSettings) -> AttackSettings:
    """The settings without a goal: an attack that stopped early would be neither timed nor judged in full."""
    return replace(settings, confidence=1.0)


def measure_overhead(
    victim: Victim, batch: PatchBatch, settings: AttackSettings, *, block: int, repeats: int, say: Say
) -> list[Row]:
    """Our step against a bare forward and input-gradient of the same network, in alternating blocks of
    steps.
    """
    device = batch.images.device
    # One long run is advanced block by block: the warm-up block holds its set-up, the others steps alone.
    steps = attack(victim, batch, replace(every_step(settings), steps=block * (repeats + 2)))
    images = batch.images.clone().requires_grad_()
    bfloat16 = device.type == "cuda" and torch.cuda.is_bf16_supported()

    def ours() -> None:
        for _ in range(block):
            next(steps)

    def bare() -> None:
        for _ in range(block):
            with torch.autocast(device.type, torch.bfloat16, enabled=bfloat16):
                logits = victim(images).float()
            torch.autograd.grad(Targeted(TARGET).margin(logits).sum(), images)

    times = alternate(
        {"ours": lambda: time_once(ours, device), "bare": lambda: time_once(bare, device)},
        repeats=repeats,
        on_time=say,
    )
    ratio = ratios(times["ours"], times["bare"])
    step = {name: spread([seconds / block * 1000 for seconds in values]) for name, values in times.items()}
    detail = f"batch {len(batch)}: our step {step['ours'].text('.1f')} ms, bare {step['bare'].text('.1f')} ms"
    return [Row("our step over bare forward + input-gradient", "at most 1.10", ratio.text(".3f"), detail)]


def measure_strength(
    victim: Victim, batch: PatchBatch, settings: AttackSettings, reference: Reference
) -> list[Row]:
    """Mean drop of the margin by our defaults against the reference, and what only the reference flips; on
    saved pictures.
    """
    for step in attack(victim, batch, every_step(settings)):
        last = step
    before = margins(victim, batch.images)
    found = saved_margins(victim, last.best_images)
    ours, best = (found - before).numpy(), (reference.margins - before).numpy()
    low, high = ratio_interval(ours, best)
    lost = int(((reference.margins > 0) & (found <= 0)).sum())
    flips = (
        f"ours flips {int((found > 0).sum())}, the reference {int((reference.margins > 0).sum())} of "
        f"{len(batch)}"
    )
    drops = f"mean drop {ours.mean():.3f} against {best.mean():.3f}"
    return [
        Row(
            f"drop by {settings.steps} default steps over the reference's",
            "at least 0.97" if settings.texture == "free" else "at least 0.95",
            f"{ours.mean() / best.mean():.3f} (95 % {low:.3f} to {high:.3f})",
            f"{drops}; reference: {reference.text()}",
        ),
        Row(
            "images that the reference flips and ours does not",
            "at most 2 %",
            with_count(share(lost, len(batch))),
            flips,
        ),
    ]


@dataclass(frozen=True)
class Reach:
    """When an attack comes to 95 % of the reference's drop.

    ``each`` is the first step at which each image does, infinite where it does not; ``mean`` the first at
    which the mean drop of the batch does, None where it does not.
    """

    each: torch.Tensor
    mean: int | None

    @property
    def median(self) -> float:
        """Over the images; infinite where half of them do not get there."""
        return float(np.median(self.each.numpy()))

    def text(self, limit: int) -> str:
        """Both in words."""
        reached = int(self.each.isfinite().sum())
        mean = f"mean after {self.mean} steps" if self.mean is not None else f"mean not in {limit} steps"
        return f"{mean}; image by image median {self.median:g}, {reached} of {len(self.each)} traced so far"


class Tracer:
    """Best drop so far of each image, step by step, until the mean and half of the images have come to the
    goal.
    """

    def __init__(self, victim: Victim, batch: PatchBatch, reference: Reference) -> None:
        self._victim = victim
        self._before = margins(victim, batch.images)
        self._goal = SHARE * (reference.margins - self._before)
        self._best = torch.full((len(batch),), -torch.inf)
        self.reach = Reach(torch.full((len(batch),), torch.inf), None)

    def see(self, step: int, images: torch.Tensor) -> bool:
        """Judge the iterates after ``step`` steps; True once enough is known."""
        self._best = torch.maximum(self._best, saved_margins(self._victim, images) - self._before)
        first = (self._best >= self._goal) & self.reach.each.isinf()
        mean = self.reach.mean
        if mean is None and self._best.mean() >= self._goal.mean():
            mean = step
        self.reach = Reach(self.reach.each.masked_fill(first, step), mean)
        return mean is not None and bool(np.isfinite(self.reach.median))


def trace_ours(victim: Victim, batch: PatchBatch, settings: AttackSettings, reference: Reference) -> Reach:
    """When our attack gets there, judged on saved pictures at every step; not timed."""
    tracer = Tracer(victim, batch, reference)
    for step in attack(victim, batch, every_step(settings)):
        if tracer.see(step.index, step.best_images):
            break
    return tracer.reach
