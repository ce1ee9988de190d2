"""What a planned study can show, in words: the power calculation for a number of readers and of trials."""

from dataclasses import dataclass
from typing import Literal

from snapgui.engine.settings import Settings
from snapgui.errors import SettingsError
from snapgui.study.statistics.power import (
    detection_power,
    detection_trials,
    effective_trials,
    equivalence_power,
    equivalence_trials,
    readers_needed,
)
from snapgui.words import counted, per_cent

POWER = 0.8
Goal = Literal["found", "unnoticed"]


@dataclass(frozen=True)
class Planned(Settings):
    """What is assumed.

    Attributes:
        readers: who take part.
        trials: of each, that speak of the arm in question.
        share: true share right, 0.5 being chance, that the study should be able to find.
        margin: share right up to which a change counts as practically unnoticed.
        reader_correlation, case_correlation: of two answers of one reader, and of two readers' answers to one
            picture.
    """

    readers: int = 6
    trials: int = 40
    share: float = 0.6
    margin: float = 0.6
    reader_correlation: float = 0.02
    case_correlation: float = 0.05

    def __post_init__(self) -> None:
        self._check_range("readers", 1, 10_000)
        self._check_range("trials", 1, 100_000)
        self._check_range("share", 0.51, 0.99)
        self._check_range("margin", 0.5, 0.99)
        self._check_range("reader_correlation", 0, 0.9)
        self._check_range("case_correlation", 0, 0.9)


@dataclass(frozen=True)
class Power:
    """What comes of it.

    Attributes:
        independent: trials that tell as much as all readers' trials together.
        found: probability to find the true share above chance.
        unnoticed: probability to show the share within the margin if readers only guess; None without a
            margin.
        readers_found, readers_unnoticed: readers for a probability of 80 %, or why none are enough.
    """

    independent: int
    found: float
    unnoticed: float | None
    readers_found: int | str
    readers_unnoticed: int | str


def compute_power(planned: Planned) -> Power:
    """Exact binomial power (one-sided, 95 %) for the independent trials that all answers are worth."""
    correlations = {
        "reader_correlation": planned.reader_correlation,
        "case_correlation": planned.case_correlation,
    }
    independent = max(1, int(effective_trials(planned.readers, planned.trials, **correlations)))
    margin = round(planned.margin - 0.5, 9)

    def needed(goal: Goal) -> int | str:
        try:
            if goal == "unnoticed" and margin <= 0:
                return "no margin is set"
            trials = (
                detection_trials(proportion=planned.share, power=POWER)
                if goal == "found"
                else equivalence_trials(margin=margin, power=POWER)
            )
            return readers_needed(trials.lasting, planned.trials, **correlations)
        except SettingsError:
            return (
                "no number of readers is enough, since all see the same few pictures: show more "
                "pictures to each"
            )

    return Power(
        independent,
        float(detection_power(independent, proportion=planned.share)),
        float(equivalence_power(independent, margin=margin)) if margin > 0 else None,
        needed("found"),
        needed("unnoticed"),
    )


def power_words(planned: Planned, power: Power, *, arm: str = "SNAP") -> list[str]:
    """The same as whole sentences."""
    answers = planned.readers * planned.trials
    who = counted(planned.readers, "reader")
    each = "" if planned.readers == 1 else " each"
    worth = (
        f"With {who} and {planned.trials} trials{each} on {arm} there are {answers:,} answers. "
        "Since answers of one reader and answers to one "
        f"picture resemble each other, they tell as much as {power.independent:,} independent ones."
        if power.independent < answers
        else f"With {who} and {planned.trials} trials{each} on {arm} there are {answers:,} answers."
    )
    sentences = [
        worth,
        (
            f"A true share right of {per_cent(planned.share, 0)} would be found to lie above guessing (50 %) "
            f"with a probability of {per_cent(power.found, 0)}.{_needed(power.found, power.readers_found)}"
        ),
    ]
    if power.unnoticed is None:
        return [
            *sentences,
            "Without a margin above 50 % the study cannot show that the change goes unnoticed.",
        ]
    low, high = per_cent(1 - planned.margin, 0), per_cent(planned.margin, 0)
    return [
        *sentences,
        (
            f"If readers only guess, the study would show that their share lies below {high} (and "
            f"above {low}) with a probability of "
            f"{per_cent(power.unnoticed, 0)}.{_needed(power.unnoticed, power.readers_unnoticed)}"
        ),
    ]


def _needed(reached: float, readers: int | str) -> str:
    if isinstance(readers, str):
        return f" For {per_cent(POWER, 0)}, {readers}."
    if reached >= POWER:
        return (
            f" For {per_cent(POWER, 0)}, {counted(readers, 'reader')} {'is' if readers == 1 else 'are'} "
            "enough."
        )
    return f" For {per_cent(POWER, 0)} it takes {counted(readers, 'reader')}."
