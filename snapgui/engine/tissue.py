"""Whether a picture shows tissue at all: a classifier names a class for glass, ink and blur too."""

import cv2
import numpy as np
from numpy.typing import NDArray

from snapgui.engine.nuclei import tissue_mask

# Set on patches of `train` of the Histopathologic Cancer Detection data, so that together they stop less than
# 1 % of them, which are glass, black edges, or out of focus (`tests/test_real_data.py` counts on others).
LEAST_TISSUE = 0.003
LEAST_DETAIL, MOST_DETAIL = 0.4, 4.0
MOST_INK, MOST_BLACK = 0.02, 0.85
# Of a contrast below this (standard deviation of grey levels) nothing can be said of focus.
_LEAST_CONTRAST = 5.0


def why_not_tissue(pixels: NDArray[np.uint8]) -> str:
    """What a picture uint8 ``(H, W, 3)`` shows instead of tissue that can be read, such as ``glass``; empty
    where it may be tissue.
    """
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    density = -np.log((pixels.astype(np.float32) + 1) / 256)
    red, green, blue = density[..., 0], density[..., 1], density[..., 2]
    # Stains absorb green most; blue and green ink do not, and black ink absorbs all.
    ink = (green + 0.05 < np.maximum(red, blue)) & (density.max(axis=2) > 0.35)
    if (density.min(axis=2) > 0.9).mean() > MOST_BLACK:
        return "a black edge or black ink"
    if ink.mean() > MOST_INK:
        return "ink, or colours that haematoxylin and eosin do not have"
    if tissue_mask(pixels).mean() < LEAST_TISSUE:
        return "glass"
    contrast = float(grey.std())
    if contrast < _LEAST_CONTRAST:
        return "a field without structure"
    detail = float(cv2.Laplacian(grey, cv2.CV_32F).std()) / contrast
    if detail < LEAST_DETAIL:
        return "a picture out of focus"
    return "noise" if detail > MOST_DETAIL else ""
