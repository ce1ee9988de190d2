"""Source groups: even fields only, like with like, stains brought together."""

import numpy as np
import pytest

from snapgui.data.making_demo.sources import choose_groups, describe_patches, even_stain, optical_density


def speckled(seed: int, low: int, high: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(low, high, (96, 96, 3), dtype=np.uint8)


def test_optical_density_of_known_values() -> None:
    assert optical_density(np.array([255, 127, 0], dtype=np.uint8)) == pytest.approx(
        [0, np.log10(2), np.log10(256)], abs=1e-6
    )


def test_even_fields_are_told_from_glass_blur_and_borders() -> None:
    field = speckled(0, 40, 200)
    half = field.copy()
    half[:, :48] = 245
    blurred = np.full((96, 96, 3), 120, dtype=np.uint8)
    darker = field.copy()
    darker[:48] //= 3
    descriptors, even = describe_patches(np.stack([field, half, blurred, darker]))
    assert even.tolist() == [True, False, False, False]
    assert descriptors.shape == (4, 9) and np.isfinite(descriptors).all()


def test_groups_hold_like_patches_and_cover_the_variety() -> None:
    generator = np.random.default_rng(0)
    centres = np.repeat(np.array([[0.0] * 9, [5.0] * 9, [-5.0] * 9]), 20, axis=0)
    descriptors = (centres + 0.1 * generator.standard_normal((60, 9))).astype(np.float32)
    groups = choose_groups(descriptors, groups=3, size=6, generator=np.random.default_rng(1))
    clusters = groups // 20
    assert groups.shape == (3, 6)
    assert (clusters == clusters[:, :1]).all() and len(set(clusters[:, 0])) == 3
    assert all(len(set(group)) == 6 for group in groups.tolist())
    again = choose_groups(descriptors, groups=3, size=6, generator=np.random.default_rng(1))
    assert np.array_equal(groups, again)


def test_even_stain_leaves_one_stain_and_the_structure() -> None:
    pixels = np.stack([speckled(1, 60, 160), speckled(2, 90, 220)])
    even = even_stain(pixels)
    density = optical_density(even)
    means, spreads = density.mean(axis=(1, 2)), density.std(axis=(1, 2))
    assert np.abs(means[0] - means[1]).max() < 0.01 and np.abs(spreads[0] - spreads[1]).max() < 0.01
    assert (
        np.abs(
            optical_density(pixels).mean(axis=(1, 2))[0] - optical_density(pixels).mean(axis=(1, 2))[1]
        ).min()
        > 0.1
    )
    assert np.corrcoef(even[0].ravel(), pixels[0].ravel())[0, 1] > 0.98
