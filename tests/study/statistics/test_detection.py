import math

import numpy as np
import pytest
from scipy import stats

from snapgui.errors import DataError, SettingsError
from snapgui.study.statistics.detection import (
    d_prime_and_error,
    equivalence,
    exact_interval,
    lower_bound,
    two_choice,
    two_choice_equivalence,
    upper_bound,
    yes_no,
)


@pytest.mark.parametrize(
    ("counts", "d_prime", "criterion"),
    [((20, 0, 0, 20), 3.96, 0.0), ((12, 8, 5, 15), 0.879, 0.198)],
)
def test_worked_examples_with_log_linear_rates(counts, d_prime: float, criterion: float) -> None:
    found = yes_no(*counts)
    assert found.d_prime == pytest.approx(d_prime, abs=2e-3) and found.criterion == pytest.approx(
        criterion, abs=1e-3
    )
    assert found.ln_beta == pytest.approx(found.d_prime * found.criterion)
    assert found.interval[0] < found.d_prime < found.interval[1] and math.isfinite(found.standard_error)


def test_ln_beta_is_the_log_ratio_of_the_two_densities_at_the_criterion() -> None:
    found = yes_no(31, 9, 14, 26)
    ratio = stats.norm.pdf(stats.norm.ppf(found.hit_rate)) / stats.norm.pdf(
        stats.norm.ppf(found.false_alarm_rate)
    )
    assert found.ln_beta == pytest.approx(math.log(ratio))


def test_error_of_a_reader_who_guesses_has_a_closed_form() -> None:
    """Both rates one half: 2 (1/4) / (n phi(0)^2) is pi / n."""
    found = yes_no(20, 20, 20, 20)
    assert (
        found.standard_error == pytest.approx(math.sqrt(math.pi / 40))
        and found.criterion_standard_error == found.standard_error / 2
    )


def test_swapping_the_two_answers_keeps_sensitivity_and_turns_the_criterion() -> None:
    one, other = yes_no(31, 9, 14, 26), yes_no(26, 14, 9, 31)
    assert one.d_prime == pytest.approx(other.d_prime) and one.criterion == pytest.approx(-other.criterion)
    assert yes_no(9, 31, 26, 14).d_prime == pytest.approx(-one.d_prime)


@pytest.mark.parametrize("d_prime", [0.0, 1.0, 2.0, 3.0])
@pytest.mark.parametrize("criterion", [0.0, 0.5])
@pytest.mark.parametrize("count", [40, 60])
def test_interval_of_d_prime_covers_as_promised(d_prime: float, criterion: float, count: int) -> None:
    """Summed exactly over every possible outcome, not simulated."""
    hits = np.arange(count + 1)
    estimate, error = d_prime_and_error(hits[:, None], count, hits, count)
    covered = np.abs(estimate - d_prime) <= 1.959964 * error
    chances = np.outer(
        stats.binom.pmf(hits, count, stats.norm.cdf(d_prime / 2 - criterion)),
        stats.binom.pmf(hits, count, stats.norm.cdf(-d_prime / 2 - criterion)),
    )
    assert 0.935 <= chances[covered].sum() <= 0.97


@pytest.mark.parametrize(("correct", "trials"), [(0, 10), (10, 10), (7, 10), (33, 60), (1, 1)])
def test_exact_interval_is_that_of_scipy(correct: int, trials: int) -> None:
    two_sided = stats.binomtest(correct, trials).proportion_ci(0.95, method="exact")
    assert exact_interval(correct, trials) == pytest.approx((two_sided.low, two_sided.high))
    above = stats.binomtest(correct, trials, alternative="less").proportion_ci(0.95, method="exact")
    assert upper_bound(correct, trials) == pytest.approx(above.high) and lower_bound(
        trials - correct, trials
    ) == pytest.approx(1 - above.high)


def test_no_right_choice_in_n_gives_the_closed_form_bound() -> None:
    assert upper_bound(0, 59) == pytest.approx(1 - 0.05 ** (1 / 59))
    assert exact_interval(4, 4)[0] == pytest.approx(0.025**0.25)


def test_two_choice_sensitivity() -> None:
    found = two_choice(76, 100)
    # Table of Macmillan and Creelman: a share of 0.76 is a d' of 1.0.
    assert math.sqrt(2) * stats.norm.ppf(0.76) == pytest.approx(
        1.0, abs=2e-3
    ) and found.d_prime == pytest.approx(1.0, abs=0.02)
    assert found.d_prime_interval[0] < found.d_prime < found.d_prime_upper_bound < found.d_prime_interval[1]
    assert two_choice(50, 100).d_prime == pytest.approx(0)
    all_right = two_choice(20, 20)
    assert (
        math.isfinite(all_right.d_prime)
        and all_right.d_prime_interval[1] == math.inf
        and all_right.upper_bound == 1
    )


def test_equivalence_is_judged_by_both_bounds() -> None:
    found = two_choice_equivalence(50, 100, margin=0.1)
    assert found.within and found.upper == pytest.approx(upper_bound(50, 100))
    few = two_choice_equivalence(10, 20, margin=0.1)
    assert "lie within it" in found.sentence()
    assert not few.within and "does not show" in few.sentence()
    # Choosing the wrong side reliably is seeing the difference.
    assert not two_choice_equivalence(20, 100, margin=0.1).within
    for judged in (found, few):
        assert "signific" not in judged.sentence() and "invisible" not in judged.sentence()
    assert (
        equivalence(0.1, -0.2, 0.4, chance=0.0, margin=0.5).within
        and not equivalence(0.1, -0.2, 0.6, chance=0.0, margin=0.5).within
    )


def test_equivalence_agrees_with_the_two_exact_tests() -> None:
    for correct in range(30, 71):
        below = stats.binomtest(correct, 100, 0.6, alternative="less").pvalue
        above = stats.binomtest(correct, 100, 0.4, alternative="greater").pvalue
        assert two_choice_equivalence(correct, 100, margin=0.1).within == (max(below, above) <= 0.05)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: yes_no(-1, 2, 3, 4), DataError, "-1 hits"),
        (lambda: yes_no(0, 0, 3, 4), DataError, "at least one altered"),
        (lambda: yes_no(math.nan, 2, 3, 4), DataError, "nan hits"),
        (lambda: two_choice(5, 4), DataError, "5 right choices of 4"),
        (lambda: two_choice(0, 0), DataError, "1 or more trials"),
        (lambda: two_choice_equivalence(5, 10, margin=0), SettingsError, "margin of 0"),
        (lambda: equivalence(0.5, 0.6, 0.7, chance=0.5, margin=0.1), DataError, "between them"),
        (lambda: two_choice(5, 10, level=95), SettingsError, "between 0.5 and 1"),
    ],
)
def test_what_does_not_fit_is_said(call, error, words: str) -> None:
    with pytest.raises(error, match=words):
        call()
