"""Corruptions: nothing at grade 0, more at each grade, the same for the same name and seed, 8 bits."""

import numpy as np
import pytest

from snapgui.engine.corruptions.catalogue import CORRUPTIONS, corrupt
from snapgui.engine.corruptions.slide import shift_stains
from snapgui.engine.stains import fit_stains, stain_amounts
from snapgui.engine.visibility.measures import colour_difference, similarity_map
from snapgui.errors import ImageError, SettingsError

# What pixels say of a shift does not grow for ever: far away is as different as near.
GEOMETRIC = ("shift", "rotation")


def drawn(tissue: np.ndarray, kind: str, name: str = "tissue", seed: int = 0) -> list[np.ndarray]:
    grades = range(1, len(CORRUPTIONS[kind].strengths) + 1)
    return [corrupt(tissue, kind, grade, name=name, seed=seed) for grade in grades]


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_a_corruption_begins_with_nothing_and_grows_with_its_grade(tissue: np.ndarray, kind: str) -> None:
    before = tissue.copy()
    np.testing.assert_array_equal(corrupt(tissue, kind, 0, name="tissue"), tissue)
    pictures = drawn(tissue, kind)
    np.testing.assert_array_equal(tissue, before), "the picture given is left as it is"
    assert all(picture.dtype == np.uint8 and picture.shape == tissue.shape for picture in pictures)
    visible = [float(colour_difference(tissue, picture).mean()) for picture in pictures]
    alike = [float(similarity_map(tissue, picture).mean()) for picture in pictures]
    if kind in GEOMETRIC:
        assert visible[0] < max(visible[1:]) and alike[0] > min(alike[1:])
    else:
        assert 0 < visible[0] < 3.5 and (np.diff(visible) > 0).all(), visible
        assert alike[-1] < alike[0]


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_a_corruption_is_that_of_its_picture_and_seed(tissue: np.ndarray, kind: str) -> None:
    np.testing.assert_array_equal(drawn(tissue, kind)[1], drawn(tissue, kind)[1])
    others = [drawn(tissue, kind, name=f"tissue{k}")[1] for k in range(6)]
    same = [(other == drawn(tissue, kind)[1]).all() for other in others]
    assert all(same) == (kind in ("jpeg", "gaussian_blur", "defocus", "contrast"))


def test_the_stain_shift_changes_amounts_and_leaves_what_stains_do_not_explain(tissue: np.ndarray) -> None:
    stains = fit_stains(tissue)
    amounts, rest = stain_amounts(tissue / 255, stains)
    colours = shift_stains(tissue, 0.3, np.random.default_rng(1))
    shifted, kept = stain_amounts(colours, stains)
    # White and black have no amounts.
    inside = ((colours < 1) & (colours > 1 / 255)).all(axis=2)
    assert inside.mean() > 0.9
    np.testing.assert_allclose(kept[inside], rest[inside], atol=1e-9)
    for stain in (0, 1):
        factors = (shifted / amounts)[..., stain][inside & (abs(amounts[..., stain]) > 0.02)]
        assert np.ptp(factors) < 1e-6 and abs(abs(factors[0] - 1) - 0.3) < 1e-9


def test_a_shift_moves_whole_pixels_and_a_fold_adds_densities(tissue: np.ndarray) -> None:
    moved = corrupt(tissue, "shift", 2, name="tissue")
    inner = (slice(4, -4), slice(4, -4))
    back = [np.roll(moved, step, axis=axis) for axis in (0, 1) for step in (-2, 2)]
    assert sum((one[inner] == tissue[inner]).all() for one in back) == 1
    folded = corrupt(tissue, "fold", 4, name="tissue")
    assert (folded.astype(int) <= tissue.astype(int) + 1).all(), (
        "two layers let no more light through than one"
    )
    changed = (folded != tissue).any(axis=2)
    assert 0.01 < changed.mean() < 0.5


def test_what_there_is_not_is_one_sentence(tissue: np.ndarray) -> None:
    with pytest.raises(SettingsError, match="no corruption “ink”; choose from jpeg, gaussian_blur"):
        corrupt(tissue, "ink", 1, name="tissue")
    for grade in (-1, 6, 1.5, True):
        with pytest.raises(SettingsError, match="from 0, untouched, to 5"):
            corrupt(tissue, "jpeg", grade, name="tissue")
    with pytest.raises(SettingsError, match="to 3, strongest"):
        corrupt(tissue, "shift", 4, name="tissue")
    with pytest.raises(ImageError, match="20 x 20 px; corruptions need at least 32"):
        corrupt(tissue[:20, :20], "jpeg", 1, name="tissue")
    with pytest.raises(ImageError, match="uint8 colours"):
        corrupt(tissue / 255, "jpeg", 1, name="tissue")
