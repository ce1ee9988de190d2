"""The oracles against published figures and their own definitions, and the study's estimate against them."""

import itertools

import numpy as np
import pytest

from benchmarks.study_oracles import area_by_u_statistics, bootstrap_readers_and_cases
from snapgui.study.statistics.estimates import area_parts, estimate, share_part
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


def rated(seed: int, readers: int, each: int, gaps: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = np.repeat([1, 0], each)
    ratings = np.rint(rng.normal(size=(readers, 2 * each)) + rng.normal(0, 0.7, 2 * each) + truth + 3)
    ratings[rng.random(ratings.shape) < gaps] = np.nan
    return ratings, truth


def test_areas_match_imrmc() -> None:
    first, second = area_by_u_statistics(FIRST, TRUTH), area_by_u_statistics(SECOND, TRUTH)
    assert first.estimate == pytest.approx(0.903333333) and second.estimate == pytest.approx(0.553333333)
    assert first.standard_error**2 == pytest.approx(1.86122297e-3, rel=1e-8)
    assert second.standard_error**2 == pytest.approx(1.82252051e-4, rel=1e-8)
    assert first.degrees_of_freedom == pytest.approx(2.11212165)
    assert second.degrees_of_freedom == pytest.approx(29.4284717)
    assert 0 < first.interval[0] < first.estimate < first.interval[1] < 1


@pytest.mark.parametrize("gaps", [0.0, 0.25])
def test_variance_is_the_u_statistic_by_its_definition(gaps: float) -> None:
    ratings, truth = rated(8, 3, 4, gaps)
    kernel = np.full((3, 4, 4), np.nan)
    for r, a, u in itertools.product(range(3), range(4), range(4)):
        high, low = ratings[r, a], ratings[r, 4 + u]
        if not np.isnan(high + low):
            kernel[r, a, u] = (high > low) + (high == low) / 2
    apart = [
        kernel[one] * kernel[other]
        for one in np.ndindex(kernel.shape)
        for other in np.ndindex(kernel.shape)
        if all(a != b for a, b in zip(one, other, strict=True))
    ]
    variance = np.nanmean(kernel) ** 2 - np.nanmean(apart)
    found = area_by_u_statistics(ratings, truth)
    assert found.estimate == pytest.approx(np.nanmean(kernel))
    assert variance > 0 and found.standard_error**2 == pytest.approx(variance)


def test_copies_of_one_reader_tell_no_more_than_that_reader() -> None:
    copies = np.repeat(SECOND[:1], 3, axis=0)
    assert area_by_u_statistics(copies, TRUTH).standard_error == pytest.approx(
        roc_area(SECOND[0], TRUTH).standard_error
    )


def test_bootstrap_agrees_with_the_closed_form() -> None:
    """A small table of readers and cases with much interplay, where drawing both at once would give far too
    much.
    """
    rng = np.random.default_rng(4)
    table = rng.normal(size=(4, 6)) + rng.normal(0, 0.4, (4, 1)) + rng.normal(0, 0.4, (1, 6))
    (found,) = bootstrap_readers_and_cases(
        table, lambda drawn: drawn.mean(keepdims=True).ravel(), np.random.default_rng(3), resamples=4000
    )
    rows, columns, grand = table.mean(1, keepdims=True), table.mean(0, keepdims=True), table.mean()
    squares = (
        6 * ((rows - grand) ** 2).sum() / 3,
        4 * ((columns - grand) ** 2).sum() / 5,
        ((table - rows - columns + grand) ** 2).sum() / 15,
    )
    assert found.estimate == pytest.approx(grand)
    assert found.standard_error**2 == pytest.approx((squares[0] + squares[1] - squares[2]) / 24, rel=0.06)


def test_bootstrap_keeps_kinds_of_cases_in_place() -> None:
    truth = np.arange(60) % 3 == 0
    marked = np.repeat(truth[None].astype(float), 4, axis=0)
    (found,) = bootstrap_readers_and_cases(
        marked,
        lambda drawn: np.atleast_1d((drawn == truth).mean()),
        np.random.default_rng(2),
        strata=truth,
        resamples=100,
    )
    assert found.interval == (1, 1)


def test_the_studys_own_area_is_theirs_and_its_error_at_least_as_large() -> None:
    """Every reader sees every case, so that all three are meant for it; the study's own takes altered and
    untouched cases for arms of which each reader has a sight of their own, which is on the safe side.
    """
    errors = []
    for seed in range(12):
        ratings, truth = rated(seed, 6, 40)
        own = estimate(
            area_parts(*(np.where(truth == kind, ratings, np.nan) for kind in (1, 0))), scale="area"
        )
        oracle = area_by_u_statistics(ratings, truth)
        assert own.estimate == pytest.approx(oracle.estimate)
        errors.append((own.standard_error, oracle.standard_error))
    own_error, by_u_statistics = np.sqrt(np.square(errors).mean(0))
    assert 1 <= own_error / by_u_statistics < 1.3

    def area(drawn: np.ndarray) -> np.ndarray:
        return np.atleast_1d(np.mean([roc_area(row, truth).area for row in drawn]))

    (drawn,) = bootstrap_readers_and_cases(
        ratings, area, np.random.default_rng(5), strata=truth, resamples=200
    )
    assert drawn.estimate == pytest.approx(own.estimate)
    assert 1 <= own.standard_error / drawn.standard_error < 1.3


def test_of_a_full_table_a_share_has_the_error_that_drawing_anew_finds() -> None:
    rng = np.random.default_rng(0)
    table = (rng.normal(size=(6, 40)) + rng.normal(size=(6, 1)) + rng.normal(size=(1, 40)) > 0).astype(float)
    (drawn,) = bootstrap_readers_and_cases(
        table, lambda some: np.atleast_1d(some.mean()), np.random.default_rng(1), resamples=2000
    )
    assert estimate([share_part(table)], scale="share").standard_error == pytest.approx(
        drawn.standard_error, rel=0.05
    )
