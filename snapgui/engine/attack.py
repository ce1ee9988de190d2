"""The attack: all cells of an image optimised together, as a generator of steps."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import torch

from snapgui.engine.gamut import Gamut, project
from snapgui.engine.images import to_pixels
from snapgui.engine.nuclei import nuclear_mask
from snapgui.engine.objectives import Objective
from snapgui.engine.settings import AttackSettings, Start
from snapgui.engine.victim import Victim

MOMENTUM = 0.5


@dataclass(frozen=True)
class Packed:
    """The masked pixels of a batch in one row: what is optimised, and nothing else.

    ``rows`` int64 ``(P,)`` names the image of each pixel, ``places`` int64 ``(P,)`` its index in the batch laid out as
    ``(N, H, W)``.
    """

    rows: torch.Tensor
    places: torch.Tensor


def pack(masks: torch.Tensor) -> Packed:
    """The masked pixels of bool ``(N, 1, H, W)``."""
    places = masks.flatten().nonzero()[:, 0]
    return Packed(places // masks[0].numel(), places)


def compose(images: torch.Tensor, places: torch.Tensor, colours: torch.Tensor) -> torch.Tensor:
    """Images ``(N, 3, H, W)`` with colours ``(P, 3)`` laid over the pixels at ``places``; all else is bit-identical."""
    count, _, height, width = images.shape
    flat = images.permute(0, 2, 3, 1).reshape(-1, 3)
    return flat.index_put((places,), colours).view(count, height, width, 3).permute(0, 3, 1, 2)


def round_through(colours: torch.Tensor) -> torch.Tensor:
    """Colours rounded to 8 bits, with the gradient of the identity: the victim sees what the file will hold."""
    return colours + (colours.mul(255).round().div(255) - colours).detach()


@dataclass(frozen=True)
class Step:
    """The state after one forward pass.

    Attributes:
        index: gradient steps taken so far; 0 is the start colour.
        logits: ``(N, K)`` of the current iterates; a finished image keeps its last.
        best_images: ``(N, 3, H, W)``, the best iterates so far, every value a level of 8 bits.
        best_confidence: ``(N,)``, what the objective wants high, at the best iterates.
        best_step: int64 ``(N,)``.
        running: bool ``(N,)``, images not yet finished.
    """

    index: int
    logits: torch.Tensor
    best_images: torch.Tensor
    best_confidence: torch.Tensor
    best_step: torch.Tensor
    running: torch.Tensor


def run_attack(
    victim: Victim,
    images: torch.Tensor,
    masks: torch.Tensor,
    *,
    objective: Objective,
    gamut: Gamut,
    start: torch.Tensor,
    settings: AttackSettings,
) -> Iterator[Step]:
    """Optimise the patch of each image; yields after every forward pass, the first before any gradient.

    Sign momentum in the gamut's own coordinates, with a step that shrinks. An image is finished at
    the first iterate whose confidence reaches ``settings.confidence`` and leaves the batch; the attack ends when all
    are, or at ``settings.steps``. Whoever drains it may stop at any step and keep ``best_images``.

    Args:
        victim: frozen classifier.
        images: ``(N, 3, H, W)`` in [0, 1], on the victim's device.
        masks: bool ``(N, 1, H, W)``.
        objective: what to raise.
        gamut: fitted to these images.
        start: colours ``(P, 3)`` in the order of `pack`; drawn into the gamut first.
        settings: steps and confidence.
    """
    packed = pack(masks)
    count = len(images)
    everyone = torch.arange(count, device=images.device)
    position = gamut.coordinates(start, packed.rows)
    momentum = torch.zeros_like(position)
    best_colours = project(gamut, start, packed.rows)
    best_margin = torch.full((count,), -torch.inf, device=images.device)
    best_confidence = torch.zeros(count, device=images.device)
    best_step = torch.zeros(count, dtype=torch.long, device=images.device)
    logits = torch.zeros(count, len(victim.card.classes), device=images.device)
    running = torch.ones(count, dtype=torch.bool, device=images.device)

    for index in range(settings.steps + 1):
        active = everyone[running]
        chosen = running[packed.rows]
        rows = packed.rows[chosen]
        places = _places_among(packed.places[chosen], rows, active, count, images[0, 0].numel())
        free = position[chosen].requires_grad_()
        colours = round_through(gamut.colours(free, rows))
        now = victim(compose(images[active], places, colours))
        margin = objective.margin(now, active)
        (gradient,) = torch.autograd.grad(margin.sum(), free)

        now = now.detach()
        confidence = objective.confidence(now, active)
        logits[active] = now.float()
        better = margin.detach().float() > best_margin[active]
        winners = active[better]
        best_margin[winners] = margin.detach().float()[better]
        best_confidence[winners] = confidence[better]
        best_step[winners] = index
        moved = torch.zeros_like(running).index_fill_(0, winners, True)
        best_colours = torch.where(
            moved[packed.rows, None], best_colours.index_put((chosen.nonzero()[:, 0],), colours.detach()), best_colours
        )
        # A goal of 1 is never reached: all steps are run.
        if settings.confidence < 1:
            running = running.index_fill(0, active[confidence >= settings.confidence], False)

        yield Step(
            index, logits.clone(), compose(images, packed.places, best_colours), best_confidence.clone(), best_step.clone(),
            running,
        )
        if index == settings.steps or not bool(running.any()):
            return
        size = _step_size(index)
        momentum[chosen] = MOMENTUM * momentum[chosen] + _normalise(gradient, rows, count)
        position = (position + size * momentum.sign() * chosen[:, None]).clamp(0, 1)


def _places_among(places: torch.Tensor, rows: torch.Tensor, active: torch.Tensor, count: int, area: int) -> torch.Tensor:
    """Places of pixels in the smaller batch that holds the active images alone."""
    rank = torch.zeros(count, dtype=torch.long, device=places.device)
    rank[active] = torch.arange(len(active), device=places.device)
    return places + (rank[rows] - rows) * area


def _step_size(index: int) -> float:
    """Share of the gamut's width that a step moves: from a half down to a fiftieth, whatever the limit of steps."""
    return 0.02 + 0.48 * math.exp(-index / 10)


def _normalise(gradient: torch.Tensor, rows: torch.Tensor, count: int) -> torch.Tensor:
    """Each image's gradient ``(P, D)`` over its own mean magnitude, so that no image outweighs its neighbours in time."""
    total = gradient.new_zeros(count).index_add_(0, rows, gradient.abs().mean(1))
    pixels = gradient.new_zeros(count).index_add_(0, rows, torch.ones_like(rows, dtype=gradient.dtype))
    return gradient / (total / pixels.clamp_min(1)).clamp_min(1e-20)[rows, None]


def start_colours(
    name: Start, images: torch.Tensor, masks: torch.Tensor, gamut: Gamut, *, seed: int = 0
) -> torch.Tensor:
    """Start colours ``(P, 3)`` in the order of `pack`: image median, median of its nuclei, or one random colour a cell."""
    packed = pack(masks)
    if name == "random":
        cells = np.zeros(masks[:, 0].shape, dtype=np.int64)
        cell_count = 0
        for row, mask in enumerate(masks[:, 0].cpu().numpy()):
            parts, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)
            cells[row] = labels + cell_count
            cell_count += parts
        cell_of = torch.from_numpy(cells).to(images.device).flatten()[packed.places]
        generator = torch.Generator().manual_seed(seed)
        coordinates = torch.rand(cell_count, gamut.dimensions, generator=generator).to(images)
        return gamut.colours(coordinates[cell_of], packed.rows)
    flat = images.flatten(2)
    colours = flat.median(dim=2).values
    if name == "nuclear":
        for row, image in enumerate(images):
            nuclei = torch.from_numpy(nuclear_mask(to_pixels(image))).flatten().to(images.device)
            if nuclei.any():
                colours[row] = flat[row][:, nuclei].median(dim=1).values
    return project(gamut, colours[packed.rows], packed.rows)
