"""The small squares that a detector looks at: about altered cells, about real nuclei, and all over a
picture.
"""

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from snapgui.engine.cells.outlines import Mask
from snapgui.engine.nuclei import find_nuclei

CROP_PX = 16
STRIDE_PX = 8
# A cell this near to a nucleus lies on it.
ON_NUCLEUS_PX = 2.0


class Places:
    """Middles ``(K, 2)``, x and y in px, with the areas ``(K,)`` in px of what lies there."""

    def __init__(self, middles: NDArray[np.float64], areas: NDArray[np.float64]) -> None:
        self.middles, self.areas = middles.reshape(-1, 2), areas

    def __len__(self) -> int:
        return len(self.areas)

    def __getitem__(self, chosen: NDArray[np.int64]) -> "Places":
        return Places(self.middles[chosen], self.areas[chosen])


def nuclei_places(pixels: NDArray[np.uint8]) -> Places:
    """Where the nuclei of uint8 ``(H, W, 3)`` lie, the largest first."""
    nuclei = find_nuclei(pixels)
    middles = np.array([outline.mean(axis=0) for outline in nuclei], dtype=np.float64)
    return Places(middles, np.array([cv2.contourArea(outline) for outline in nuclei], dtype=np.float64))


def cell_places(mask: Mask, nuclei: Places) -> Places:
    """Where the cells of a mask bool ``(H, W)`` lie, given the nuclei of the untouched image.

    A connected part of the mask is one cell. One with several nuclei in it is as many cells that touch, each
    where its nucleus is; one that lies on a single nucleus is taken at that nucleus, too, so that an
    unchanged nucleus gives the very crop that a real one gives.
    """
    count, labels, boxes, middles = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
    at = np.rint(nuclei.middles).astype(int)
    inside = (at >= 0).all(axis=1) & (at < [mask.shape[1], mask.shape[0]]).all(axis=1)
    owner = np.zeros(len(nuclei), dtype=int)
    owner[inside] = labels[at[inside, 1], at[inside, 0]]
    found: list[tuple[NDArray[np.float64], float]] = []
    for part in range(1, count):
        own = np.flatnonzero(owner == part)
        on_it = len(own) == 1 and np.linalg.norm(nuclei.middles[own[0]] - middles[part]) <= ON_NUCLEUS_PX
        if len(own) > 1 or on_it:
            found += [(nuclei.middles[i], float(nuclei.areas[i])) for i in own]
        else:
            found.append((middles[part], float(boxes[part, cv2.CC_STAT_AREA])))
    return Places(np.array([middle for middle, _ in found]), np.array([area for _, area in found]))


def like_in_size(nuclei: Places, cells: Places) -> Places:
    """As many nuclei as there are cells, or all, chosen so that their areas are as like as can be."""
    if not len(nuclei) or not len(cells):
        return nuclei[np.arange(0)]
    apart = np.abs(np.log(nuclei.areas[:, None] + 1) - np.log(cells.areas[None] + 1))
    chosen, _ = linear_sum_assignment(apart)
    return nuclei[chosen]


def take_crops(pixels: NDArray[np.uint8], middles: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Squares of `CROP_PX` about middles ``(K, 2)`` of uint8 ``(H, W, 3)``: ``(K, 16, 16, 3)``; what lies
    outside the picture is its mirror image.
    """
    half = CROP_PX // 2
    wide = np.pad(pixels, ((half, half), (half, half), (0, 0)), mode="reflect")
    corners = np.clip(np.rint(middles).astype(int), 0, [pixels.shape[1] - 1, pixels.shape[0] - 1])
    crops = [wide[y : y + CROP_PX, x : x + CROP_PX] for x, y in corners]
    return np.stack(crops) if crops else np.empty((0, CROP_PX, CROP_PX, 3), np.uint8)


def crops_all_over(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Every square of a picture, one each `STRIDE_PX`: what can be looked at where no place is known."""
    height, width = pixels.shape[:2]
    half = CROP_PX // 2
    y, x = np.meshgrid(
        np.arange(half, max(height - half, half) + 1, STRIDE_PX),
        np.arange(half, max(width - half, half) + 1, STRIDE_PX),
        indexing="ij",
    )
    return take_crops(pixels, np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float64))
