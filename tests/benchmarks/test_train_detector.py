"""Training of the shipped detector: what it weighs, where its threshold lies, how its shares are told."""

import numpy as np
import pytest

from benchmarks.natural_pictures import CONDITIONS
from benchmarks.train_detector import FALSE_ALARMS, TOLD, TRAINED_ON, Seen, area, fit, look, picked_out
from snapgui.engine.cells.outlines import draw_mask
from snapgui.engine.detector.cases import Case
from snapgui.engine.detector.features import FEATURES
from snapgui.engine.nuclei import find_nuclei


def drawn(count: int, seed: int, shift: float = 0.0) -> np.ndarray:
    """Features that differ in the first alone."""
    values = np.random.default_rng(seed).normal(size=(count, len(FEATURES)))
    values[:, 0] += shift
    return values


def test_conditions_are_those_of_the_shelves() -> None:
    assert set(TRAINED_ON) < set(TOLD) <= set(CONDITIONS)


def test_conditions_weigh_the_same_and_the_threshold_lets_the_rest_through() -> None:
    others = drawn(4000, 9)
    detector = fit([drawn(2000, 1, 3.0), drawn(100, 2, 3.0)], drawn(2000, 3), others)
    assert np.abs(detector.weight).argmax() == 0 and detector.weight[0] > 0
    assert (detector.score_features(others) > detector.threshold).mean() == pytest.approx(
        FALSE_ALARMS, abs=1e-3
    )
    after, before = [Seen("a", drawn(500, 4, 3.0))], [Seen("a", drawn(500, 5))]
    assert area(detector, after, before) > 0.95
    # A small condition that lies elsewhere is not drowned by a large one.
    other = drawn(100, 6)
    other[:, 1] += 3
    small = fit([drawn(2000, 1, 3.0), other], drawn(2000, 3), others)
    assert small.weight[1] > 0.5 * small.weight[0]


def test_an_interval_knows_that_cells_of_one_image_are_no_further_images() -> None:
    detector = fit([drawn(500, 1, 3.0)], drawn(500, 2), drawn(500, 3))
    all_or_none = [Seen(str(i), drawn(50, i, 9.0 if i % 2 else -9.0)) for i in range(10)]
    mixed = [Seen(str(i), np.concatenate([drawn(25, i, 9.0), drawn(25, i, -9.0)])) for i in range(10)]
    wide, narrow = (picked_out(detector, seen) for seen in (all_or_none, mixed))
    assert wide["share"] == narrow["share"] == 0.5 and wide["crops"] == 500 and wide["images"] == 10
    assert wide["interval"][1] - wide["interval"][0] > 0.4


def test_cells_and_the_same_places_before_are_as_many(tissue: np.ndarray) -> None:
    mask = draw_mask(find_nuclei(tissue)[:5], tissue.shape[:2])
    altered = tissue.copy()
    altered[mask] = 0, 255, 0
    (after,), (before,) = look([Case("one", tissue, altered, mask)])
    assert after.image == before.image == "one" and after.features.shape == before.features.shape
    assert len(after.features) == 5 and (after.features != before.features).any(axis=1).all()
