"""The colours that a patch starts from."""

import cv2
import numpy as np
import torch

from snapgui.engine.attack.gamut import Gamut, project
from snapgui.engine.attack.packing import pack
from snapgui.engine.images import to_pixels
from snapgui.engine.nuclei import nuclear_mask
from snapgui.engine.settings import Start


def start_colours(
    name: Start, images: torch.Tensor, masks: torch.Tensor, gamut: Gamut, *, seed: int = 0
) -> torch.Tensor:
    """Start colours ``(P, 3)`` in the order of `pack`: image median, median of its nuclei, or one random
    colour a cell.

    Random colours of an image depend on the seed and its cells alone, not on the images beside it.
    """
    packed = pack(masks)
    if name == "random":
        coordinates = torch.cat([_random_of_each_cell(mask[0], gamut.dimensions, seed) for mask in masks])
        return gamut.colours(coordinates.to(images), packed)
    flat = images.flatten(2)
    colours = flat.median(dim=2).values
    if name == "nuclear":
        for row, image in enumerate(images):
            nuclei = torch.from_numpy(nuclear_mask(to_pixels(image))).flatten().to(images.device)
            if nuclei.any():
                colours[row] = flat[row][:, nuclei].median(dim=1).values
    return project(gamut, colours[packed.rows], packed)


def _random_of_each_cell(mask: torch.Tensor, dimensions: int, seed: int) -> torch.Tensor:
    """One random point of the unit box a cell, for each masked pixel of bool ``(H, W)``: ``(P, D)``."""
    cell_count, labels = cv2.connectedComponents(mask.cpu().numpy().astype(np.uint8), connectivity=4)
    generator = torch.Generator().manual_seed(seed)
    of_cell = torch.rand(cell_count, dimensions, generator=generator)
    return of_cell[torch.from_numpy(labels[labels > 0]).long()]
