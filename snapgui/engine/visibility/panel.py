"""Every visibility measure of one patch: inside the mask, in a ring around it, over the whole picture.

Measures predict; readers decide.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from snapgui.engine.visibility.display import Display
from snapgui.engine.visibility.figures import RegionMeasures, Spread, VisibilityPanel
from snapgui.engine.visibility.gamut_shares import gamut_shares
from snapgui.engine.visibility.learned import Learned
from snapgui.engine.visibility.measures import (
    colour_difference,
    enlarge,
    flip_as_displayed,
    signal_to_noise_db,
    similarity_map,
)
from snapgui.engine.visibility.nucleus_scores import score_cells
from snapgui.errors import ImageError, MaskError

RING_SHARE = 3 / 96
LEAST_SIDE_PX = 7


def panel(
    original: NDArray[np.uint8],
    altered: NDArray[np.uint8],
    mask: NDArray[np.bool_],
    display: Display,
    *,
    learned: Sequence[Learned] = (),
) -> VisibilityPanel:
    """Measure two uint8 pictures ``(H, W, 3)`` and the bool mask ``(H, W)`` between them.

    FLIP is that of the raster as displayed; all else is of the native grid, where repeating pixels changes
    nothing (colour) or would no longer compare with papers (SSIM).

    Raises:
        ImageError: two sizes, or a side under 7 px, on which SSIM's window does not fit.
        MaskError: a mask of another size, or without any pixel.
    """
    _check(original, altered, mask)
    ring_px = max(1, round(RING_SHARE * min(mask.shape)))
    regions = {"mask": mask, "ring": ring_around(mask, ring_px), "whole": np.ones_like(mask)}
    maps = (
        flip_as_displayed(original, altered, display),
        colour_difference(original, altered),
        similarity_map(original, altered),
    )
    change = altered.astype(np.int16) - original
    return VisibilityPanel(
        display=display,
        regions={
            name: _measure_region(*maps, change, region, display.zoom)
            for name, region in regions.items()
            if region.any()
        },
        ring_px=ring_px,
        changed_outside_mask_px=int((change.any(axis=2) & ~mask).sum()),
        gamut=gamut_shares(original, altered),
        nuclei=score_cells(original, altered, mask),
        learned=tuple(learned),
    )


def ring_around(mask: NDArray[np.bool_], width_px: int) -> NDArray[np.bool_]:
    """Pixels outside a mask, at most ``width_px`` from it (centre to centre): bool ``(H, W)``; none for an
    empty mask.
    """
    if not mask.any():
        return np.zeros_like(mask)
    return np.asarray((ndimage.distance_transform_edt(~mask) <= width_px) & ~mask)


def _check(original: NDArray[np.uint8], altered: NDArray[np.uint8], mask: NDArray[np.bool_]) -> None:
    if original.shape != altered.shape or original.ndim != 3 or min(original.shape[:2]) < LEAST_SIDE_PX:
        raise ImageError(
            f"The pictures have the shapes {original.shape} and {altered.shape}; they must be of one size, "
            f"RGB, at least {LEAST_SIDE_PX} px a side. Compare a picture with its own original."
        )
    if mask.shape != original.shape[:2] or not mask.any():
        raise MaskError(
            f"The mask has the shape {mask.shape} and marks {int(mask.sum())} pixels; it must have the shape "
            f"{original.shape[:2]} and mark one at least. Use the mask of this patch."
        )


def _measure_region(
    flip: NDArray[np.float32],
    difference: NDArray[np.float64],
    similarity: NDArray[np.float64],
    change: NDArray[np.int16],
    region: NDArray[np.bool_],
    zoom: int,
) -> RegionMeasures:
    squared = change[region].astype(np.float64) ** 2
    return RegionMeasures(
        pixels=int(region.sum()),
        flip=_spread(flip[enlarge(region.astype(np.uint8), zoom) > 0]),
        de00=_spread(difference[region]),
        ssim=_spread(similarity[region], tail=5),
        psnr_db=signal_to_noise_db(float(squared.mean())),
        linf_levels=int(np.abs(change[region]).max()),
        l2=math.sqrt(float(squared.sum())) / 255,
    )


def _spread(values: NDArray[np.floating[Any]], *, tail: int = 95) -> Spread:
    worst = values.max() if tail > 50 else values.min()
    return Spread(
        mean=float(values.mean(dtype=np.float64)), tail=float(np.percentile(values, tail)), worst=float(worst)
    )
