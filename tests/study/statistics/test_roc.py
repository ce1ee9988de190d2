import math

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from snapgui.errors import DataError, SettingsError
from snapgui.study.statistics.roc import lroc_area, lroc_points, roc_area, roc_points

NORMAL, ABNORMAL = [33, 6, 6, 11, 2], [3, 2, 2, 11, 33]


def random_ratings(seed: int, altered: int = 25, untouched: int = 30) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = rng.permutation(np.repeat([1, 0], [altered, untouched]))
    return np.clip(np.rint(rng.normal(3 + truth, 1.2)), 1, 6), truth


def test_hanley_and_mcneils_109_tomograms() -> None:
    """Ratings of Hanley and McNeil 1982, table II; area, DeLong's error and plain interval as Stata's roctab
    prints them.
    """
    ratings = np.concatenate([np.repeat(np.arange(1, 6), counts) for counts in (NORMAL, ABNORMAL)])
    found = roc_area(ratings, np.repeat([0, 1], [58, 51]))
    assert found.area == pytest.approx(0.8932, abs=5e-5) and found.standard_error == pytest.approx(
        0.0307, abs=5e-5
    )
    plain = found.area + np.array([-1, 1]) * 1.959964 * found.standard_error
    assert plain == pytest.approx([0.83295, 0.95339], abs=1e-5)
    assert found.interval[0] < found.area < found.interval[1] < 1 and (found.altered, found.untouched) == (
        51,
        58,
    )


@pytest.mark.parametrize("seed", range(5))
def test_area_is_that_of_scikit_learn_and_of_the_curve(seed: int) -> None:
    ratings, truth = random_ratings(seed)
    area = roc_area(ratings, truth).area
    assert area == pytest.approx(roc_auc_score(truth, ratings))
    false_alarms, hits = roc_points(ratings, truth)
    assert np.trapezoid(hits, false_alarms) == pytest.approx(area)
    assert (false_alarms[0], hits[0], false_alarms[-1], hits[-1]) == (0, 0, 1, 1) and len(hits) == len(
        np.unique(ratings)
    ) + 1


def test_swapped_labels_give_one_minus_the_area() -> None:
    ratings, truth = random_ratings(9)
    one, other = roc_area(ratings, truth), roc_area(ratings, 1 - truth)
    assert one.area == pytest.approx(1 - other.area) and one.standard_error == pytest.approx(
        other.standard_error
    )
    assert one.interval == pytest.approx((1 - other.interval[1], 1 - other.interval[0]))


def test_only_the_order_of_ratings_counts() -> None:
    ratings, truth = random_ratings(3)
    assert roc_area(np.exp(ratings), truth) == roc_area(ratings, truth)


def test_delong_of_two_answers_is_the_error_of_a_share() -> None:
    """With every altered image said to be so, the area is (1 + specificity) / 2 and its error that of the
    specificity.
    """
    said = np.concatenate([np.ones(20), np.repeat([0, 1], [30, 10])])
    found = roc_area(said, np.repeat([1, 0], [20, 40]))
    assert found.area == pytest.approx((1 + 0.75) / 2)
    assert found.standard_error == pytest.approx(math.sqrt(0.75 * 0.25 / 39) / 2)


def test_without_spread_the_interval_does_not_shrink_to_a_point() -> None:
    truth = np.repeat([1, 0], [10, 15])
    perfect, tied = roc_area(truth, truth), roc_area(np.ones(25), truth)
    assert (perfect.area, perfect.standard_error) == (1, 0) and perfect.interval == pytest.approx(
        (0.025**0.1, 1)
    )
    assert tied.area == 0.5 and tied.interval[0] < 0.3 and tied.interval[1] > 0.7


def test_logit_interval_covers_as_promised() -> None:
    rng, covered = np.random.default_rng(0), 0
    truth, true_area = np.repeat([1, 0], 40), stats.norm.cdf(1 / math.sqrt(2))
    for _ in range(1000):
        low, high = roc_area(rng.normal(truth), truth).interval
        covered += low <= true_area <= high
    assert 930 <= covered <= 970


def test_lroc_asks_for_the_place_as_well() -> None:
    ratings, truth = random_ratings(7)
    near, far = np.zeros(len(truth)), np.full(len(truth), np.inf)
    assert lroc_area(ratings, truth, near, radius_px=8) == roc_area(ratings, truth)
    none = lroc_area(ratings, truth, far, radius_px=8)
    assert none.area == 0 and 0 < none.interval[1] < 0.2
    distances = np.where(np.arange(len(truth)) % 2, 3.0, np.nan)
    found = lroc_area(ratings, truth, distances, radius_px=8)
    pairs = [
        (a > u) + (a == u) / 2 if d <= 8 else 0.0
        for a, d in zip(ratings[truth == 1], distances[truth == 1], strict=True)
        for u in ratings[truth == 0]
    ]
    assert found.area == pytest.approx(np.mean(pairs))
    false_alarms, hits = lroc_points(ratings, truth, distances, radius_px=8)
    assert np.trapezoid(hits, false_alarms) == pytest.approx(found.area) and hits[-1] == np.mean(
        distances[truth == 1] <= 8
    )
    assert (
        lroc_area(ratings, truth, np.full(len(truth), 8.0), radius_px=8).area == roc_area(ratings, truth).area
    )


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: roc_area([1, 2, 3], [1, 0]), DataError, "one of each per image"),
        (lambda: roc_area([1, 2, np.nan, 4], [1, 1, 0, 0]), DataError, "1 of 4 ratings"),
        (lambda: roc_area([1, 2, 3], [1, 0, 0]), DataError, "1 altered and 2 untouched"),
        (lambda: roc_area([1, 2, 3, 4], [1, 2, 0, 0]), DataError, "Truths other than"),
        (lambda: lroc_area([1, 2, 3, 4], [1, 1, 0, 0], [1, 2], radius_px=8), DataError, "Distances of shape"),
        (lambda: lroc_area([1, 2, 3, 4], [1, 1, 0, 0], [1] * 4, radius_px=0), SettingsError, "radius of 0"),
    ],
)
def test_what_does_not_fit_is_said(call, error, words: str) -> None:
    with pytest.raises(error, match=words):
        call()
