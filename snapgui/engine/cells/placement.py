"""Where cells matter to the victim: placed where a patch could gain most, then trimmed to those that do gain.

The first looks once at the gradient of the untouched image. The second begins with three times as many cells,
optimises them for a few steps and keeps those that contribute most, as PGDTrim (arXiv 2411.16162) does with
squares. Nuclei are painted where nuclei are.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from snapgui.engine.attack.loop import run_attack
from snapgui.engine.attack.objectives import Objective, Targeted
from snapgui.engine.attack.packing import compose
from snapgui.engine.attack.texture import fit_texture
from snapgui.engine.cells.outlines import draw_mask
from snapgui.engine.cells.proposals import move_onto_nuclei, propose_cells, resize_to_area
from snapgui.engine.images import to_image, to_pixels
from snapgui.engine.nuclei import Outline
from snapgui.engine.settings import AttackSettings, CellSettings
from snapgui.engine.victim.victim import Victim
from snapgui.engine.visibility.measures import colour_difference
from snapgui.errors import MaskError

TRIM_FACTOR = 3
TRIM_STEPS = 10
# A mean CIEDE2000 below about this is hardly seen, and makes no place better than another.
PLAIN_DIFFERENCE = 3.0


def place_cells(
    victim: Victim, pixels: NDArray[np.uint8], settings: CellSettings, attack: AttackSettings
) -> list[Outline]:
    """Cells for one image uint8 ``(H, W, 3)``, whatever the placement; raises MaskError as `propose_cells`
    does.
    """
    (found,) = place_in_each(victim, [pixels], [settings], Targeted(attack.target), attack)
    if isinstance(found, MaskError):
        raise found
    return found


def place_in_each(
    victim: Victim,
    pictures: Sequence[NDArray[np.uint8]],
    settings: Sequence[CellSettings],
    objective: Objective,
    attack: AttackSettings,
) -> list[list[Outline] | MaskError]:
    """Cells for each of a batch of images of one size, or why there can be none.

    ``gain`` costs one pass through the victim for the batch, ``trim`` `TRIM_STEPS` more; all images have one
    placement.
    """
    placement = settings[0].placement
    if placement in ("scattered", "nuclei", "all_nuclei"):
        return [_or_error(*each) for each in zip(pictures, settings, strict=True)]
    images = torch.stack([to_image(picture) for picture in pictures]).to(victim.mean.device)
    gains = (
        first_order_gain(input_gradient(victim, images, objective), images).cpu().numpy().astype(np.float32)
    )
    if placement == "gain":
        return [_or_error(*each) for each in zip(pictures, settings, gains, strict=True)]
    wide_settings = [
        replace(cells, count=cells.count * TRIM_FACTOR, area=min(cells.area * TRIM_FACTOR, 0.5))
        for cells in settings
    ]
    wide = [_or_error(*each) for each in zip(pictures, wide_settings, gains, strict=True)]
    if attack.texture == "nucleus":
        wide = [
            cells if isinstance(cells, MaskError) else move_onto_nuclei(cells, *each)
            for cells, *each in zip(wide, pictures, settings, gains, strict=True)
        ]
    found: list[list[Outline] | MaskError] = [
        # Where three times the area finds no room, the best places alone are as near as it gets.
        _or_error(*each) if isinstance(cells, MaskError) else cells
        for cells, *each in zip(wide, pictures, settings, gains, strict=True)
    ]
    trimmed = [(i, cells) for i, cells in enumerate(wide) if not isinstance(cells, MaskError)]
    if trimmed:
        rows = [i for i, _ in trimmed]
        contributions = _contributions(
            victim, images[rows], [cells for _, cells in trimmed], objective[rows], attack
        )
        for (i, cells), contribution in zip(trimmed, contributions, strict=True):
            found[i] = _trim(cells, contribution, settings[i], pictures[i].shape[:2])
    return found


def _or_error(
    pixels: NDArray[np.uint8], settings: CellSettings, gain: NDArray[np.float32] | None = None
) -> list[Outline] | MaskError:
    try:
        return propose_cells(pixels, settings, gain=gain)
    except MaskError as error:
        return error


def input_gradient(victim: Victim, images: torch.Tensor, objective: Objective) -> torch.Tensor:
    """Gradient ``(N, 3, H, W)`` of the objective's margin by the pixels of images ``(N, 3, H, W)``."""
    free = images.detach().clone().requires_grad_()
    margin = objective.margin(victim(free).float())
    (gradient,) = torch.autograd.grad(margin.sum(), free)
    return gradient


def first_order_gain(gradient: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
    """What each pixel could add to the margin if the victim were linear and colours went to the ends of the
    image's range.

    ``(N, H, W)``, at least 0, for gradients and images ``(N, 3, H, W)``.
    """
    low, high = images.amin((2, 3), keepdim=True), images.amax((2, 3), keepdim=True)
    return torch.maximum(gradient * (high - images), gradient * (low - images)).sum(1)


def _contributions(
    victim: Victim,
    images: torch.Tensor,
    cells: list[list[Outline]],
    objective: Objective,
    attack: AttackSettings,
) -> list[NDArray[np.float32]]:
    """What each pixel of a patch contributes after a few steps, ``(H, W)`` an image: gradient times change,
    both in magnitude.
    """
    shape = (images.shape[2], images.shape[3])
    masks = torch.stack([torch.from_numpy(draw_mask(outlines, shape))[None] for outlines in cells]).to(
        images.device
    )
    short = replace(attack, steps=TRIM_STEPS, confidence=1.0, restarts=0, least_change=False)
    texture = fit_texture(short, images, masks)
    for step in run_attack(victim, images, masks, objective=objective, texture=texture, settings=short):
        last = step
    patched = last.best_images
    contributions = (input_gradient(victim, patched, objective).abs() * (patched - images).abs()).sum(1)
    found = list(contributions.cpu().numpy())
    if attack.texture != "nucleus":
        return found
    likely = compose(images, texture.pixels.places, texture.reference())
    return [
        _where_near(contribution, outlines, to_pixels(image), to_pixels(nuclei))
        for contribution, outlines, image, nuclei in zip(found, cells, images, likely, strict=True)
    ]


def _where_near(
    contribution: NDArray[np.float32],
    cells: list[Outline],
    pixels: NDArray[np.uint8],
    likely: NDArray[np.uint8],
) -> NDArray[np.float32]:
    """A contribution ``(H, W)``, worth less where a likely nucleus differs much from what lies under a cell:
    there one would be seen, and a nucleus could hardly be.
    """
    difference = colour_difference(pixels, likely)
    weighed = contribution.copy()
    for cell in cells:
        own = draw_mask([cell], contribution.shape)
        weighed[own] /= (difference[own].mean() + PLAIN_DIFFERENCE) ** 2
    return weighed


def _trim(
    cells: list[Outline], contribution: NDArray[np.float32], settings: CellSettings, shape: tuple[int, int]
) -> list[Outline]:
    """The cells that contribute most, resized by one common factor to the area asked."""
    of_cell = [float(contribution[draw_mask([cell], shape)].sum()) for cell in cells]
    kept = [cells[i] for i in np.argsort(of_cell)[::-1][: settings.count]]
    return resize_to_area(kept, settings.area * shape[0] * shape[1], shape)
