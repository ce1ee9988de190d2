"""How near patches are: distances with known answers."""

import numpy as np
import pytest

from snapgui.data.making_demo.likeness import (
    overlap,
    rms_between,
    rms_to_nearest,
    symmetries,
    window_correlation,
)


@pytest.fixture
def patches() -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (5, 96, 96, 3), dtype=np.uint8)


def test_symmetries_are_eight_and_different(patches: np.ndarray) -> None:
    views = symmetries(patches[0])
    assert len({view.tobytes() for view in views}) == 8
    assert all(sorted(view.ravel()) == sorted(patches[0].ravel()) for view in views)


def test_distance_by_hand() -> None:
    first = np.full((1, 8, 8, 3), 100, dtype=np.uint8)
    second = first.copy()
    second[0, :4] += 30
    assert rms_between(first, second) == pytest.approx(30 / np.sqrt(2))
    assert rms_to_nearest(first, second) == pytest.approx(30 / np.sqrt(2))


def test_nearest_is_found_turned_and_reflected(patches: np.ndarray) -> None:
    turned = np.rot90(patches[2], 3)[:, ::-1][None].copy()
    assert rms_to_nearest(turned, patches) == pytest.approx(0, abs=0.1)
    assert rms_to_nearest(turned, patches[[0, 1, 3, 4]])[0] > 50


def test_itself_does_not_count(patches: np.ndarray) -> None:
    assert rms_to_nearest(patches[:2], patches) == pytest.approx(0, abs=0.1)
    assert (rms_to_nearest(patches[:2], patches, skip=np.array([0, 1])) > 50).all()


def test_shifted_copy_is_noticed(patches: np.ndarray) -> None:
    moved = np.roll(patches[1], (11, -7), axis=(0, 1))
    assert window_correlation(np.rot90(moved), list(patches[:3])) == pytest.approx(1, abs=1e-6)
    assert window_correlation(moved, [patches[0], patches[4]]) < 0.2
    assert overlap(moved, patches[1]) == pytest.approx(1, abs=1e-6)
    assert overlap(np.rot90(moved), patches[1]) < 0.2
