import itertools
import math

import numpy as np
import pytest
from scipy import stats

from snapgui.errors import DataError, SettingsError
from snapgui.study.statistics.bootstrap import two_way_bootstrap
from snapgui.study.statistics.detection import d_prime_and_error, exact_interval
from snapgui.study.statistics.multireader import (
    crossed_area,
    crossed_area_difference,
    crossed_mean,
    crossed_mean_difference,
)
from snapgui.study.statistics.roc import roc_area

# Three readers' yes/no answers to 150 + 150 cases in two modalities, for which iMRMC 4.0.0 printed the
# figures below.
TRUTH = np.repeat([1, 0], 150)


def answers(right_untouched: list[int], missed: list[int]) -> np.ndarray:
    said = np.ones((3, 300))
    for reader, (right, misses) in enumerate(zip(right_untouched, missed, strict=True)):
        said[reader, 300 - right :] = 0
        said[reader, :misses] = 0
    return said


FIRST, SECOND = answers([129, 96, 150], [0, 0, 12]), answers([18, 12, 18], [0, 0, 0])


def rated(seed: int, readers: int = 4, each: int = 12, gaps: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = np.repeat([1, 0], each)
    ratings = np.rint(rng.normal(size=(readers, 2 * each)) + rng.normal(0, 0.7, 2 * each) + truth + 3)
    ratings[rng.random(ratings.shape) < gaps] = np.nan
    return ratings, truth


def test_areas_match_imrmc() -> None:
    first, second = crossed_area(FIRST, TRUTH), crossed_area(SECOND, TRUTH)
    assert first.estimate == pytest.approx(0.903333333) and first.by_reader == pytest.approx(
        (0.93, 0.82, 0.96)
    )
    assert first.standard_error**2 == pytest.approx(
        1.86122297e-3, rel=1e-8
    ) and first.degrees_of_freedom == pytest.approx(2.11212165)
    assert second.estimate == pytest.approx(0.553333333) and second.by_reader == pytest.approx(
        (0.56, 0.54, 0.56)
    )
    assert second.standard_error**2 == pytest.approx(
        1.82252051e-4, rel=1e-8
    ) and second.degrees_of_freedom == pytest.approx(29.4284717)
    assert 0 < first.interval[0] < first.estimate < first.interval[1] < 1 and (
        first.readers,
        first.cases,
    ) == (3, 300)


def test_difference_of_areas_matches_imrmc() -> None:
    found = crossed_area_difference(FIRST, SECOND, TRUTH)
    assert found.estimate == pytest.approx(0.35) and found.standard_error**2 == pytest.approx(
        1.42393736e-3, rel=1e-8
    )
    assert found.degrees_of_freedom == pytest.approx(2.39887433) and found.by_reader == pytest.approx(
        (0.37, 0.28, 0.40)
    )
    half = stats.t.ppf(0.975, found.degrees_of_freedom) * found.standard_error
    assert found.interval == pytest.approx((0.35 - half, 0.35 + half))
    # iMRMC rounds the degrees of freedom down; so rounded, its interval comes out.
    whole = stats.t.ppf(0.975, 2) * found.standard_error
    assert (0.35 - whole, 0.35 + whole) == pytest.approx((0.187638992, 0.512361008), abs=1e-8)


def moment_apart(first: np.ndarray, second: np.ndarray) -> float:
    """Mean product of two values that share no index, by going through all pairs."""
    products = [
        first[one] * second[other]
        for one in np.ndindex(first.shape)
        for other in np.ndindex(second.shape)
        if all(a != b for a, b in zip(one, other, strict=True)) and not np.isnan(first[one] * second[other])
    ]
    return float(np.mean(products))


@pytest.mark.parametrize("gaps", [0.0, 0.25])
def test_variance_is_the_u_statistic_by_its_definition(gaps: float) -> None:
    (one, truth), (two, _) = rated(0, 3, 4, gaps), rated(1, 3, 4, gaps)
    kernels = []
    for ratings in (one, two):
        kernel = np.full((3, 4, 4), np.nan)
        for r, a, u in itertools.product(range(3), range(4), range(4)):
            high, low = ratings[r, a], ratings[r, 4 + u]
            if not np.isnan(high + low):
                kernel[r, a, u] = (high > low) + (high == low) / 2
        kernels.append(kernel)
    means = [np.nanmean(kernel) for kernel in kernels]
    variances = [
        means[i] * means[j] - moment_apart(kernels[i], kernels[j]) for i, j in ((0, 0), (1, 1), (0, 1))
    ]
    assert crossed_area(one, truth).estimate == pytest.approx(means[0])
    expected = [variances[0], variances[0] + variances[1] - 2 * variances[2]]
    found = [crossed_area(one, truth), crossed_area_difference(one, two, truth)]
    for variance, result in zip(expected, found, strict=True):
        assert variance <= 0 or result.standard_error**2 == pytest.approx(variance)
        assert result.standard_error > 0
    assert max(expected) > 0


def test_area_is_the_mean_of_the_readers_and_one_minus_it_for_swapped_labels() -> None:
    ratings, truth = rated(3)
    found, swapped = crossed_area(ratings, truth), crossed_area(ratings, 1 - truth)
    assert found.estimate == pytest.approx(np.mean([roc_area(row, truth).area for row in ratings]))
    assert swapped.estimate == pytest.approx(1 - found.estimate) and swapped.standard_error == pytest.approx(
        found.standard_error
    )
    turned = crossed_area(ratings[::-1], truth)
    assert turned.standard_error == pytest.approx(found.standard_error)


def test_copies_of_one_reader_tell_no_more_than_that_reader() -> None:
    copies = np.repeat(SECOND[:1], 3, axis=0)
    assert crossed_area(copies, TRUTH).standard_error == pytest.approx(
        roc_area(SECOND[0], TRUTH).standard_error
    )


def test_mean_has_the_variance_of_a_two_way_table() -> None:
    """Unbiased by analysis of variance: (MS readers + MS cases - MS rest) / (readers x cases)."""
    rng = np.random.default_rng(0)
    table = (rng.normal(size=(5, 30)) + rng.normal(size=(5, 1)) + rng.normal(size=(1, 30)) > 0).astype(float)
    rows, columns, grand = table.mean(1, keepdims=True), table.mean(0, keepdims=True), table.mean()
    readers, cases = 30 * ((rows - grand) ** 2).sum() / 4, 5 * ((columns - grand) ** 2).sum() / 29
    rest = ((table - rows - columns + grand) ** 2).sum() / (4 * 29)
    found = crossed_mean(table)
    assert found.estimate == pytest.approx(grand) and found.standard_error**2 == pytest.approx(
        (readers + cases - rest) / 150
    )
    other = 1 - table
    other[:, ::3] = table[:, ::3]
    paired = crossed_mean_difference(table, other)
    assert paired.standard_error == pytest.approx(
        crossed_mean(table - other).standard_error
    ) and paired.estimate == pytest.approx((table - other).mean())


def test_arms_of_a_latin_square_can_be_compared() -> None:
    """Every reader sees every case once, in one arm or the other."""
    rng = np.random.default_rng(0)
    table = (rng.random((6, 40)) < 0.7).astype(float)
    list_of = (np.arange(6)[:, None] + np.arange(40)) % 2 == 0
    found = crossed_mean_difference(np.where(list_of, table, np.nan), np.where(list_of, np.nan, table))
    assert found.estimate == pytest.approx(table[list_of].mean() - table[~list_of].mean())
    assert found.interval[0] < found.estimate < found.interval[1] and 0.02 < found.standard_error < 0.15


def test_interval_of_the_mean_covers_as_promised() -> None:
    rng, covered = np.random.default_rng(5), 0
    for _ in range(1000):
        table = rng.normal(size=(5, 40)) + rng.normal(0, 0.3, (5, 1)) + rng.normal(0, 0.5, (1, 40)) > 0
        low, high = crossed_mean(table.astype(float)).interval
        covered += low <= 0.5 <= high
    assert 930 <= covered <= 970


def test_interval_of_the_area_covers_as_promised() -> None:
    rng, covered, truth = np.random.default_rng(6), 0, np.repeat([1, 0], 25)
    true_area = stats.norm.cdf(0.8 / math.sqrt(2 * (1 + 0.25) + 0.04))
    for _ in range(600):
        shift = 0.8 + rng.normal(0, 0.2, (5, 1))
        low, high = crossed_area(
            rng.normal(size=(5, 50)) + rng.normal(0, 0.5, 50) + shift * truth, truth
        ).interval
        covered += low <= true_area <= high
    assert 0.93 * 600 <= covered <= 0.97 * 600


def test_without_spread_no_false_certainty() -> None:
    right = np.ones((3, 20))
    assert crossed_mean(right).interval == pytest.approx(exact_interval(20, 20))
    assert all(math.isnan(end) for end in crossed_mean_difference(right, right).interval)
    perfect = crossed_area(np.repeat([[1, 0]], 3, axis=0).repeat(10, axis=1), np.repeat([1, 0], 10))
    assert perfect.estimate == 1 and perfect.interval == pytest.approx((0.025**0.1, 1))


def test_bootstrap_agrees_with_the_closed_form_and_repeats_itself() -> None:
    """A small table of readers and cases with much interplay, where drawing both at once would give far too
    much.
    """
    rng = np.random.default_rng(4)
    table = rng.normal(size=(4, 6)) + rng.normal(0, 0.4, (4, 1)) + rng.normal(0, 0.4, (1, 6))
    one, again = (
        two_way_bootstrap(table, lambda drawn: float(drawn.mean()), np.random.default_rng(3), resamples=4000)
        for _ in range(2)
    )
    closed = crossed_mean(table)
    assert one == again and one.estimate == pytest.approx(closed.estimate)
    assert one.standard_error == pytest.approx(closed.standard_error, rel=0.03)
    assert one.degrees_of_freedom == pytest.approx(closed.degrees_of_freedom, rel=0.2)
    assert one.percentile_interval[0] < one.estimate < one.percentile_interval[1]


def test_bootstrap_keeps_kinds_of_cases_in_place() -> None:
    rng = np.random.default_rng(2)
    truth = np.arange(60) % 3 == 0
    said = (rng.random((6, 60)) < np.where(truth, 0.7, 0.3)).astype(float)

    def sensitivity(drawn: np.ndarray) -> float:
        hits, false_alarms = drawn[:, truth].sum(1), drawn[:, ~truth].sum(1)
        return float(d_prime_and_error(hits, 20, false_alarms, 40)[0].mean())

    found = two_way_bootstrap(said, sensitivity, rng, strata=truth, resamples=300)
    assert 0.6 < found.estimate < 1.6 and found.interval[0] < found.estimate < found.interval[1]
    marked = np.repeat(truth[None].astype(float), 4, axis=0)
    with_truth = two_way_bootstrap(
        marked, lambda drawn: float((drawn == truth).mean()), rng, strata=truth, resamples=100
    )
    assert with_truth.percentile_interval == (1, 1)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: crossed_area(FIRST[:1], TRUTH), DataError, "two of each are needed"),
        (lambda: crossed_mean(np.ones((3, 1))), DataError, "two of each are needed"),
        (lambda: crossed_area(FIRST, TRUTH[:-1]), DataError, "a truth of 0 or 1 per column"),
        (lambda: crossed_area(FIRST, np.ones(300)), DataError, "two of each are needed"),
        (lambda: crossed_mean(np.array([[1.0, 0, 1], [np.nan] * 3])), DataError, "A reader saw no case"),
        (lambda: crossed_mean(np.array([[1.0, np.inf], [0, 1]])), DataError, "Infinite answers"),
        (
            lambda: crossed_mean_difference(np.ones((2, 3)), np.ones((3, 3))),
            DataError,
            "the same readers and cases",
        ),
        (
            lambda: two_way_bootstrap(np.ones((1, 9)), np.mean, np.random.default_rng()),
            DataError,
            "two readers and two cases",
        ),
        (
            lambda: two_way_bootstrap(np.ones((3, 9)), np.mean, np.random.default_rng(), resamples=5),
            SettingsError,
            "100",
        ),
        (
            lambda: two_way_bootstrap(
                np.ones((3, 9)), lambda _: math.nan, np.random.default_rng(), resamples=100
            ),
            DataError,
            "no number in 100%",
        ),
        (
            lambda: two_way_bootstrap(np.ones((3, 9)), np.mean, np.random.default_rng(), strata=[1, 2]),
            DataError,
            "Strata of shape",
        ),
        (
            lambda: two_way_bootstrap(np.ones((3, 4)), np.mean, np.random.default_rng(), strata=[1, 2, 3, 4]),
            DataError,
            "Use fewer strata",
        ),
    ],
)
def test_what_does_not_fit_is_said(call, error, words: str) -> None:
    with pytest.raises(error, match=words):
        call()
