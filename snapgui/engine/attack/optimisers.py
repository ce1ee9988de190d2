"""How a patch moves: a rule over points of the unit box, each row of which belongs to an image.

Others are in ``benchmarks/optimisers.py``; this one won there.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch

from snapgui.engine.attack.packing import mean_of_each
from snapgui.engine.settings import OptimiserName
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
    """

    rows: torch.Tensor
    owners: torch.Tensor
    gradient: torch.Tensor
    steps: torch.Tensor
    score: torch.Tensor


class Optimiser(Protocol):
    """A rule with its own memory; ``position`` ``(R, D)`` is where the next pass is made."""

    position: torch.Tensor

    def step(self, seen: Observation) -> None:
        """Move the rows that were seen."""


Rule = Callable[[torch.Tensor], Optimiser]
"""Begins at a position ``(R, D)``."""


def rule_named(name: OptimiserName) -> Rule:
    """The rule that settings name.

    Raises:
        SettingsError: only benchmarks have it.
    """
    if name != "sign":
        raise SettingsError(
            f"The optimiser “{name}” is in records of earlier runs and in benchmarks alone, so this cannot "
            "be repeated as it was. Set the optimiser to “sign”."
        )
    return SignMomentum


def normalise(seen: Observation) -> torch.Tensor:
    """Each image's gradient ``(r, D)`` over its own mean magnitude."""
    mean = mean_of_each(seen.gradient.abs().mean(1), seen.owners, len(seen.steps))
    return seen.gradient / mean.clamp_min(1e-20)[seen.owners, None]


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
        moved = 0.5 * self._momentum[seen.rows] + normalise(seen)
        size = 0.02 + 1.98 * torch.exp(-seen.steps[seen.owners, None] / 5)
        self._momentum[seen.rows] = moved
        self.position[seen.rows] = (self.position[seen.rows] + size * moved.sign()).clamp(0, 1)
