"""FLIP: how far two pictures differ when they take turns in one place on a screen."""

import flip_evaluator
import numpy as np
from numpy.typing import NDArray

from snapgui.engine.display import Display
from snapgui.engine.visibility import enlarge


def flip_map(original: NDArray[np.uint8], altered: NDArray[np.uint8], *, pixels_per_degree: float) -> NDArray[np.float32]:
    """LDR-FLIP of two uint8 sRGB pictures ``(H, W, 3)``: float32 ``(H, W)`` from 0, the same, to 1.

    Andersson, Nilsson, Akenine-Moeller, Oskarsson, Astroem, Fairchild, "FLIP: A Difference Evaluator for Alternating Images",
    HPG 2020, by its authors' own code. Both orders give the same.
    """
    first, second = (np.ascontiguousarray(pixels, dtype=np.float32) / np.float32(255) for pixels in (original, altered))
    errors, _, _ = flip_evaluator.evaluate(
        first, second, "LDR", inputsRGB=True, applyMagma=False, computeMeanError=False, parameters={"ppd": float(pixels_per_degree)}
    )
    return np.asarray(errors, dtype=np.float32)[..., 0]


def flip_as_displayed(original: NDArray[np.uint8], altered: NDArray[np.uint8], display: Display) -> NDArray[np.float32]:
    """FLIP of the raster that the screen shows: float32 ``(H * zoom, W * zoom)``."""
    return flip_map(
        enlarge(original, display.zoom), enlarge(altered, display.zoom), pixels_per_degree=display.pixels_per_degree
    )
