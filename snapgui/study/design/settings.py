"""What a study is asked: its settings, frozen with the design."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from snapgui.engine.settings import Settings
from snapgui.errors import SettingsError
from snapgui.study.records import KINDS, Kind, Response, Stimulus, Trial, right_choice
from snapgui.words import per_cent


@dataclass(frozen=True)
class ExclusionRule(Settings):
    """When a session is left out of the analysis; written down before the first trial.

    Attributes:
        min_catch_share: least share of obvious pictures found.
        min_repeat_share: least share of repeats answered as the first time.
        fast_ms, max_fast_share: at most this share of the answers may be faster than that.
        min_answered_share: least share of the session's trials answered.
    """

    min_catch_share: float = 0.75
    min_repeat_share: float = 0.0
    fast_ms: float = 200.0
    max_fast_share: float = 0.2
    min_answered_share: float = 1.0

    def __post_init__(self) -> None:
        for name in ("min_catch_share", "min_repeat_share", "max_fast_share", "min_answered_share"):
            self._check_range(name, 0, 1)
        self._check_range("fast_ms", 0, 10_000)


@dataclass(frozen=True)
class StudySettings(Settings):
    """What a study is asked.

    Attributes:
        title: for readers; keep it free of hints.
        seed: of order, lists and opaque names; draw it at random and keep it from readers.
        kind: A, B, C or D, see `records.KIND_WORDS`.
        sessions: how often a reader comes; each time every source is met in another arm.
        washout_days: least time between two sessions.
        repeats: trials of a session that are asked again.
        repeat_gap: least number of trials between a trial and its repeat.
        break_every: trials after which a break is offered.
        exposures_ms: levels of design D.
        margin: a share right (or AUC) up to which the change counts as practically unnoticed, 0.5 being
            chance.
        consent, instructions: shown before the first trial.
        exclusion: the rule for leaving a session out.
    """

    title: str
    seed: int
    kind: Kind = "A"
    sessions: int = 1
    washout_days: int = 14
    repeats: int = 6
    repeat_gap: int = 10
    break_every: int = 40
    exposures_ms: tuple[int, ...] = (250, 1000)
    margin: float = 0.6
    consent: str = ""
    instructions: str = ""
    exclusion: ExclusionRule = field(default_factory=ExclusionRule)

    def __post_init__(self) -> None:
        self._check_choice("kind", KINDS)
        self._check_range("seed", 0, 2**53 - 1)
        self._check_range("sessions", 1, 100)
        self._check_range("washout_days", 0, 3650)
        self._check_range("repeats", 0, 1000)
        self._check_range("repeat_gap", 1, 1000)
        self._check_range("break_every", 1, 10_000)
        self._check_range("margin", 0.5, 1)
        wrong = [
            ms
            for ms in self.exposures_ms
            if isinstance(ms, bool) or not isinstance(ms, int) or not 10 <= ms <= 60_000
        ]
        if wrong or not self.exposures_ms or len(set(self.exposures_ms)) < len(self.exposures_ms):
            raise SettingsError(
                f"The exposures are {list(self.exposures_ms)}; give different whole numbers from 10 "
                "to 60000 ms."
            )

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        parts = {
            "exclusion": ExclusionRule.from_json(values["exclusion"]),
            "exposures_ms": tuple(values["exposures_ms"]),
        }
        return super().from_json(values | parts)


def reasons_to_exclude(
    rule: ExclusionRule,
    trials: Sequence[Trial],
    responses: Sequence[Response],
    stimuli: Mapping[str, Stimulus],
) -> list[str]:
    """Why a rule leaves a session out, in words; none means that it stays."""
    given = {response.trial_index: response for response in responses}
    catch = [
        given[t.index].choice == right_choice(t, stimuli)
        for t in trials
        if t.role == "catch" and t.index in given
    ]
    again = [
        given[t.index].choice == given[t.repeat_of].choice
        for t in trials
        if t.role == "repeat" and t.repeat_of in given and t.index in given and t.repeat_of is not None
    ]
    fast = [r.reaction_ms < rule.fast_ms for r in responses if r.reaction_ms is not None]
    checks = [
        ("obvious pictures found", catch, rule.min_catch_share, None),
        ("repeats answered alike", again, rule.min_repeat_share, None),
        (f"answers faster than {rule.fast_ms:g} ms", fast, None, rule.max_fast_share),
        ("trials answered", [t.index in given for t in trials], rule.min_answered_share, None),
    ]
    return [
        (
            f"{words}: {per_cent(float(np.mean(found)), 0)}, {'at least' if low is not None else 'at most'} "
            f"{per_cent(low if low is not None else high or 0, 0)} asked"
        )
        for words, found, low, high in checks
        if found
        and ((low is not None and np.mean(found) < low) or (high is not None and np.mean(found) > high))
    ]
