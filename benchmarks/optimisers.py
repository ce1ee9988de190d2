"""Two other rules by which a patch can move, with which the engine's own is compared."""

import math
from functools import partial

import torch

from snapgui.engine.attack import optimisers
from snapgui.engine.attack.optimisers import Observation, Rule, normalise
from snapgui.engine.settings import AttackSettings


def rule_of(settings: AttackSettings) -> Rule:
    """The rule that settings name, else the engine's own; these plan their steps by the limit."""
    if settings.optimiser == "adam":
        return partial(LatentAdam, steps=settings.steps)
    if settings.optimiser == "halving":
        return partial(StepHalving, steps=settings.steps)
    return optimisers.rule_of(settings)


class LatentAdam:
    """Adam on a latent that is not clipped; the pass is made at its clamp, the gradient goes straight
    through.

    RGD (arXiv 2312.01260): a pixel that was pushed far beyond its bound must be pushed as far back before it
    leaves it. The rate falls from 0.1 of the box to a tenth of that on a cosine over the limit of steps.
    """

    def __init__(self, position: torch.Tensor, *, steps: int) -> None:
        self.position = position
        self._latent = position.clone()
        self._first = torch.zeros_like(position)
        self._second = torch.zeros_like(position)
        self._limit = steps

    def step(self, seen: Observation) -> None:
        rows, gradient = seen.rows, normalise(seen.gradient, seen)
        steps = seen.steps[seen.owners, None] + 1
        first = 0.9 * self._first[rows] + 0.1 * gradient
        second = 0.99 * self._second[rows] + 0.01 * gradient**2
        rate = 0.1 * (0.55 + 0.45 * torch.cos(math.pi * (steps / self._limit).clamp(max=1)))
        moved = rate * (first / (1 - 0.9**steps)) / ((second / (1 - 0.99**steps)).sqrt() + 1e-8)
        self._first[rows], self._second[rows] = first, second
        self._latent[rows] += moved
        self.position = self._latent.clamp(0, 1)


class StepHalving:
    """The step rule of APGD (Croce and Hein 2020): sign steps with momentum 0.75, halved where they stop
    paying.

    At checkpoints after 22 % of the steps, then at intervals that shrink by 3 to no less than 6 %, an image
    whose score rose in fewer than three quarters of the steps, or whose best did not move, goes back to its
    best and halves its step.
    """

    def __init__(self, position: torch.Tensor, *, steps: int) -> None:
        self.position = position.clone()
        self._before = position.clone()
        self._best = position.clone()
        self._best_gradient = torch.zeros_like(position)
        # Of each image, repeated in each of its rows.
        each = position[:, 0]
        self._size = torch.full_like(each, 0.5)
        self._rises = torch.zeros_like(each)
        self._last_score = torch.full_like(each, -torch.inf)
        self._best_score = torch.full_like(each, -torch.inf)
        self._best_at_check = torch.full_like(each, -torch.inf)
        self._halved_at_check = torch.zeros_like(each, dtype=torch.bool)
        self._checks = _checkpoints(steps)

    def step(self, seen: Observation) -> None:
        rows, score = seen.rows, seen.score[seen.owners]
        steps, gradient = seen.steps[seen.owners], seen.gradient
        improved = (score >= self._best_score[rows])[:, None]
        self._best_score[rows] = torch.maximum(self._best_score[rows], score)
        self._best[rows] = torch.where(improved, self.position[rows], self._best[rows])
        self._best_gradient[rows] = torch.where(improved, gradient, self._best_gradient[rows])
        self._rises[rows] += (score > self._last_score[rows]).float()
        self._last_score[rows] = score
        back = self._check(rows, steps)[:, None]
        here = torch.where(back, self._best[rows], self.position[rows])
        gradient = torch.where(back, self._best_gradient[rows], gradient)
        ahead = (here + self._size[rows, None] * gradient.sign()).clamp(0, 1)
        inertia = torch.where(steps[:, None] > 0, 0.75, 1.0)
        there = (here + inertia * (ahead - here) + (1 - inertia) * (here - self._before[rows])).clamp(0, 1)
        self._before[rows] = here
        self.position[rows] = there

    def _check(self, rows: torch.Tensor, steps: torch.Tensor) -> torch.Tensor:
        """Bool ``(r,)``: rows at a checkpoint whose step was halved, which go back to their best."""
        halved = torch.zeros_like(steps, dtype=torch.bool)
        for start, end in zip(self._checks, self._checks[1:], strict=False):
            due = steps == end
            poor = self._rises[rows] < 0.75 * (end - start)
            stuck = ~self._halved_at_check[rows] & (self._best_at_check[rows] >= self._best_score[rows])
            halve = due & (poor | stuck)
            self._size[rows] = torch.where(halve, self._size[rows] / 2, self._size[rows])
            halved = halved | halve
            self._halved_at_check[rows] = torch.where(due, halve, self._halved_at_check[rows])
            self._best_at_check[rows] = torch.where(due, self._best_score[rows], self._best_at_check[rows])
            self._rises[rows] = self._rises[rows].masked_fill(due, 0)
        return halved


def _checkpoints(steps: int) -> list[int]:
    """Steps at which `StepHalving` looks back: Croce and Hein 2020, section 3."""
    interval, at, found = max(round(0.22 * steps), 1), 0, [0]
    least, shrink = max(round(0.06 * steps), 1), max(round(0.03 * steps), 1)
    while at + interval <= steps:
        at += interval
        found.append(at)
        interval = max(interval - shrink, least)
    return found
