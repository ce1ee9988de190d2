"""Glass, ink, blur and noise are called what they are; tissue passes."""

import cv2
import numpy as np
import pytest

from snapgui import shipped
from snapgui.engine.images import read_pixels
from snapgui.engine.tissue import why_not_tissue


def inked(pixels: np.ndarray, colour: tuple[int, int, int], rows: int) -> np.ndarray:
    changed = pixels.copy()
    changed[:rows] = colour
    return changed


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda x: np.full_like(x, 242), "glass"),
        (lambda x: np.zeros_like(x), "black"),
        (lambda x: np.full_like(x, (190, 120, 170)), "without structure"),
        (lambda x: inked(x, (20, 40, 160), 30), "ink"),
        (lambda x: inked(x, (10, 110, 50), 30), "ink"),
        (lambda x: inked(x, (12, 12, 15), 90), "black"),
        (lambda x: cv2.GaussianBlur(x, (0, 0), 3), "out of focus"),
        (lambda x: np.random.default_rng(0).integers(0, 256, x.shape).astype(np.uint8), "ink"),
        (
            lambda x: np.random.default_rng(0).integers(0, 256, (96, 96, 1)).repeat(3, 2).astype(np.uint8),
            "noise",
        ),
    ],
)
def test_what_is_no_tissue_is_called_what_it_is(change, word: str) -> None:
    assert word in why_not_tissue(change(read_pixels(shipped.DEMO_FOLDER / "metastasis_01.png")))


def test_tissue_passes_also_a_little_soft_or_stained_otherwise() -> None:
    for path in shipped.DEMO_FOLDER.glob("*.png"):
        pixels = read_pixels(path)
        assert why_not_tissue(pixels) == "", path.name
        assert why_not_tissue(cv2.GaussianBlur(pixels, (0, 0), 0.7)) == ""
        assert why_not_tissue(np.clip(pixels * 0.85, 0, 255).astype(np.uint8)) == ""
