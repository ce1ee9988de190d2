"""What a number of readers and trials can show, in words."""

from dataclasses import replace

import pytest

from snapgui.errors import SettingsError
from snapgui.study.design.planning import Planned, compute_power, power_words
from snapgui.study.statistics.power import detection_power, equivalence_power


def test_power_in_words_is_the_binomial_power() -> None:
    planned = Planned(readers=4, trials=40, reader_correlation=0.0, case_correlation=0.0)
    power = compute_power(planned)
    assert power.independent == 160 and power.found == float(detection_power(160, proportion=0.6)) > 0.8
    assert power.unnoticed == pytest.approx(float(equivalence_power(160, margin=0.1)))
    assert (power.readers_found, power.readers_unnoticed) == (5, 6), "170 and 222 trials, lasting, of 40 each"
    words = " ".join(power_words(planned, power))
    assert (
        "With 4 readers and 40 trials each on SNAP there are 160 answers." in words
        and "true share right of 60 %" in words
    )
    assert (
        f"with a probability of {power.found * 100:.0f} %" in words and "below 60 % (and above 40 %)" in words
    )
    alike = replace(planned, reader_correlation=0.1, case_correlation=0.2)
    assert (
        compute_power(alike).independent == int(160 / (1 + 39 * 0.1 + 3 * 0.2))
        and "as much as" in power_words(alike, compute_power(alike))[0]
    )
    assert "no number of readers is enough" in " ".join(power_words(alike, compute_power(alike)))
    more = compute_power(replace(planned, readers=8))
    assert more.found > power.found and (more.unnoticed or 0) > (power.unnoticed or 0)
    assert (
        "cannot show"
        in power_words(replace(planned, margin=0.5), compute_power(replace(planned, margin=0.5)))[-1]
    )
    with pytest.raises(SettingsError, match="readers is 0"):
        Planned(readers=0)
