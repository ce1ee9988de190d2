import math

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from snapgui.errors import DataError
from snapgui.study.statistics.agreement import cohen, fleiss, repeat_agreement

# Fleiss 1971: 30 patients by 6 psychiatrists, five diagnoses.
DIAGNOSES = """444444 222555 233335 555555 222444 113333 333355 113334 114444 555555
144444 124444 222333 144444 224445 333335 111455 111112 224444 133555
555555 244444 224555 114444 144445 222224 111155 224444 133333 555555"""
# The second and third rater of the data set "anxiety" of R's package irr.
ANXIETY = ("3 6 4 6 2 4 2 4 3 3 2 3 3 3 2 2 1 3 3 4", "2 1 4 4 3 2 1 6 1 1 1 2 3 3 1 1 3 3 2 2")


def answers_of_table(table: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    rows = [(i, j) for i, line in enumerate(table) for j, count in enumerate(line) for _ in range(count)]
    first, second = np.array(rows).T
    return first, second


def ranks(*columns: str) -> np.ndarray:
    values = np.array([list(map(int, column.split())) for column in columns])
    return np.unique(values, return_inverse=True)[1].reshape(values.shape)


@pytest.mark.parametrize(
    ("weights", "kappa", "error", "low", "high", "null_error"),
    [(None, 0.4842, 0.1380, 0.2137, 0.7547, 0.1484), ("linear", 0.4701, 0.1457, 0.1845, 0.7558, 0.1426)],
)
def test_cohens_kappa_as_sas_prints_it(
    weights, kappa: float, error: float, low: float, high: float, null_error: float
) -> None:
    """Example printed by SAS, PROC FREQ; the same as in the tests of statsmodels."""
    found = cohen(*answers_of_table([[0, 4, 1], [0, 8, 0], [0, 1, 5]]), weights=weights)
    assert (found.kappa, found.standard_error, *found.interval) == pytest.approx(
        (kappa, error, low, high), abs=6e-5
    )
    assert found.null_standard_error == pytest.approx(null_error, abs=6e-5) and (
        found.cases,
        found.raters,
    ) == (19, 2)


@pytest.mark.parametrize(
    ("weights", "kappa", "z"),
    [(None, -0.006289308, -0.0604067), ("linear", 0.1459075, 1.282472), ("quadratic", 0.2520325, 1.437451)],
)
def test_cohens_kappa_as_r_prints_it(weights, kappa: float, z: float) -> None:
    """kappa2 of R's irr, which takes the levels used as equally spaced."""
    found = cohen(*ranks(*ANXIETY), weights=weights)
    assert found.kappa == pytest.approx(
        kappa, abs=1e-6
    ) and found.kappa / found.null_standard_error == pytest.approx(z, abs=1e-5)
    assert found.kappa == pytest.approx((found.observed - found.expected) / (1 - found.expected))


@pytest.mark.parametrize("weights", [None, "linear", "quadratic"])
def test_cohens_kappa_is_that_of_scikit_learn_and_symmetric(weights) -> None:
    first, second = np.random.default_rng(0).integers(1, 7, (2, 40))
    second = np.where(np.arange(40) % 2, first, second)
    found = cohen(first, second, weights=weights)
    assert found.kappa == pytest.approx(cohen_kappa_score(first, second, weights=weights))
    turned = cohen(second, first, weights=weights)
    assert turned.kappa == pytest.approx(found.kappa) and turned.standard_error == pytest.approx(
        found.standard_error
    )


def test_distance_of_answers_counts_even_where_a_step_was_never_used() -> None:
    first, second = np.array([1, 1, 2, 6, 6, 2]), np.array([1, 2, 2, 6, 1, 6])
    apart = np.abs(first - second).mean() / np.abs(first[:, None] - second).mean()
    assert cohen(first, second, weights="linear").kappa == pytest.approx(1 - apart)


def test_fleiss_kappa_of_thirty_diagnoses() -> None:
    """Value and test statistic as kappam.fleiss of R's irr prints them."""
    found = fleiss(np.array([list(map(int, row)) for row in DIAGNOSES.split()]))
    assert found.kappa == pytest.approx(0.4302445, abs=1e-7)
    assert found.kappa / found.null_standard_error == pytest.approx(17.65183, abs=1e-5)
    assert (found.cases, found.raters) == (30, 6)


def test_error_of_fleiss_kappa_is_close_to_a_jackknife_over_images() -> None:
    rng = np.random.default_rng(1)
    answers = (rng.normal(size=(120, 5)) + rng.normal(size=(120, 1)) > 2.0).astype(int)
    without = [fleiss(np.delete(answers, k, axis=0)).kappa for k in range(120)]
    assert fleiss(answers).standard_error == pytest.approx(math.sqrt(np.var(without) * 119), rel=0.08)


def test_perfect_agreement_is_one_with_an_honest_lower_end() -> None:
    answers = np.repeat([0, 1], 10)
    for found in (
        cohen(answers, answers),
        cohen(answers, answers, weights="quadratic"),
        fleiss(np.stack([answers] * 3, axis=1)),
    ):
        assert found.kappa == 1 and found.observed == pytest.approx(1) and found.interval[1] == 1
        assert found.interval[0] == pytest.approx((0.025 ** (1 / 20) - found.expected) / (1 - found.expected))


def test_names_of_categories_do_not_matter_and_opposite_answers_disagree() -> None:
    first, second = np.random.default_rng(2).integers(0, 2, (2, 30))
    assert cohen(first, second).kappa == pytest.approx(cohen(1 - first, 1 - second).kappa)
    assert cohen([0, 1] * 5, [1, 0] * 5).kappa == pytest.approx(-1)


def test_one_answer_throughout_leaves_kappa_undefined() -> None:
    for found in (cohen([1, 1, 1], [1, 1, 1]), fleiss(np.ones((4, 3)))):
        assert math.isnan(found.kappa) and math.isnan(found.interval[0]) and found.observed == 1


def test_repeat_agreement() -> None:
    found = repeat_agreement([1, 2, 3, 4, 5, 6], [1, 3, 3, 4, 2, 6])
    assert (
        found.same == pytest.approx(4 / 6)
        and found.within_one_step == pytest.approx(5 / 6)
        and found.trials == 6
    )
    assert found.interval[0] < found.same < found.interval[1] and 0 < found.kappa.kappa < 1
    assert repeat_agreement([3], [3]).same == 1 and math.isnan(repeat_agreement([3], [3]).kappa.kappa)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: cohen([1, 2], [1, 2, 3]), "shapes \\(2,\\) and \\(3,\\)"),
        (lambda: cohen([1, np.nan], [1, 2]), "1 of 4 answers"),
        (lambda: cohen([], []), "at least one image"),
        (lambda: fleiss(np.ones((5, 1))), "at least two raters"),
        (lambda: repeat_agreement([1], [1, 2]), "two answers per image"),
    ],
)
def test_what_does_not_fit_is_said(call, words: str) -> None:
    with pytest.raises(DataError, match=words):
        call()
