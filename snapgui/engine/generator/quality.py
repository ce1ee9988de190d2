"""How good a generator is: whether its draws are copies, what they look like, and how sharp real rims are."""

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from snapgui.engine.cells.outlines import fill
from snapgui.engine.generator.flow import USUAL_AREA_PX, Generator
from snapgui.engine.generator.grids import GRID, relative_amounts, stain_range
from snapgui.engine.images import round_to_8_bits
from snapgui.engine.nuclei import find_nuclei
from snapgui.engine.stains import FIXED_STAINS

# Amounts of both stains that are drawn as 1: a nucleus of usual darkness.
SHEET_AMOUNTS = (1.6, 0.9)
# Distances from the outline at which rims are measured, px, inside positive.
RIM_AT_PX = (-3.5, -2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 3.5)


def draws(generator: Generator, count: int, *, seed: int = 0) -> torch.Tensor:
    """Random nuclei ``(count, VALUES)`` of usual area."""
    shuffler = torch.Generator().manual_seed(seed)
    codes = torch.randn(count, generator.deviations.shape[0], generator=shuffler)
    with torch.no_grad():
        return generator.decode(codes, torch.full((count,), USUAL_AREA_PX))


def distances_to_nearest(
    generator: Generator, grids: torch.Tensor, learned_from: torch.Tensor
) -> NDArray[np.float64]:
    """From each of grids ``(K, VALUES)`` to the nearest of those learned from, root mean square over the
    principal components in deviations: ``(K,)``.
    """
    tree = cKDTree(generator.components_of(learned_from).numpy())
    found, _ = tree.query(generator.components_of(grids).numpy())
    return np.asarray(found / generator.deviations.shape[0] ** 0.5)


def sample_sheet(rows: Sequence[torch.Tensor], *, scale: int = 4) -> NDArray[np.uint8]:
    """Rows of as many grids ``(K, VALUES)`` in the fixed stains, side by side: uint8 ``(H, W, 3)``."""
    lines = []
    for grids in rows:
        amounts = grids.view(-1, GRID, GRID, 2).clamp_min(0).numpy() * np.array(SHEET_AMOUNTS)
        colours = round_to_8_bits(torch.from_numpy(np.exp(-amounts @ FIXED_STAINS)).float()).numpy() * 255
        framed = [np.pad(np.rint(cell), ((1, 1), (1, 1), (0, 0)), constant_values=255) for cell in colours]
        lines.append(np.concatenate(framed, axis=1))
    sheet = np.concatenate(lines).astype(np.uint8)
    return np.asarray(
        cv2.resize(sheet, None, fx=scale, fy=scale, interpolation=cv2.INTER_NEAREST), dtype=np.uint8
    )


def rim_profile(pictures: Sequence[NDArray[np.uint8]]) -> list[float]:
    """Mean relative haematoxylin of pictures uint8 ``(H, W, 3)`` at `RIM_AT_PX` from the outlines of their
    nuclei.
    """
    sums, counts = np.zeros(len(RIM_AT_PX)), np.zeros(len(RIM_AT_PX))
    for picture in pictures:
        stain = relative_amounts(picture, stain_range(picture))[..., 0]
        shape = (picture.shape[0], picture.shape[1])
        for outline in find_nuclei(picture):
            inside = fill(outline, shape)
            if not inside.any():
                continue
            distance = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) - 0.5
            outer = cv2.distanceTransform(1 - inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) - 0.5
            signed = np.where(inside > 0, distance, -outer)
            for k, at in enumerate(RIM_AT_PX):
                near = np.abs(signed - at) <= 0.5
                sums[k] += stain[near].sum()
                counts[k] += near.sum()
    return [float(value) for value in sums / np.maximum(counts, 1)]
