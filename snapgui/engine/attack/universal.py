"""One patch for a set: the same point of the texture's box at the same site of every image.

A canvas holds positions, not colours, so each image draws the patch in its own colours: of the texture
``free`` one coordinate of its gamut for each pixel, of ``retouch`` one node of the field by which its stains
grow stronger or weaker, of ``nucleus`` one code for each cell, painted in its own stains. With one mask for
all it is one set of cells; with each image's own nuclei as masks it is one texture laid into them.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from snapgui.engine.attack.nucleus import count_cells
from snapgui.engine.attack.objectives import Objective
from snapgui.engine.attack.packing import compose, round_through
from snapgui.engine.attack.texture import Texture, fit_texture, grid_shape
from snapgui.engine.generator.flow import CODES
from snapgui.engine.settings import UniversalSettings
from snapgui.engine.victim.victim import Victim, logit


@dataclass(frozen=True)
class UniversalStep:
    """The state after one batch.

    Attributes:
        index: batches so far.
        canvas: in [0, 1], see `random_canvas`.
        loss: mean shortfall to the goal in this batch, 0 when every image of it reached the goal.
        success: share of the batch that reached the goal.
    """

    index: int
    canvas: torch.Tensor
    loss: float
    success: float


def new_canvas(masks: torch.Tensor, settings: UniversalSettings) -> torch.Tensor:
    """Where training starts: a random canvas of the texture ``free``; of the others the middle of the box, at
    which stains are as they were and nuclei average.
    """
    canvas = random_canvas(masks, settings)
    return canvas if settings.texture == "free" else torch.full_like(canvas, 0.5)


def random_canvas(masks: torch.Tensor, settings: UniversalSettings, draw: int = 0) -> torch.Tensor:
    """A patch that nobody trained, for masks ``(N, 1, H, W)``, as single images get random draws.

    ``(H, W, D)`` of the texture ``free``, smooth over about a cell so that neighbours begin alike; the
    nodes' rows and columns and the two stains of ``retouch``; of ``nucleus`` as many cells as any mask has,
    and the codes, drawn as real nuclei have them. Nothing of it depends on the device.
    """
    shape = (masks.shape[2], masks.shape[3])
    generator = torch.Generator().manual_seed(settings.seed + draw)
    if settings.texture == "retouch":
        canvas = torch.rand(*grid_shape(shape, settings.grid_px), 2, generator=generator)
    elif settings.texture == "nucleus":
        codes = torch.randn(count_cells(masks), CODES, generator=generator)
        canvas = ((codes / settings.bound + 1) / 2).clamp(0, 1)
    else:
        dimensions = 2 if settings.gamut == "stain" else 3
        coarse = torch.rand(1, dimensions, shape[0] // 8 + 1, shape[1] // 8 + 1, generator=generator)
        fine = torch.nn.functional.interpolate(coarse, size=shape, mode="bilinear", align_corners=False)
        canvas = fine[0].permute(1, 2, 0).contiguous()
    return canvas.to(masks.device)


def fit_shared(settings: UniversalSettings, images: torch.Tensor, masks: torch.Tensor) -> Texture:
    """The texture of images ``(N, 3, H, W)`` with masks ``(N, 1, H, W)`` on which a canvas can be laid."""
    return fit_texture(settings.on_one_image(), images, masks)


def apply_canvas(images: torch.Tensor, canvas: torch.Tensor, texture: Texture) -> torch.Tensor:
    """Images ``(N, 3, H, W)`` with the patch of a canvas, rounded to 8 bits; ``texture`` is theirs."""
    # Where an image has more cells than the patch, its first ones come again.
    sites = canvas.reshape(-1, canvas.shape[-1])
    rows = torch.arange(len(texture.rows), device=images.device)
    chosen = torch.arange(len(texture.pixels.rows), device=images.device)
    colours = texture.colours(sites[texture.sites % len(sites)], rows, chosen)
    return compose(images, texture.pixels.places, round_through(colours))


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
    canvas = new_canvas(masks, settings).to(images)
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
        free = canvas.detach().clone().requires_grad_()
        shown = apply_canvas(batch, free, fit_shared(settings, batch, batch_masks))
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


def _turned(batch: torch.Tensor, turn: int, mirror: int) -> torch.Tensor:
    batch = torch.rot90(batch, turn, (2, 3))
    return batch.flip(3) if mirror else batch
