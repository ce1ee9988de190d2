"""How different two pictures look, by trusted measures; readers decide later."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.color import deltaE_ciede2000, rgb2lab
from skimage.metrics import structural_similarity

from snapgui.engine.visibility.display import Display

try:
    import flip_evaluator
except ModuleNotFoundError:  # its authors make none for this Python
    flip_evaluator = None

NO_FLIP = (
    "FLIP is not measured: its package flip-evaluator is not there. Python 3.11 to 3.13 have it; elsewhere "
    "all else is measured without it."
)


@dataclass(frozen=True)
class Visibility:
    """How different two images look, over one region.

    Attributes:
        ssim: structural similarity, 1 for the same.
        psnr_db: peak signal-to-noise ratio; infinite for the same.
        mean_de00, p95_de00: CIEDE2000 colour difference, mean and 95th percentile.
    """

    ssim: float
    psnr_db: float
    mean_de00: float
    p95_de00: float


def colour_difference(original: NDArray[np.uint8], altered: NDArray[np.uint8]) -> NDArray[np.float64]:
    """CIEDE2000 of each pixel of two uint8 ``(H, W, 3)`` pictures, float64 ``(H, W)`` (sRGB, D65)."""
    return np.asarray(deltaE_ciede2000(rgb2lab(original), rgb2lab(altered)), dtype=np.float64)


def similarity_map(original: NDArray[np.uint8], altered: NDArray[np.uint8]) -> NDArray[np.float64]:
    """SSIM of each pixel, mean of the channels, float64 ``(H, W)``, 1 for the same (Wang et al.

    2004, 7 px window).
    """
    _, similarity = structural_similarity(original, altered, channel_axis=2, data_range=255, full=True)
    return np.asarray(similarity, dtype=np.float64).mean(axis=2)


def signal_to_noise_db(mean_squared_error: float) -> float:
    """PSNR in dB for 8 bits, of the mean squared error in levels squared; infinite for the same."""
    return math.inf if mean_squared_error == 0 else 10 * math.log10(255**2 / mean_squared_error)


def measure(
    original: NDArray[np.uint8], altered: NDArray[np.uint8], mask: NDArray[np.bool_]
) -> dict[str, Visibility]:
    """SSIM, PSNR and CIEDE2000 inside the mask and over the whole picture.

    SSIM is Wang et al. 2004 with a 7 px window, its map averaged over the region; PSNR is for 8 bits.
    """
    similarity = similarity_map(original, altered)
    difference = colour_difference(original, altered)
    squared = (original.astype(np.float64) - altered) ** 2
    regions = {"mask": mask, "whole": np.ones_like(mask)}
    return {
        name: _measure_region(similarity, difference, squared, region)
        for name, region in regions.items()
        if region.any()
    }


def _measure_region(
    similarity: NDArray[np.float64],
    difference: NDArray[np.float64],
    squared: NDArray[np.float64],
    region: NDArray[np.bool_],
) -> Visibility:
    return Visibility(
        ssim=float(similarity[region].mean()),
        psnr_db=signal_to_noise_db(float(squared[region].mean())),
        mean_de00=float(difference[region].mean()),
        p95_de00=float(np.percentile(difference[region], 95)),
    )


def difference_picture(
    original: NDArray[np.uint8], altered: NDArray[np.uint8], *, gain: float = 2.0
) -> NDArray[np.uint8]:
    """Mid-grey plus ``gain`` times the difference, uint8 ``(H, W, 3)``: grey is no change."""
    return np.clip(np.rint(128 + gain * (altered.astype(np.float64) - original)), 0, 255).astype(np.uint8)


def enlarge(pixels: NDArray[np.uint8], factor: int) -> NDArray[np.uint8]:
    """Whole-number enlargement by repeating pixels: nothing is blended."""
    return np.repeat(np.repeat(pixels, factor, axis=0), factor, axis=1)


def outline_picture(pixels: NDArray[np.uint8], mask: NDArray[np.bool_], factor: int) -> NDArray[np.uint8]:
    """The picture enlarged, with the rim of the mask drawn one pixel wide in black on white."""
    picture = enlarge(pixels, factor)
    large = np.repeat(np.repeat(mask.astype(np.uint8), factor, axis=0), factor, axis=1)
    contours, _ = cv2.findContours(large, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(picture, contours, -1, (255, 255, 255), 3)
    cv2.drawContours(picture, contours, -1, (0, 0, 0), 1)
    return picture


def flip_note() -> str:
    """Why FLIP is not measured, in a sentence; empty where it is."""
    return NO_FLIP if flip_evaluator is None else ""


def flip_map(
    original: NDArray[np.uint8], altered: NDArray[np.uint8], *, pixels_per_degree: float
) -> NDArray[np.float32]:
    """LDR-FLIP of two uint8 sRGB pictures ``(H, W, 3)``: float32 ``(H, W)`` from 0, the same, to 1.

    Andersson, Nilsson, Akenine-Moeller, Oskarsson, Astroem, Fairchild, "FLIP: A Difference Evaluator for
    Alternating Images", HPG 2020, by its authors' own code. Both orders give the same. NaN everywhere where
    that code is not installed, see `flip_note`.
    """
    if flip_evaluator is None:
        return np.full(original.shape[:2], np.nan, dtype=np.float32)
    first, second = (
        np.ascontiguousarray(pixels, dtype=np.float32) / np.float32(255) for pixels in (original, altered)
    )
    errors, _, _ = flip_evaluator.evaluate(
        first,
        second,
        "LDR",
        inputsRGB=True,
        applyMagma=False,
        computeMeanError=False,
        parameters={"ppd": float(pixels_per_degree)},
    )
    return np.asarray(errors, dtype=np.float32)[..., 0]


def flip_as_displayed(
    original: NDArray[np.uint8], altered: NDArray[np.uint8], display: Display
) -> NDArray[np.float32]:
    """FLIP of the raster that the screen shows: float32 ``(H * zoom, W * zoom)``."""
    return flip_map(
        enlarge(original, display.zoom),
        enlarge(altered, display.zoom),
        pixels_per_degree=display.pixels_per_degree,
    )
