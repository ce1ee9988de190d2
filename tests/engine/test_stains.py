"""Stain vectors that a picture was made with are found again; otherwise the fixed ones stand in."""

import numpy as np
import pytest

from snapgui.engine.stains import FIXED_STAINS, fit_stains, stain_amounts

OTHER = np.array([[0.55, 0.78, 0.30], [0.15, 0.95, 0.27]])
OTHER = OTHER / np.linalg.norm(OTHER, axis=1, keepdims=True)


def stained(stains: np.ndarray, seed: int = 0, side: int = 96) -> np.ndarray:
    """A picture of pure and mixed pixels of two stains, uint8."""
    rng = np.random.default_rng(seed)
    mixing = rng.beta(0.3, 0.3, (side, side, 1))
    amounts = rng.uniform(0.6, 1.6, (side, side, 1)) * np.concatenate([mixing, 1 - mixing], axis=2)
    return np.rint(255 * np.exp(-amounts @ stains)).astype(np.uint8)


def degrees_between(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return np.degrees(np.arccos(np.clip((first * second).sum(axis=1), -1, 1)))


@pytest.mark.parametrize("stains", [FIXED_STAINS, OTHER], ids=["fixed", "other"])
def test_the_vectors_of_a_picture_are_found(stains) -> None:
    found = fit_stains(stained(stains))
    assert degrees_between(found, stains).max() < 3
    assert np.linalg.norm(found, axis=1) == pytest.approx([1, 1])


def test_amounts_and_what_is_left_make_the_picture_again() -> None:
    pixels = stained(OTHER)
    amounts, left = stain_amounts(pixels / 255, OTHER)
    assert np.abs(left).max() < 0.03 and amounts.shape == (96, 96, 2)
    assert np.exp(-(amounts @ OTHER + left)) == pytest.approx(pixels / 255, abs=1e-9)


def test_glass_one_stain_and_little_tissue_get_the_fixed_vectors() -> None:
    one = stained(np.stack([OTHER[0], OTHER[0]]))
    glass = np.full((96, 96, 3), 245, np.uint8)
    little = glass.copy()
    little[:20, :20] = stained(OTHER, side=20)
    for picture in (one, glass, little, np.zeros((96, 96, 3), np.uint8)):
        assert np.array_equal(fit_stains(picture), FIXED_STAINS)
