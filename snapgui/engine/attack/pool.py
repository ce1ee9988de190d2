"""What is known of each image of a pool while it is attacked, and the images that the victim sees at once."""

from dataclasses import dataclass

import torch

from snapgui.engine.attack.objectives import Objective
from snapgui.engine.attack.packing import compose
from snapgui.engine.attack.texture import Texture


@dataclass(frozen=True)
class Step:
    """The state of a pool of images after one forward pass.

    Attributes:
        index: passes made before this one; for a single image without restarts the gradient steps taken so
            far, 0 being the start colour.
        logits: ``(N, K)`` of the current iterates; a finished image keeps its last, a waiting one has zeros.
        best_colours: ``(P, 3)``, the best iterates so far in the order of `pack`, every value a level of 8
            bits.
        best_confidence: ``(N,)``, what the objective wants high, at the best iterates.
        best_step: int64 ``(N,)``, the step at which each was found, counted over all its restarts.
        taken: int64 ``(N,)``, gradient steps of each image.
        running: bool ``(N,)``, images not yet finished, waiting ones among them.
        images, places: what the best colours are laid over, see `compose`.
    """

    index: int
    logits: torch.Tensor
    best_colours: torch.Tensor
    best_confidence: torch.Tensor
    best_step: torch.Tensor
    taken: torch.Tensor
    running: torch.Tensor
    images: torch.Tensor
    places: torch.Tensor

    @property
    def best_images(self) -> torch.Tensor:
        """``(N, 3, H, W)``, the best iterates so far."""
        return compose(self.images, self.places, self.best_colours)


@dataclass(frozen=True)
class Batch:
    """The images of a pool that the victim sees at once, their masked pixels and what is wanted of them.

    Attributes:
        active: int64 ``(n,)``, their indices in the pool.
        images: ``(n, 3, H, W)``, before the attack.
        chosen: int64 ``(p,)``, the indices of their pixels among all masked pixels of the pool.
        owners: int64 ``(p,)``, which of the n images each pixel belongs to.
        rows: int64 ``(r,)``, the indices of their rows of the optimiser's position.
        row_owners: int64 ``(r,)``, which of the n images each of these rows belongs to.
        places: int64 ``(p,)``, where they lie in ``images``, see `compose`.
        objective: for these images.
    """

    active: torch.Tensor
    images: torch.Tensor
    chosen: torch.Tensor
    owners: torch.Tensor
    rows: torch.Tensor
    row_owners: torch.Tensor
    places: torch.Tensor
    objective: Objective


class Pool:
    """The last answer and the best iterate of each of N images.

    Nothing is overwritten in place: a `Step` keeps what it was given.
    """

    def __init__(
        self,
        images: torch.Tensor,
        texture: Texture,
        objective: Objective,
        colours: torch.Tensor,
        classes: int,
    ) -> None:
        count, device = len(images), images.device
        self._images, self._objective = images, objective
        self._pixels, self._rows = texture.pixels, texture.rows
        self._logits = torch.zeros(count, classes, device=device)
        self._best_colours = colours
        self._best_score = torch.full((count,), -torch.inf, device=device)
        self._best_confidence = torch.zeros(count, device=device)
        self._least_change = torch.full((count,), torch.inf, device=device)
        self._best_step = torch.zeros(count, dtype=torch.long, device=device)
        self._passes = 0
        self.taken = torch.zeros_like(self._best_step)
        self.running = torch.ones(count, dtype=torch.bool, device=device)

    def batch(self, standing: torch.Tensor, size: int | None) -> Batch:
        """The first ``size`` images, all if None, of those that bool ``standing`` ``(N,)`` names."""
        active = standing.nonzero()[:size, 0]
        rank = torch.full_like(standing, -1, dtype=torch.long)
        rank[active] = torch.arange(len(active), device=active.device)
        chosen = (rank[self._pixels.rows] >= 0).nonzero()[:, 0]
        pixels = self._pixels[chosen]
        owners = rank[pixels.rows]
        places = pixels.places + (owners - pixels.rows) * self._images[0, 0].numel()
        rows = (rank[self._rows] >= 0).nonzero()[:, 0]
        return Batch(
            active,
            self._images[active],
            chosen,
            owners,
            rows,
            rank[self._rows[rows]],
            places,
            self._objective[active],
        )

    def reached(self, batch: Batch, now: torch.Tensor) -> torch.Tensor:
        """Bool ``(n,)``: which images of a batch reach the goal ``now`` or have reached it before."""
        return now | self._least_change[batch.active].isfinite()

    def record(
        self,
        batch: Batch,
        *,
        logits: torch.Tensor,
        colours: torch.Tensor,
        score: torch.Tensor,
        confidence: torch.Tensor,
        reached: torch.Tensor,
        change: torch.Tensor,
        taken: torch.Tensor,
        running: torch.Tensor,
    ) -> Step:
        """Take in what one pass said of a batch, by image ``(n, ...)`` and of colours ``(p, 3)``.

        The best iterate is the one that reached the goal with least change, where one did, else the one with
        the highest score.
        """
        active, chosen = batch.active, batch.chosen
        least = self._least_change[active]
        better = torch.where(reached, change < least, least.isinf() & (score > self._best_score[active]))
        self._least_change = _put(self._least_change, active, change, where=reached & better)
        self._logits = _put(self._logits, active, logits)
        self.taken = _put(self.taken, active, taken)
        self.running = _put(self.running, active, running)
        self._best_score = _put(self._best_score, active, score, where=better)
        self._best_confidence = _put(self._best_confidence, active, confidence, where=better)
        self._best_step = _put(self._best_step, active, taken, where=better)
        self._best_colours = _put(self._best_colours, chosen, colours, where=better[batch.owners, None])
        self._passes += 1
        return Step(
            self._passes - 1,
            self._logits,
            self._best_colours,
            self._best_confidence,
            self._best_step,
            self.taken,
            self.running,
            self._images,
            self._pixels.places,
        )


def _put(
    values: torch.Tensor, index: torch.Tensor, new: torch.Tensor, *, where: torch.Tensor | None = None
) -> torch.Tensor:
    """A copy of ``values`` with ``new`` at an index; only where it says, if it says."""
    if where is not None:
        new = torch.where(where, new, values[index])
    return values.index_put((index,), new)
