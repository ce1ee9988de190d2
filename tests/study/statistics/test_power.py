import math

import numpy as np
import pytest
from scipy import stats

from snapgui.errors import SettingsError
from snapgui.study.statistics.detection import two_choice_equivalence, upper_bound
from snapgui.study.statistics.power import (
    design_effect,
    detection_power,
    detection_trials,
    effective_trials,
    equivalence_power,
    equivalence_trials,
    readers_needed,
)


def binomial(count: int, share: float) -> list[float]:
    return [math.comb(count, k) * share**k * (1 - share) ** (count - k) for k in range(count + 1)]


@pytest.mark.parametrize(("proportion", "trials"), [(0.60, 158), (0.65, 69), (0.70, 37)])
def test_trials_of_the_exact_binomial_test(proportion: float, trials: int) -> None:
    found = detection_trials(proportion=proportion)
    assert found.first == trials <= found.lasting
    assert (
        float(detection_power(trials, proportion=proportion))
        >= 0.8
        > float(detection_power(trials - 1, proportion=proportion))
    )
    beyond = detection_power(np.arange(found.lasting, 5000), proportion=proportion)
    assert (beyond >= 0.8).all() and float(detection_power(found.lasting - 1, proportion=proportion)) < 0.8


@pytest.mark.parametrize("count", [5, 20, 41])
def test_detection_power_is_the_binomial_sum_over_what_the_test_shows(count: int) -> None:
    shown = [
        k for k in range(count + 1) if stats.binomtest(k, count, 0.5, alternative="greater").pvalue <= 0.05
    ]
    assert float(detection_power(count, proportion=0.7)) == pytest.approx(
        sum(binomial(count, 0.7)[k] for k in shown)
    )
    assert float(detection_power(count, proportion=0.5)) <= 0.05


@pytest.mark.parametrize("count", [10, 60, 101])
@pytest.mark.parametrize("proportion", [0.5, 0.54])
def test_equivalence_power_is_the_binomial_sum_over_what_the_margin_allows(
    count: int, proportion: float
) -> None:
    shown = [k for k in range(count + 1) if two_choice_equivalence(k, count, margin=0.15).within]
    expected = sum(binomial(count, proportion)[k] for k in shown)
    assert float(equivalence_power(count, margin=0.15, proportion=proportion)) == pytest.approx(
        expected, abs=1e-12
    )


def test_at_the_edge_of_the_margin_equivalence_is_rarely_found() -> None:
    assert (equivalence_power(np.arange(1, 500), margin=0.1, proportion=0.6) <= 0.05 + 1e-12).all()


def test_trials_fall_with_margin_and_effect_and_rise_with_power() -> None:
    by_margin = [equivalence_trials(margin=margin).first for margin in (0.05, 0.1, 0.15, 0.2)]
    by_effect = [detection_trials(proportion=share).first for share in (0.55, 0.6, 0.7, 0.9)]
    by_power = [equivalence_trials(margin=0.1, power=power).lasting for power in (0.6, 0.8, 0.9)]
    assert (
        by_margin == sorted(by_margin, reverse=True)
        and by_effect == sorted(by_effect, reverse=True)
        and by_power == sorted(by_power)
    )
    assert len({*by_margin}) == 4 and equivalence_trials(margin=0.1, proportion=0.53).first > by_margin[1]


def test_power_rises_with_the_share_and_over_many_trials() -> None:
    shares = [float(detection_power(60, proportion=share)) for share in (0.5, 0.6, 0.7, 0.8)]
    assert shares == sorted(shares)
    assert (
        float(equivalence_power(400, margin=0.1))
        > float(equivalence_power(200, margin=0.1))
        > float(equivalence_power(100, margin=0.1))
    )


def test_equivalence_trials_leave_room_for_the_upper_bound() -> None:
    trials = equivalence_trials(margin=0.1).first
    assert upper_bound(trials // 2, trials) < 0.6


def test_design_effect_and_the_readers_it_asks_for() -> None:
    assert design_effect(5, 40, reader_correlation=0) == 1 and design_effect(
        1, 40, reader_correlation=0.1
    ) == pytest.approx(4.9)
    assert effective_trials(5, 40, reader_correlation=0.1, case_correlation=0.05) == pytest.approx(200 / 5.1)
    assert readers_needed(158, 40, reader_correlation=0) == 4
    for needed, each, reader, case in (
        (158, 40, 0.05, 0.0),
        (158, 40, 0.02, 0.05),
        (37, 60, 0.1, 0.1),
        (300, 60, 0.03, 0.1),
    ):
        readers = readers_needed(needed, each, reader_correlation=reader, case_correlation=case)
        assert (
            effective_trials(readers, each, reader_correlation=reader, case_correlation=case) >= needed - 1e-6
        )
        assert (
            readers == 1
            or effective_trials(readers - 1, each, reader_correlation=reader, case_correlation=case) < needed
        )


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: detection_trials(proportion=0.5), "above chance"),
        (lambda: detection_trials(proportion=0.501), "More than 10000 trials"),
        (lambda: equivalence_trials(margin=0.1, proportion=0.6), "wider margin"),
        (lambda: equivalence_power(50, margin=0.5), "between 0 and 1"),
        (lambda: detection_power(0, proportion=0.6), "0 trials"),
        (lambda: detection_power(10, proportion=math.nan), "nan came for proportion"),
        (lambda: design_effect(3, 20, reader_correlation=1.0), "reader correlation"),
        (lambda: readers_needed(500, 40, reader_correlation=0.0, case_correlation=0.1), "more cases"),
    ],
)
def test_what_does_not_fit_is_said(call, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        call()
