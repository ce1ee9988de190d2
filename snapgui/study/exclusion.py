"""The rule by which a reader's session is left out: part of the frozen design, so that it is there before the answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from snapgui.engine.settings import Settings
from snapgui.study.records import Response, Stimulus, Trial, right_choice


@dataclass(frozen=True)
class ExclusionRule(Settings):
    """When a session is left out of the analysis; written down before the first trial.

    Attributes:
        min_catch_share: least share of catch trials answered rightly.
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


def reasons_to_exclude(
    rule: ExclusionRule, trials: Sequence[Trial], responses: Sequence[Response], stimuli: Mapping[str, Stimulus]
) -> list[str]:
    """Why a rule leaves a session out, in words; none means that it stays."""
    given = {response.trial_index: response for response in responses}
    catch = [given[t.index].choice == right_choice(t, stimuli) for t in trials if t.role == "catch" and t.index in given]
    again = [
        given[t.index].choice == given[t.repeat_of].choice
        for t in trials if t.role == "repeat" and t.repeat_of in given and t.index in given and t.repeat_of is not None
    ]
    fast = [r.reaction_ms < rule.fast_ms for r in responses if r.reaction_ms is not None]
    checks = [
        ("catch trials right", catch, rule.min_catch_share, None), ("repeats answered alike", again, rule.min_repeat_share, None),
        (f"answers faster than {rule.fast_ms:g} ms", fast, None, rule.max_fast_share),
        ("trials answered", [t.index in given for t in trials], rule.min_answered_share, None),
    ]
    return [
        f"{words}: {np.mean(found):.0%}, {'at least' if low is not None else 'at most'} {low if low is not None else high:.0%} asked"
        for words, found, low, high in checks
        if found and ((low is not None and np.mean(found) < low) or (high is not None and np.mean(found) > high))
    ]
