"""ART's adversarial patch, one circle for a set of images: the peer of a universal SNAP."""

import math

import numpy as np
import torch
from art.attacks.evasion import AdversarialPatchPyTorch

from benchmarks.measures import Row
from benchmarks.patches import PatchBatch, margins, saved_margins
from benchmarks.peers import classifier, towards_target
from snapgui.engine.victim.victim import Victim
from snapgui.statistics import wilson_interval


def train_circle(
    victim: Victim, batch: PatchBatch, *, area: float, steps: int, rate: float, batch_size: int = 16
) -> AdversarialPatchPyTorch:
    """ART's patch: one circle of that share of the image for all images, anywhere, turned by up to 22.5
    degrees.

    The rate is in units of the [0, 1] range; ART's default of 5 is meant for 0 to 255. ``steps`` are passes
    over the set.
    """
    scale = circle_scale(area)
    size = batch.images.shape[-1]
    attack = AdversarialPatchPyTorch(
        classifier(victim, batch),
        rotation_max=22.5,
        scale_min=scale,
        scale_max=scale + 1e-6,
        learning_rate=rate,
        max_iter=steps,
        batch_size=batch_size,
        patch_shape=(3, size, size),
        patch_type="circle",
        targeted=True,
        verbose=False,
    )
    attack.generate(x=batch.images.cpu().numpy(), y=towards_target(len(batch)))
    return attack


def lay_circle(attack: AdversarialPatchPyTorch, images: torch.Tensor, *, area: float) -> torch.Tensor:
    """The images with the patch at a random place of each."""
    laid = attack.apply_patch(images.cpu().numpy(), scale=circle_scale(area))
    return torch.from_numpy(laid).to(images.device)


def circle_scale(area: float) -> float:
    """The diameter, as a share of the image's side, of a circle of that share of its area."""
    return math.sqrt(4 * area / math.pi)


def measure_universal(
    victim: Victim, train: PatchBatch, held_out: PatchBatch, *, area: float, steps: int, rate: float
) -> list[Row]:
    """ART's universal patch, one circle of that area: how many pictures it flips of those it was trained on
    and of others.
    """
    # ART draws places and angles from numpy's global generator.
    np.random.seed(0)
    patch = train_circle(victim, train, area=area, steps=steps, rate=rate)
    rows = []
    for name, batch in (("trained on", train), ("held out", held_out)):
        laid = lay_circle(patch, batch.images, area=area)
        flipped = int((saved_margins(victim, laid) > 0).sum())
        low, high = wilson_interval(flipped, len(batch))
        drop = (saved_margins(victim, laid) - margins(victim, batch.images)).mean()
        rows.append(
            Row(
                f"ART's AdversarialPatchPyTorch, patches {name}",
                "",
                f"{flipped / len(batch):.1%} ({low:.1%} to {high:.1%})",
                f"one circle of {area:.0%}, any colour, {steps} passes over {len(train)} images, "
                f"Adam at {rate:g}; mean drop {drop:.2f}",
            )
        )
    return rows
