"""What a study is asked: its settings, frozen with the design."""

from dataclasses import dataclass, field
from typing import Any, Self

from snapgui.engine.settings import Settings
from snapgui.errors import SettingsError
from snapgui.study.exclusion import ExclusionRule
from snapgui.study.records import KINDS, Kind


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
        margin: a share right (or AUC) up to which the change counts as practically unnoticed, 0.5 being chance.
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
        wrong = [ms for ms in self.exposures_ms if isinstance(ms, bool) or not isinstance(ms, int) or not 10 <= ms <= 60_000]
        if wrong or not self.exposures_ms or len(set(self.exposures_ms)) < len(self.exposures_ms):
            raise SettingsError(f"The exposures are {list(self.exposures_ms)}; give different whole numbers from 10 to 60000 ms.")

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        parts = {"exclusion": ExclusionRule.from_json(values["exclusion"]), "exposures_ms": tuple(values["exposures_ms"])}
        return super().from_json(values | parts)
