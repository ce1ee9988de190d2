"""How a patch moves: three rules over points of the unit box, one row a masked pixel.

All take the gradient divided by its own mean magnitude in each image, so that no image outweighs its
neighbours. They are compared in ``benchmarks/``; the default is the one that won there.
"""

import math
from dataclasses import dataclass
from typing import Protocol

import torch

from snapgui.engine.attack.packing import Packed, mean_of_each
from snapgui.engine.settings import OptimiserName


@dataclass(frozen=True)
class Pass:
    """What one pass through the victim said.

    Attributes:
        chosen: bool ``(P,)``, the pixels of the images in the batch.
        active: int64 ``(n,)``, these images.
        taken: int64 ``(N,)``, steps that each image of the pool has taken.
        gradient: ``(p, D)`` of the score by the coordinates of the chosen pixels.
        score: ``(N,)``, the last score of each image of the pool.
        best_score: ``(N,)``, its highest so far, this pass included.
    """

    chosen: torch.Tensor
    active: torch.Tensor
    taken: torch.Tensor
    gradient: torch.Tensor
    score: torch.Tensor
    best_score: torch.Tensor


class Optimiser(Protocol):
    """A rule with its own memory; ``position`` ``(P, D)`` is where the next pass is made."""

    position: torch.Tensor

    def step(self, seen: Pass) -> None:
        """Move the chosen pixels."""

    def restart(self, images: torch.Tensor, position: torch.Tensor) -> None:
        """Put the images that bool ``(N,)`` names at ``position`` ``(P, D)`` and forget what was learned of
        them.
        """


def make_optimiser(
    name: OptimiserName, position: torch.Tensor, pixels: Packed, *, steps: int, count: int
) -> Optimiser:
    """The rule of that name for a pool of ``count`` images, starting at ``position``."""
    if name == "sign":
        return SignMomentum(position, pixels)
    if name == "adam":
        return LatentAdam(position, pixels, steps=steps)
    return StepHalving(position, pixels, steps=steps, count=count)


def normalise(gradient: torch.Tensor, rows: torch.Tensor, count: int) -> torch.Tensor:
    """Each image's gradient ``(P, D)`` over its own mean magnitude."""
    return gradient / mean_of_each(gradient.abs().mean(1), rows, count).clamp_min(1e-20)[rows, None]


class SignMomentum:
    """Sign of an accumulated gradient (momentum 0.5); the step shrinks from the whole box to a fiftieth of
    it.

    The first four steps are longer than the box: they throw every pixel from one end to the other, so that
    the patch does not settle at once in the nearest poor place.
    """

    def __init__(self, position: torch.Tensor, pixels: Packed) -> None:
        self.position = position
        self._momentum = torch.zeros_like(position)
        self._rows = pixels.rows

    def step(self, seen: Pass) -> None:
        rows = self._rows[seen.chosen]
        moved = 0.5 * self._momentum[seen.chosen] + normalise(seen.gradient, rows, len(seen.taken))
        self._momentum = self._momentum.index_put((seen.chosen,), moved)
        size = 0.02 + 1.98 * torch.exp(-seen.taken[rows, None] / 5)
        self.position = self.position.index_put(
            (seen.chosen,), (self.position[seen.chosen] + size * moved.sign()).clamp(0, 1)
        )

    def restart(self, images: torch.Tensor, position: torch.Tensor) -> None:
        again = images[self._rows]
        self._momentum = self._momentum.masked_fill(again[:, None], 0)
        self.position = torch.where(again[:, None], position, self.position)


class LatentAdam:
    """Adam on a latent that is not clipped; the pass is made at its clamp, the gradient goes straight
    through.

    RGD (arXiv 2312.01260): a pixel that was pushed far beyond its bound must be pushed as far back before it
    leaves it. The rate falls from 0.1 of the box to a tenth of that on a cosine over the limit of steps.
    """

    def __init__(self, position: torch.Tensor, pixels: Packed, *, steps: int) -> None:
        self.position = position
        self._latent = position.clone()
        self._first = torch.zeros_like(position)
        self._second = torch.zeros_like(position)
        self._rows = pixels.rows
        self._steps = steps

    def step(self, seen: Pass) -> None:
        rows, chosen = self._rows[seen.chosen], seen.chosen
        gradient = normalise(seen.gradient, rows, len(seen.taken))
        taken = seen.taken[rows, None] + 1
        first = 0.9 * self._first[chosen] + 0.1 * gradient
        second = 0.99 * self._second[chosen] + 0.01 * gradient**2
        rate = 0.1 * (0.55 + 0.45 * torch.cos(math.pi * (taken / self._steps).clamp(max=1)))
        moved = rate * (first / (1 - 0.9**taken)) / ((second / (1 - 0.99**taken)).sqrt() + 1e-8)
        self._first = self._first.index_put((chosen,), first)
        self._second = self._second.index_put((chosen,), second)
        self._latent = self._latent.index_put((chosen,), self._latent[chosen] + moved)
        self.position = self._latent.clamp(0, 1)

    def restart(self, images: torch.Tensor, position: torch.Tensor) -> None:
        again = images[self._rows][:, None]
        self._first, self._second = self._first.masked_fill(again, 0), self._second.masked_fill(again, 0)
        self._latent = torch.where(again, position, self._latent)
        self.position = self._latent.clamp(0, 1)


class StepHalving:
    """The step rule of APGD (Croce and Hein 2020): sign steps with momentum 0.75, halved where they stop
    paying.

    At checkpoints after 22 % of the steps, then at intervals that shrink by 3 to no less than 6 %, an image
    whose score rose in fewer than three quarters of the steps, or whose best did not move, goes back to its
    best and halves its step.
    """

    def __init__(self, position: torch.Tensor, pixels: Packed, *, steps: int, count: int) -> None:
        self.position = position
        self._before = position.clone()
        self._best = position.clone()
        self._best_gradient = torch.zeros_like(position)
        self._rows = pixels.rows
        device = position.device
        self._size = torch.full((count,), 0.5, device=device)
        self._rises = torch.zeros(count, device=device)
        self._last_score = torch.full((count,), -torch.inf, device=device)
        self._best_at_check = torch.full((count,), -torch.inf, device=device)
        self._halved_at_check = torch.zeros(count, dtype=torch.bool, device=device)
        self._checks = _checkpoints(steps)

    def step(self, seen: Pass) -> None:
        chosen, active = seen.chosen, seen.active
        rows = self._rows[chosen]
        improved = ((seen.score >= seen.best_score)[self._rows] & chosen)[:, None]
        gradient = torch.zeros_like(self.position).index_put((chosen,), seen.gradient)
        self._best = torch.where(improved, self.position, self._best)
        self._best_gradient = torch.where(improved, gradient, self._best_gradient)
        risen = self._rises + (seen.score > self._last_score).float()
        self._rises = self._rises.index_put((active,), risen[active])
        self._last_score = self._last_score.index_put((active,), seen.score[active])
        back = self._check(seen)[self._rows, None]
        self.position = torch.where(back, self._best, self.position)
        gradient = torch.where(back, self._best_gradient, gradient)
        here = self.position[chosen]
        ahead = (here + self._size[rows, None] * gradient[chosen].sign()).clamp(0, 1)
        inertia = torch.where(seen.taken[rows, None] > 0, 0.75, 1.0)
        there = (here + inertia * (ahead - here) + (1 - inertia) * (here - self._before[chosen])).clamp(0, 1)
        self._before = self._before.index_put((chosen,), here)
        self.position = self.position.index_put((chosen,), there)

    def _check(self, seen: Pass) -> torch.Tensor:
        """Bool ``(N,)``: images at a checkpoint whose step was halved, which go back to their best."""
        halved = torch.zeros_like(self._halved_at_check)
        for start, end in zip(self._checks, self._checks[1:], strict=False):
            due = torch.zeros_like(self._halved_at_check)
            due[seen.active] = seen.taken[seen.active] == end
            poor = self._rises < 0.75 * (end - start)
            stuck = ~self._halved_at_check & (self._best_at_check >= seen.best_score)
            halve = due & (poor | stuck)
            self._size = torch.where(halve, self._size / 2, self._size)
            halved = halved | halve
            self._halved_at_check = torch.where(due, halve, self._halved_at_check)
            self._best_at_check = torch.where(due, seen.best_score, self._best_at_check)
            self._rises = self._rises.masked_fill(due, 0)
        return halved

    def restart(self, images: torch.Tensor, position: torch.Tensor) -> None:
        again = images[self._rows][:, None]
        self.position = torch.where(again, position, self.position)
        self._before, self._best = (
            torch.where(again, position, self._before),
            torch.where(again, position, self._best),
        )
        self._size = self._size.masked_fill(images, 0.5)
        self._rises = self._rises.masked_fill(images, 0)
        self._last_score = self._last_score.masked_fill(images, -torch.inf)
        self._best_at_check = self._best_at_check.masked_fill(images, -torch.inf)
        self._halved_at_check = self._halved_at_check & ~images


def _checkpoints(steps: int) -> list[int]:
    """Steps at which `StepHalving` looks back: Croce and Hein 2020, section 3."""
    interval, at, found = max(round(0.22 * steps), 1), 0, [0]
    least, shrink = max(round(0.06 * steps), 1), max(round(0.03 * steps), 1)
    while at + interval <= steps:
        at += interval
        found.append(at)
        interval = max(interval - shrink, least)
    return found
