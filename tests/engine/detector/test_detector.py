"""Detectors tell what can be told, and no more: chance for identical pictures, nearly all for confetti."""

from functools import partial

import cv2
import numpy as np
import pytest
import torch

from snapgui.engine.cells.outlines import draw_mask
from snapgui.engine.detector import judges, network
from snapgui.engine.detector.area import area_by_image
from snapgui.engine.detector.cases import Case
from snapgui.engine.detector.crops import (
    CROP_PX,
    Places,
    cell_places,
    crops_all_over,
    like_in_size,
    nuclei_places,
    take_crops,
)
from snapgui.engine.detector.evidence import Evidence, gather, gather_against
from snapgui.engine.detector.features import FEATURES, crop_features
from snapgui.engine.detector.judges import KINDS, LEVELS, judge, judge_held_out
from snapgui.engine.detector.network import fit_network, score_crops
from snapgui.engine.nuclei import find_nuclei

SIZE = 64


def field(seed: int) -> np.ndarray:
    """Pink ground with nuclei of several sizes in their own colours, and noise."""
    rng = np.random.default_rng(seed)
    picture = np.full((SIZE, SIZE, 3), (226, 170, 200), dtype=np.uint8)
    for y in range(8, SIZE - 4, 16):
        for x in range(8, SIZE - 4, 16):
            colour = (np.array([92, 54, 128]) + rng.integers(-12, 12, 3)).tolist()
            cv2.circle(picture, (x, y), int(rng.integers(4, 6)), colour, -1, lineType=cv2.LINE_AA)
    return np.clip(picture + rng.normal(0, 5, picture.shape), 0, 255).astype(np.uint8)


def cases(count: int, *, confetti: bool, first: int = 0) -> list[Case]:
    """Fields whose nuclei are filled with any colours, or left alone."""
    found = []
    for seed in range(first, first + count):
        pixels = field(seed)
        mask = draw_mask(find_nuclei(pixels), pixels.shape[:2])
        altered = pixels.copy()
        if confetti:
            altered[mask] = np.random.default_rng(seed).integers(0, 256, (int(mask.sum()), 3))
        found.append(Case(f"image {seed}", pixels, altered, mask))
    return found


@pytest.fixture(scope="module")
def untouched() -> Evidence:
    return gather(cases(6, confetti=False))


@pytest.fixture(scope="module")
def confetti() -> Evidence:
    return gather(cases(6, confetti=True))


@pytest.fixture
def little_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks end after twenty steps, where it does not matter how much they have learned."""
    monkeypatch.setattr(network, "EPOCHS", 1)
    monkeypatch.setattr(judges, "fit_network", partial(fit_network, least_steps=20))


def test_identical_pictures_are_told_apart_by_chance_alone(untouched: Evidence, little_learned: None) -> None:
    scores = judge_held_out(untouched, folds=2)
    for level in LEVELS:
        items = untouched.cells if level == "cell" else untouched.pictures
        for kind in KINDS:
            area = area_by_image(items.labels, scores[level][kind], items.images)
            # Every altered crop is a real one as well, so that wins and losses cancel exactly.
            assert area.auc == pytest.approx(0.5, abs=1e-9), (level, kind)


def test_confetti_is_found_by_every_kind_at_both_levels(confetti: Evidence) -> None:
    scores = judge_held_out(confetti, folds=2)
    for level in LEVELS:
        items = confetti.cells if level == "cell" else confetti.pictures
        for kind in KINDS:
            area = area_by_image(items.labels, scores[level][kind], items.images)
            assert area.auc > 0.95 and area.low <= area.auc <= area.high, (level, kind)


def test_no_image_is_judged_by_detectors_that_saw_it(monkeypatch, untouched: Evidence) -> None:
    seen = []

    def watch(train: Evidence, test: Evidence, *, seed: int):
        assert not set(train.names) & set(test.names)
        assert set(train.cells.images) == set(train.names) and set(test.cells.images) == set(test.names)
        seen.extend(test.names)
        blank = {kind: np.zeros(len(test.cells)) for kind in KINDS}
        return {"cell": blank, "picture": {kind: np.zeros(len(test.pictures)) for kind in KINDS}}

    monkeypatch.setattr("snapgui.engine.detector.judges.judge", watch)
    judge_held_out(untouched, folds=3)
    assert sorted(seen) == sorted(untouched.names)


def test_same_seed_same_scores_and_the_callers_random_state_is_left_alone(confetti: Evidence) -> None:
    state = torch.random.get_rng_state()
    crops, labels = confetti.cells.crops, confetti.cells.labels
    first, second, other = (
        score_crops(fit_network(crops, labels, seed=seed, least_steps=20), crops) for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, other)
    assert torch.equal(state, torch.random.get_rng_state())


def test_detectors_trained_on_some_images_judge_others(confetti: Evidence, little_learned: None) -> None:
    fresh = gather(cases(4, confetti=True, first=50))
    scores = judge(confetti, fresh)["cell"]["trees"]
    assert area_by_image(fresh.cells.labels, scores, fresh.cells.images).auc > 0.95


def test_features_are_finite_and_one_for_each_name() -> None:
    flat = np.full((1, CROP_PX, CROP_PX, 3), 255, np.uint8)
    noise = np.random.default_rng(0).integers(0, 256, (3, CROP_PX, CROP_PX, 3)).astype(np.uint8)
    for crops in (flat, 0 * flat, noise):
        features = crop_features(crops)
        assert features.shape == (len(crops), len(FEATURES)) and np.isfinite(features).all()
    assert crop_features(noise[:0]).shape == (0, len(FEATURES))
    named = dict(zip(FEATURES, crop_features(flat)[0], strict=True))
    assert named["red mean"] == 0 and named["stains together"] == 0


def test_crops_lie_where_they_are_asked_and_mirror_at_the_rim() -> None:
    pixels = np.arange(SIZE * SIZE * 3, dtype=np.uint32).reshape(SIZE, SIZE, 3).astype(np.uint8)
    inside, corner = take_crops(pixels, np.array([[20.0, 30.0], [0.0, 0.0]]))
    np.testing.assert_array_equal(inside, pixels[22:38, 12:28])
    np.testing.assert_array_equal(corner[8:, 8:], pixels[:8, :8])
    np.testing.assert_array_equal(corner[8, 7], pixels[0, 1])
    assert len(crops_all_over(pixels)) == 49


def test_cells_of_a_mask_are_its_parts_and_touching_ones_their_nuclei() -> None:
    mask = np.zeros((SIZE, SIZE), bool)
    mask[4:10, 4:10] = True  # on a nucleus
    mask[20:30, 4:40] = True  # two nuclei that touch
    mask[40:50, 40:50] = True  # on no nucleus
    nuclei = Places(np.array([[7.0, 6.0], [10.0, 25.0], [30.0, 25.0], [60.0, 5.0]]), np.full(4, 30.0))
    cells = cell_places(mask, nuclei)
    np.testing.assert_allclose(cells.middles, [[7, 6], [10, 25], [30, 25], [44.5, 44.5]])
    np.testing.assert_allclose(cells.areas, [30, 30, 30, 100])


def test_nuclei_of_like_size_are_taken_without_repeating() -> None:
    nuclei = Places(np.arange(8.0).reshape(4, 2), np.array([10.0, 50.0, 51.0, 200.0]))
    cells = Places(np.zeros((2, 2)), np.array([50.0, 50.0]))
    assert sorted(like_in_size(nuclei, cells).areas) == [50, 51]
    assert len(like_in_size(nuclei, Places(np.zeros((9, 2)), np.full(9, 20.0)))) == 4
    assert len(like_in_size(nuclei[np.arange(0)], cells)) == 0


def test_unchanged_nuclei_give_the_very_crops_of_real_ones(untouched: Evidence) -> None:
    cells = untouched.cells
    altered = {crop.tobytes() for crop in cells.crops[cells.labels == 1]}
    assert altered == {crop.tobytes() for crop in cells.crops[cells.labels == 0]}
    assert len(nuclei_places(field(0))) > 8


def test_the_area_is_the_share_of_pairs_and_its_interval_counts_images() -> None:
    labels = np.array([1, 1, 0, 0, 1, 0])
    scores = np.array([0.9, 0.4, 0.4, 0.1, 0.8, 0.7])
    images = np.array(["a", "a", "a", "a", "b", "b"])
    # Of nine pairs, 0.9 wins 3, 0.4 wins 1 and ties 1, 0.8 wins 3.
    assert area_by_image(labels, scores, images).auc == pytest.approx(7.5 / 9)
    rng = np.random.default_rng(1)
    many = np.tile([0, 1], 200)
    noise = rng.normal(size=400)
    shared = np.repeat(rng.normal(size=20), 20)
    names = np.repeat([f"image {i}" for i in range(20)], 20)
    narrow = area_by_image(many, noise + many, np.array([str(i) for i in range(400)]))
    wide = area_by_image(many, noise + many * (1 + 2 * shared), names)
    assert wide.high - wide.low > 1.5 * (narrow.high - narrow.low)
    with pytest.raises(ValueError, match="altered and real"):
        area_by_image(np.ones(3, int), np.zeros(3), np.array(["a", "b", "c"]))


def test_two_conditions_are_told_apart_in_the_very_same_places() -> None:
    loud, quiet = cases(3, confetti=True), cases(3, confetti=False)
    found = gather_against(loud, quiet)
    same, own = found.cells, gather(loud).cells
    altered = same.crops[same.labels == 1]
    np.testing.assert_array_equal(altered, own.crops[own.labels == 1])
    assert (same.labels == 0).sum() == len(altered) and list(found.pictures.labels) == [0, 1] * 3
    np.testing.assert_array_equal(same.images[same.labels == 0], same.images[same.labels == 1])
    alike = gather_against(quiet, quiet).cells
    np.testing.assert_array_equal(alike.crops[alike.labels == 0], alike.crops[alike.labels == 1])
