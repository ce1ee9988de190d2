import math

import numpy as np
import pytest

from snapgui.engine.visibility.measures import (
    colour_difference,
    difference_picture,
    enlarge,
    measure,
    outline_picture,
)


@pytest.fixture
def mask() -> np.ndarray:
    mask = np.zeros((96, 96), bool)
    mask[20:30, 20:30] = True
    return mask


def test_the_same_picture_is_not_different(tissue, mask) -> None:
    for figures in measure(tissue, tissue, mask).values():
        assert figures.ssim == pytest.approx(1) and figures.psnr_db == math.inf and figures.p95_de00 == 0


def test_psnr_by_hand(mask) -> None:
    grey = np.full((96, 96, 3), 100, np.uint8)
    altered = grey.copy()
    altered[mask] += 10
    figures = measure(grey, altered, mask)
    assert figures["mask"].psnr_db == pytest.approx(20 * math.log10(25.5))
    assert figures["whole"].psnr_db == pytest.approx(10 * math.log10(255**2 / (100 * 100 / 9216)))
    assert figures["whole"].mean_de00 == pytest.approx(figures["mask"].mean_de00 * 100 / 9216)
    assert figures["mask"].ssim < figures["whole"].ssim < 1


def test_ciede2000_of_black_and_white_is_100() -> None:
    black, white = np.zeros((8, 8, 3), np.uint8), np.full((8, 8, 3), 255, np.uint8)
    assert colour_difference(black, white) == pytest.approx(100, abs=1e-3)


def test_difference_picture_is_grey_where_nothing_changed(tissue, mask) -> None:
    altered = tissue.copy()
    altered[mask] = np.clip(altered[mask].astype(int) - 20, 0, 255)
    picture = difference_picture(tissue, altered, gain=2)
    assert (picture[~mask] == 128).all() and (picture[mask] == 88).mean() > 0.9


def test_enlarging_repeats_pixels(tissue, mask) -> None:
    large = enlarge(tissue, 4)
    assert (
        large.shape == (384, 384, 3)
        and (large[::4, ::4] == tissue).all()
        and (large[3::4, 2::4] == tissue).all()
    )
    drawn = outline_picture(tissue, mask, 4)
    changed = (drawn != large).any(axis=2)
    assert changed.any() and not changed[100:116, 100:116].any(), "the inside of the mask stays visible"
