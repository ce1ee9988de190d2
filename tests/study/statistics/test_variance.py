"""Variances over readers and sources: analysis of variance where it has an answer, coverage where it has
none.
"""

import numpy as np
import pytest
from scipy import stats

from snapgui.errors import DataError
from snapgui.study.statistics.detection import d_prime_and_error
from snapgui.study.statistics.estimates import (
    Estimate,
    area_parts,
    estimate,
    score_interval,
    score_part,
    share_part,
)
from snapgui.study.statistics.roc import roc_area
from snapgui.study.statistics.variance import spread_of


def latin(
    rng: np.random.Generator, readers: int, sources: int, shifts: tuple[float, ...], *, keen: float = 0.0
) -> list[np.ndarray]:
    """Continuous answers by arm, with effects of readers and of sources that all arms share."""
    common = rng.normal(0, 0.6, (readers, 1)) + rng.normal(0, 0.8, sources)
    lists = (np.arange(sources) + np.arange(readers)[:, None]) % len(shifts)
    return [
        np.where(
            lists == k,
            common + shift + rng.normal(0, keen, (readers, 1)) + rng.normal(size=(readers, sources)),
            np.nan,
        )
        for k, shift in enumerate(shifts)
    ]


def difference(first: np.ndarray, second: np.ndarray) -> Estimate:
    """Mean of a first arm minus that of a second."""
    return estimate([share_part(first), share_part(second).times(-1)])


def test_of_a_full_table_it_is_that_of_two_way_analysis_of_variance() -> None:
    rng = np.random.default_rng(3)
    table = rng.normal(size=(6, 20)) + rng.normal(size=(6, 1)) + rng.normal(size=(1, 20))
    rows, columns, grand = table.mean(1, keepdims=True), table.mean(0, keepdims=True), table.mean()
    squares = [
        20 * ((rows - grand) ** 2).sum() / 5,
        6 * ((columns - grand) ** 2).sum() / 19,
        ((table - rows - columns + grand) ** 2).sum() / 95,
    ]
    variance = (squares[0] + squares[1] - squares[2]) / 120
    found = spread_of(table[None], np.full((1, 6, 20), 1 / 120))
    assert found.variance == pytest.approx(variance)
    doubt = sum(square**2 / freedom for square, freedom in zip(squares, (5, 19, 95), strict=True)) / 120**2
    # The sum of squares of single answers is taken with its main part only.
    assert found.degrees_of_freedom == pytest.approx(variance**2 / doubt, rel=0.05)


def test_what_all_arms_share_leaves_a_difference_as_it_is() -> None:
    first, second = latin(np.random.default_rng(0), 6, 40, (0.0, 0.5))
    shared = np.random.default_rng(1).normal(0, 50, (6, 1)) + np.random.default_rng(2).normal(0, 50, 40)
    plain = difference(first, second)
    moved = difference(first + shared, second + shared)
    assert moved.estimate == pytest.approx(plain.estimate) and moved.standard_error == pytest.approx(
        plain.standard_error
    )
    assert moved.degrees_of_freedom == pytest.approx(plain.degrees_of_freedom)


@pytest.mark.parametrize("keen", [0.2, 0.5])
def test_difference_in_a_latin_square_covers_as_promised(keen: float) -> None:
    """Each reader sees half of the cases in each arm: U-statistics fell to 92 % here."""
    rng, covered = np.random.default_rng(11), 0
    for _ in range(600):
        low, high = difference(*latin(rng, 8, 40, (0.0, 0.0), keen=keen)).interval
        covered += low <= 0 <= high
    assert 0.93 <= covered / 600 <= 0.97


def test_lists_of_unequal_size_are_allowed_for() -> None:
    rng, estimates, errors = np.random.default_rng(5), [], []
    for _ in range(400):
        found = difference(*latin(rng, 7, 30, (0.0, 0.0), keen=0.4))
        estimates.append(found.estimate)
        errors.append(found.standard_error**2)
    assert np.sqrt(np.mean(errors)) == pytest.approx(np.std(estimates), rel=0.1)


def test_pseudo_values_give_the_figures_themselves() -> None:
    rng = np.random.default_rng(0)
    altered, untouched = np.rint(rng.normal(4, 1.5, (4, 15))), np.rint(rng.normal(3, 1.5, (4, 12)))
    altered[1, :5] = np.nan
    areas = [
        roc_area(
            np.concatenate([one[np.isfinite(one)], other]), np.repeat([1, 0], [np.isfinite(one).sum(), 12])
        ).area
        for one, other in zip(altered, untouched, strict=True)
    ]
    padded = np.full((4, 15), np.nan)
    padded[:, :12] = untouched
    found = estimate(area_parts(altered, padded), scale="area")
    assert found.estimate == pytest.approx(np.mean(areas)) and found.by_reader == pytest.approx(areas)
    said = [np.where(np.isfinite(one), one > 3, np.nan) for one in (altered, padded)]
    parts = [score_part(said[0]), score_part(said[1]).times(-1)]
    counts = [(np.nansum(one, 1), np.isfinite(one).sum(1)) for one in said]
    each, errors = d_prime_and_error(*counts[0], *counts[1])
    assert estimate(parts).estimate == pytest.approx(each.mean()) and estimate(
        parts
    ).by_reader == pytest.approx(each)
    # Pulls carry the variance of the corrected rates.
    pulls = [
        part.values
        - np.where(
            part.weights != 0,
            part.values.sum(1, keepdims=True) / (part.weights != 0).sum(1, keepdims=True),
            0,
        )
        for part in parts
    ]
    variance = sum(
        ((np.where(part.weights != 0, pull, 0) ** 2).sum(1) / (part.weights != 0).sum(1) ** 2).sum()
        for part, pull in zip(parts, pulls, strict=True)
    )
    assert variance == pytest.approx((errors**2).sum(), rel=1e-6)


def test_wilsons_interval_is_that_of_independent_answers() -> None:
    share, count = 0.3, 50
    low, high = score_interval(share, (share * (1 - share) / count) ** 0.5, stats.norm.ppf(0.975))
    known = stats.binomtest(15, 50).proportion_ci(0.95, method="wilson")
    assert (low, high) == pytest.approx((known.low, known.high))


def test_no_false_certainty() -> None:
    everyone = np.ones((4, 12))
    sure = estimate([share_part(everyone)], scale="share")
    assert sure.estimate == 1 and sure.interval == pytest.approx((0.025 ** (1 / 12), 1))
    assert np.isnan(estimate([share_part(everyone), share_part(everyone).times(-1)]).interval).all()
    with pytest.raises(DataError, match="1 readers and 12 sources came"):
        estimate([share_part(everyone[:1])])


def test_with_hardly_more_readers_than_lists_the_interval_is_wider() -> None:
    rng = np.random.default_rng(1)
    few, many = (
        [difference(*latin(rng, readers, 30, (0.0, 0.0, 0.0))[:2]) for _ in range(20)] for readers in (3, 9)
    )
    widths, freedoms = (
        [np.median([of(one) for one in studies]) for studies in (few, many)]
        for of in (lambda one: np.ptp(one.interval), lambda one: one.degrees_of_freedom)
    )
    assert widths[0] > 3 * widths[1] and freedoms[0] < 4 < freedoms[1]


@pytest.mark.parametrize("lists", [2, 3, 4])
@pytest.mark.parametrize("sources", [20, 30, 31, 47])
def test_with_one_reader_a_list_the_variance_by_clusters_stands_in(lists: int, sources: int) -> None:
    """Nothing is left to tell readers from lists by; what rounding leaves of it must not count."""
    first, second = latin(np.random.default_rng(7), lists, sources, (0.0,) * lists)[:2]
    seen = np.isfinite([first, second])
    weights = seen / seen.sum(axis=(1, 2), keepdims=True) * np.reshape([1, -1], (2, 1, 1))
    values = np.where(seen, [first, second], 0.0)
    pulls = weights * (values - np.nanmean([first, second], axis=(1, 2), keepdims=True))
    by_readers = (pulls.sum((0, 2)) ** 2).sum() * lists / (lists - 1)
    by_sources = (pulls.sum((0, 1)) ** 2).sum() * sources / (sources - 1)
    wanted = max(by_readers, by_sources, by_readers + by_sources - (pulls.sum(0) ** 2).sum())
    assert spread_of(values, weights).variance == pytest.approx(wanted)
