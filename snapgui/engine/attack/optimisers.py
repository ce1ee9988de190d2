"""How a patch moves: a rule over points of the unit box, each row of which belongs to an image.

Others are in ``benchmarks/optimisers.py``; this one won there.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch

from snapgui.engine.attack.packing import mean_of_each
from snapgui.engine.settings import AttackSettings
from snapgui.errors import SettingsError


@dataclass(frozen=True)
class Observation:
    """What one pass through the victim said of n images.

    Attributes:
        rows: int64 ``(r,)``, the rows of the position that are theirs.
        owners: int64 ``(r,)``, which of the n images each of these rows belongs to.
        gradient: ``(r, D)`` of the summed scores by these rows.
        steps: int64 ``(n,)``, steps that each image has taken.
        score: ``(n,)``, what is to rise.
        reached: bool ``(n,)``, whether the goal is reached.
        relief: ``(r, D)``, gradient of the summed changes by these rows; None where change is free.
    """

    rows: torch.Tensor
    owners: torch.Tensor
    gradient: torch.Tensor
    steps: torch.Tensor
    score: torch.Tensor
    reached: torch.Tensor
    relief: torch.Tensor | None = None


class Optimiser(Protocol):
    """A rule with its own memory; ``position`` ``(R, D)`` is where the next pass is made."""

    position: torch.Tensor

    def step(self, seen: Observation) -> None:
        """Move the rows that were seen."""


Rule = Callable[[torch.Tensor], Optimiser]
"""Begins at a position ``(R, D)``."""


def rule_of(settings: AttackSettings) -> Rule:
    """The rule that settings ask for.

    Raises:
        SettingsError: only benchmarks have it.
    """
    if settings.optimiser != "sign":
        raise SettingsError(
            f"The optimiser “{settings.optimiser}” is in records of earlier runs and in benchmarks alone, "
            "so this cannot be repeated as it was. Set the optimiser to “sign”."
        )
    if settings.least_change or settings.texture == "nucleus":
        return lambda position: LeastChange(position, steps=settings.steps)
    return SignMomentum


def normalise(gradient: torch.Tensor, seen: Observation) -> torch.Tensor:
    """Each image's gradient ``(r, D)`` over its own mean magnitude."""
    mean = mean_of_each(gradient.abs().mean(1), seen.owners, len(seen.steps))
    return gradient / mean.clamp_min(1e-20)[seen.owners, None]


class SignMomentum:
    """Sign of an accumulated gradient (momentum 0.5); the step shrinks from twice the box to its fiftieth.

    Each gradient is divided by its own mean magnitude in the image, so that none outweighs those before it.

    The first four steps are longer than the box: they throw every pixel from one end to the other, so that
    the patch does not settle at once in the nearest poor place.
    """

    def __init__(self, position: torch.Tensor) -> None:
        self.position = position.clone()
        self._momentum = torch.zeros_like(position)

    def step(self, seen: Observation) -> None:
        moved = 0.5 * self._momentum[seen.rows] + normalise(seen.gradient, seen)
        size = 0.02 + 1.98 * torch.exp(-seen.steps[seen.owners, None] / 5)
        self._momentum[seen.rows] = moved
        self.position[seen.rows] = (self.position[seen.rows] + size * moved.sign()).clamp(0, 1)


# Of the box, at first, chosen on val_random.
RATE = 0.15


class LeastChange:
    """Adam on the score less a price on change, which rises while an image's goal is reached and falls while
    it is not: the patch settles where the goal is just reached (Carlini and Wagner 2017, with the price
    adapted at every step as in ALMA, Rony et al. 2021).

    Both gradients are divided by their own mean magnitude in the image, so that prices mean the same in all.
    The rate, a share of the box, falls to a twentieth on a cosine over the limit of steps. Where change is
    free this is plain Adam, by which codes go further than by signs: they are unlike each other in weight.
    """

    def __init__(self, position: torch.Tensor, *, steps: int) -> None:
        self.position = position.clone()
        self._first, self._second = torch.zeros_like(position), torch.zeros_like(position)
        self._steps = steps
        # One price an image, told to each of its rows.
        self._price = torch.full_like(position[:, :1], 0.3)

    def step(self, seen: Observation) -> None:
        taken = seen.steps[seen.owners, None] + 1
        price = self._price[seen.rows] * torch.where(seen.reached, 1.15, 1 / 1.15)[seen.owners, None]
        self._price[seen.rows] = price
        gradient = normalise(seen.gradient, seen)
        if seen.relief is not None:
            gradient = gradient - price * normalise(seen.relief, seen)
        first = self._first[seen.rows] = 0.8 * self._first[seen.rows] + 0.2 * gradient
        second = self._second[seen.rows] = 0.95 * self._second[seen.rows] + 0.05 * gradient**2
        rate = RATE * (0.525 + 0.475 * torch.cos(math.pi * (taken / self._steps).clamp(max=1)))
        moved = rate * (first / (1 - 0.8**taken)) / ((second / (1 - 0.95**taken)).sqrt() + 1e-6)
        self.position[seen.rows] = (self.position[seen.rows] + moved).clamp(0, 1)
