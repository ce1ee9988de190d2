"""Nuclei as small grids of stain amounts, in the image's own stains and strengths."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from snapgui.engine.cells.outlines import draw_mask, fill
from snapgui.engine.nuclei import find_nuclei
from snapgui.engine.stains import fit_stains, stain_amounts

# Nodes across the box about a cell, in both directions.
GRID = 16
# Two stains on that grid.
VALUES = GRID * GRID * 2
# An image with hardly any of a stain still gets a range of this amount.
LEAST_RANGE = 0.05
LEAST_PX = 20
# Fewer pixels of nuclei than this say nothing about those of an image.
LEAST_NUCLEI_PX = 100
PERCENTILES = (1, 99)

Grids = NDArray[np.float32]


@dataclass(frozen=True)
class StainRange:
    """Stain vectors ``(2, 3)`` and the 1st and 99th percentile ``(2,)`` of their amounts."""

    stains: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def stain_range(pixels: NDArray[np.uint8]) -> StainRange:
    """That of an image uint8 ``(H, W, 3)``: what counts as 0 and as 1 on a grid."""
    stains = fit_stains(pixels)
    amounts, _ = stain_amounts(pixels.reshape(-1, 3) / 255, stains)
    low, high = np.percentile(amounts, PERCENTILES, axis=0)
    low = np.clip(low, 0, None)
    return StainRange(stains, low, np.maximum(high, low + LEAST_RANGE))


def nuclei_range(pixels: NDArray[np.uint8], own: StainRange) -> StainRange:
    """The same of the nuclei alone that are found in an image uint8 ``(H, W, 3)``; ``own`` where hardly any
    are.
    """
    nuclei = draw_mask(find_nuclei(pixels), pixels.shape[:2])
    if nuclei.sum() < LEAST_NUCLEI_PX:
        return own
    amounts, _ = stain_amounts(pixels[nuclei] / 255, own.stains)
    low, high = np.percentile(amounts, PERCENTILES, axis=0)
    return StainRange(own.stains, np.clip(low, 0, None), high)


def relative_amounts(pixels: NDArray[np.uint8], own: StainRange) -> NDArray[np.float32]:
    """Stain amounts of uint8 ``(H, W, 3)`` within the image's range: ``(H, W, 2)``."""
    amounts, _ = stain_amounts(pixels / 255, own.stains)
    return np.asarray((amounts - own.low) / (own.high - own.low), dtype=np.float32)


def box_of(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """First and last column and first and last row of a cell in a mask bool ``(H, W)``."""
    rows, columns = np.nonzero(mask)
    return int(columns.min()), int(columns.max()), int(rows.min()), int(rows.max())


def sample_grid(amounts: NDArray[np.float32], box: tuple[int, int, int, int]) -> Grids:
    """Amounts ``(H, W, 2)`` at the nodes over a box: ``(VALUES,)``, rows first, both stains of a node
    together.
    """
    left, right, top, bottom = box
    across, down = np.meshgrid(
        np.linspace(left, right, GRID, dtype=np.float32), np.linspace(top, bottom, GRID, dtype=np.float32)
    )
    # One stain at a time: cv2.remap takes two channels, but not on all of its builds alike.
    stains = [
        cv2.remap(np.ascontiguousarray(amounts[..., k]), across, down, cv2.INTER_LINEAR) for k in range(2)
    ]
    return np.asarray(np.stack(stains, axis=-1).reshape(VALUES), dtype=np.float32)


def nuclei_grids(pixels: NDArray[np.uint8]) -> tuple[Grids, NDArray[np.float32]]:
    """The nuclei of an image uint8 ``(H, W, 3)`` that lie wholly within it: grids ``(K, VALUES)`` and areas
    ``(K,)`` in px.
    """
    amounts = relative_amounts(pixels, stain_range(pixels))
    height, width = pixels.shape[:2]
    grids, areas = [], []
    for outline in find_nuclei(pixels):
        mask = fill(outline, (height, width)).astype(bool)
        if mask.sum() < LEAST_PX:
            continue
        box = box_of(mask)
        if box[0] > 0 and box[2] > 0 and box[1] < width - 1 and box[3] < height - 1:
            grids.append(sample_grid(amounts, box))
            areas.append(mask.sum())
    return np.array(grids, np.float32).reshape(-1, VALUES), np.array(areas, np.float32)
