"""What staining and mounting do to a slide: see `scanner` for what each takes and gives.

Stains vary as in Tellez et al., Medical Image Analysis 2019, but in the image's own stain space; bubbles and
folds are simulated after Wang et al., Journal of Pathology Informatics 12:54, 2021.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from snapgui.engine.corruptions.scanner import Colours, Pixels, defocus
from snapgui.engine.stains import fit_stains, optical_density_of, stain_amounts

# An air bubble: how far out of focus the tissue in it is, how much stray light lies on it, how dark and wide
# its rim is.
BUBBLE_BLUR_PX, BUBBLE_LIGHT, RIM_SHADE, RIM_PX = 1.5, 0.25, 0.6, 1.2


def shift_stains(pixels: Pixels, share: float, rng: np.random.Generator) -> Colours:
    """Haematoxylin and eosin each stronger or weaker by this share, drawn which; the rest stays."""
    stains = fit_stains(pixels)
    amounts, rest = stain_amounts(pixels / 255, stains)
    factors = 1 + share * rng.choice([-1, 1], size=2)
    return np.exp(-(amounts * factors @ stains + rest))


def add_bubble(pixels: Pixels, radius_px: float, rng: np.random.Generator) -> Colours:
    """A bubble of air under the cover slip, at a drawn place: paler and out of focus, with a dark rim."""
    height, width = pixels.shape[:2]
    row, column = rng.uniform(0, [height, width])
    away = np.hypot(np.arange(height)[:, None] - row, np.arange(width)[None] - column) - radius_px
    inside = np.clip(0.5 - away, 0, 1)[..., None]
    pale = (1 - BUBBLE_LIGHT) * defocus(pixels, BUBBLE_BLUR_PX, rng) + BUBBLE_LIGHT
    rim = 1 - RIM_SHADE * np.exp(-((away / RIM_PX) ** 2))[..., None]
    return (inside * pale + (1 - inside) * pixels / 255) * rim


def add_fold(pixels: Pixels, width_px: float, rng: np.random.Generator) -> Colours:
    """A fold of this width across the picture, in a drawn direction through a drawn place: tissue lies twice,
    so that optical densities add, the upper layer being the mirrored lower one.
    """
    height, width = pixels.shape[:2]
    row, column = rng.uniform(0, [height, width])
    angle = rng.uniform(0, np.pi)
    across = np.array([np.sin(angle), np.cos(angle)])
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float64)
    away = (rows - row) * across[0] + (columns - column) * across[1]
    mirrored = _sampled(pixels / 255, rows - 2 * away * across[0], columns - 2 * away * across[1])
    doubled = np.exp(-optical_density_of(pixels / 255) - optical_density_of(mirrored))
    inside = np.clip(width_px / 2 + 0.5 - np.abs(away), 0, 1)[..., None]
    return inside * doubled + (1 - inside) * pixels / 255


def _sampled(colours: Colours, rows: NDArray[np.float64], columns: NDArray[np.float64]) -> Colours:
    places = columns.astype(np.float32), rows.astype(np.float32)
    found = cv2.remap(colours, *places, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(found)
