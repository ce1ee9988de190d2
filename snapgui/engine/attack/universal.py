"""One patch for a set: the same point of the gamut's box at the same place of every image.

A canvas holds coordinates, not colours, so each image draws the patch in colours of its own gamut. With one
mask for all it is one set of cells; with each image's own nuclei as masks it is one texture laid into them.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from snapgui.engine.attack.gamut import Gamut, fit_gamut
from snapgui.engine.attack.objectives import Objective
from snapgui.engine.attack.packing import Packed, compose, pack, round_through
from snapgui.engine.settings import GamutName, UniversalSettings
from snapgui.engine.victim.victim import Victim, logit


@dataclass(frozen=True)
class UniversalStep:
    """The state after one batch.

    Attributes:
        index: batches so far.
        canvas: ``(H, W, D)`` in [0, 1].
        loss: mean shortfall to the goal in this batch, 0 when every image of it reached the goal.
        success: share of the batch that reached the goal.
    """

    index: int
    canvas: torch.Tensor
    loss: float
    success: float


def new_canvas(shape: tuple[int, int], gamut_name: GamutName, *, seed: int) -> torch.Tensor:
    """Random coordinates ``(H, W, D)``, smooth over about a cell so that neighbours begin alike."""
    dimensions = 2 if gamut_name == "stain" else 3
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, dimensions, shape[0] // 8 + 1, shape[1] // 8 + 1, generator=generator)
    fine = torch.nn.functional.interpolate(coarse, size=shape, mode="bilinear", align_corners=False)
    return fine[0].permute(1, 2, 0).contiguous()


def apply_canvas(
    images: torch.Tensor, masks: torch.Tensor, canvas: torch.Tensor, gamut: Gamut
) -> torch.Tensor:
    """Images ``(N, 3, H, W)`` with the patch of a canvas ``(H, W, D)`` inside masks ``(N, 1, H, W)``, rounded
    to 8 bits.
    """
    packed = pack(masks)
    return compose(images, packed.places, _colours(canvas, packed, gamut, images))


def train_universal(
    victim: Victim,
    images: torch.Tensor,
    masks: torch.Tensor,
    *,
    objective: Objective,
    settings: UniversalSettings,
) -> Iterator[UniversalStep]:
    """Train one canvas on images ``(N, 3, H, W)`` with masks ``(N, 1, H, W)`` or one for all ``(1, 1, H,
    W)``; yields each batch.

    Each batch is turned and mirrored at random (tissue has no up); a mask that is shared stays where it is,
    an image's own turns with it. Each epoch sees each image once; its last batch may be short. The loss is
    the mean shortfall of the margin to the goal, so that solved images stop pulling. Sign momentum with a
    step that falls on a line from a tenth of the box to a hundredth.
    """
    generator = torch.Generator().manual_seed(settings.seed)
    canvas = new_canvas((images.shape[2], images.shape[3]), settings.gamut, seed=settings.seed).to(images)
    momentum = torch.zeros_like(canvas)
    goal = logit(settings.confidence)
    batches = settings.epochs * math.ceil(len(images) / settings.batch_size)
    for index, order in enumerate(_in_turn(len(images), settings, generator)):
        chosen = order.to(images.device)
        turn, mirror = (int(torch.randint(n, (1,), generator=generator)) for n in (4, 2))
        batch = _turned(images[chosen], turn, mirror)
        shared = len(masks) == 1
        batch_masks = (
            masks.expand(len(chosen), -1, -1, -1) if shared else _turned(masks[chosen], turn, mirror)
        )
        packed = pack(batch_masks)
        free = canvas.detach().clone().requires_grad_()
        gamut = fit_gamut(settings.gamut, batch, settings.stains)
        shown = compose(batch, packed.places, _colours(free, packed, gamut, batch))
        margin = objective[chosen].margin(victim(shown).float())
        shortfall = (goal - margin).clamp(min=0)
        (gradient,) = torch.autograd.grad(shortfall.mean(), free)
        momentum = 0.9 * momentum + gradient / gradient.abs().mean().clamp_min(1e-20)
        size = 0.1 - 0.09 * index / batches
        canvas = (canvas - size * momentum.sign()).clamp(0, 1)
        yield UniversalStep(
            index + 1,
            canvas,
            float(shortfall.detach().mean()),
            float((margin.detach() >= goal).float().mean()),
        )


def _in_turn(count: int, settings: UniversalSettings, generator: torch.Generator) -> Iterator[torch.Tensor]:
    """Indices of each batch."""
    for _ in range(settings.epochs):
        yield from torch.randperm(count, generator=generator).split(settings.batch_size)


def _colours(canvas: torch.Tensor, packed: Packed, gamut: Gamut, images: torch.Tensor) -> torch.Tensor:
    area = images.shape[2] * images.shape[3]
    coordinates = canvas.reshape(area, -1)[packed.places % area]
    return round_through(gamut.colours(coordinates, packed))


def _turned(batch: torch.Tensor, turn: int, mirror: int) -> torch.Tensor:
    batch = torch.rot90(batch, turn, (2, 3))
    return batch.flip(3) if mirror else batch
