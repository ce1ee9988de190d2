"""Frozen records of a reader study: what is shown, to whom, in which trial, and what was answered."""

import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self, get_args

from snapgui.engine.settings import Settings
from snapgui.errors import DataError, SettingsError

Kind = Literal["A", "B", "C", "D"]
Question = Literal["altered", "which", "diagnosis"]
Role = Literal["practice", "main", "catch", "repeat"]
Use = Literal["main", "practice", "catch"]

KINDS: tuple[Kind, ...] = get_args(Kind)
QUESTIONS: tuple[Question, ...] = get_args(Question)
ROLES: tuple[Role, ...] = get_args(Role)
USES: tuple[Use, ...] = get_args(Use)
KIND_WORDS: dict[Kind, str] = {
    "A": "Has this been altered? Yes or no, then a click where",
    "B": "Which of two has been altered?",
    "C": "Diagnosis first, altered or not afterwards",
    "D": "Has this been altered? Shown for a short time",
}
# The second word is what a rating of 4 to 6 says, the first what 1 to 3 says.
CHOICES: dict[Question, tuple[str, str]] = {
    "altered": ("no", "yes"),
    "which": ("left", "right"),
    "diagnosis": ("normal", "metastasis"),
}
RATINGS = 6
MAX_COMMENT = 2000


class StudyError(DataError):
    """A study that does not hold together, or an answer that it cannot take."""


class StoreError(StudyError):
    """The store cannot read or keep anything at the moment: nothing is wrong with what was asked of it."""


@dataclass(frozen=True)
class Arm(Settings):
    """One way in which a picture is shown: ``untouched``, ``SNAP``, ``sham`` or another condition by its
    name.
    """

    name: str
    altered: bool = True


UNTOUCHED, SNAP, SHAM, OBVIOUS = Arm("untouched", False), Arm("SNAP"), Arm("sham"), Arm("obvious")


def stimulus_id(seed: int, use: str, source: str, arm: str) -> str:
    """The opaque name of a picture; keep the seed from readers."""
    return hashlib.sha256(f"{seed}\0{use}\0{source}\0{arm}".encode()).hexdigest()[:16]


def is_stimulus_id(name: str) -> bool:
    """Whether a name has the form of `stimulus_id`."""
    return re.fullmatch("[0-9a-f]{16}", name) is not None


@dataclass(frozen=True)
class Stimulus(Settings):
    """One picture of a study.

    Attributes:
        id: opaque; the only name that a reader's browser sees.
        source: the image that it was made from.
        arm: how it was made.
        truth: class of the source, 0 normal, 1 metastasis; None where it is not known.
        use: ``main``, or the source serves for ``practice`` or as a ``catch``.
        files: SHA-256 by file name: the picture, and the mask that locates the change (never sent to a
            reader).
        details: numbers about it, for the analysis.
    """

    id: str
    source: str
    arm: Arm
    truth: int | None = None
    use: Use = "main"
    files: dict[str, str] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._check_choice("use", USES)

    @property
    def picture(self) -> str:
        """Name of its PNG."""
        return f"{self.id}.png"

    @property
    def mask(self) -> str:
        """Name of its mask's PNG."""
        return f"{self.id}-mask.png"

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        return super().from_json(values | {"arm": Arm.from_json(values["arm"])})


@dataclass(frozen=True)
class Trial(Settings):
    """One question to a reader.

    Attributes:
        index: place in the session, from 0.
        kind: design of the study.
        question: ``altered`` (yes or no), ``which`` (left or right) or ``diagnosis``.
        stimuli: what is shown; two, left and right, for ``which``.
        role: ``practice`` comes first and alone gives feedback; a ``catch`` is obvious; a ``repeat`` measures
            agreement.
        repeat_of: the earlier trial of the session that showed the same.
        exposure_ms: time that it is asked to be shown; None is until the answer.
    """

    index: int
    kind: Kind
    question: Question
    stimuli: tuple[str, ...]
    role: Role = "main"
    repeat_of: int | None = None
    exposure_ms: int | None = None

    @property
    def feedback(self) -> bool:
        """Whether the reader is told the truth afterwards."""
        return self.role == "practice"

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        return super().from_json(values | {"stimuli": tuple(values["stimuli"])})


@dataclass(frozen=True)
class Reader(Settings):
    """A reader: a pseudonym that the tool made, and the list of trials that was assigned. No name is kept."""

    pseudonym: str
    study: str
    list_index: int


@dataclass(frozen=True)
class Response(Settings):
    """An answer.

    Attributes:
        trial_index: the trial that it answers.
        choice: one of the question's two words.
        rating: 1 (surely the first word) to 6 (surely the second); None where only the choice was asked.
        click_x_px, click_y_px: where, in pixels of the picture.
        reaction_ms: by the browser's clock, from the picture to the answer.
        shown_ms: measured exposure.
        comment: free text ("anything unusual?").
    """

    trial_index: int
    choice: str
    rating: int | None = None
    click_x_px: float | None = None
    click_y_px: float | None = None
    reaction_ms: float | None = None
    shown_ms: float | None = None
    comment: str = ""

    def __post_init__(self) -> None:
        for name in ("click_x_px", "click_y_px", "reaction_ms", "shown_ms"):
            value = getattr(self, name)
            if value is not None:
                self._check_range(name, 0, 1e9)
                if not math.isfinite(value):
                    raise SettingsError(f"{name} is {value}; it must be a finite number.")
                object.__setattr__(self, name, float(value))
        if self.rating is not None and (
            isinstance(self.rating, bool) or self.rating not in range(1, RATINGS + 1)
        ):
            raise SettingsError(f"rating is {self.rating}; it must be a whole number from 1 to {RATINGS}.")
        if not isinstance(self.comment, str) or len(self.comment) > MAX_COMMENT or "\0" in self.comment:
            raise SettingsError(
                f"The comment must be text of at most {MAX_COMMENT} characters, without the character 0."
            )


@dataclass(frozen=True)
class ReaderSession:
    """One session of a reader.

    Attributes:
        id: secret address to come back to.
        reader: whose it is.
        number: from 0.
        trials: all of it.
    """

    id: str
    reader: Reader
    number: int
    trials: tuple[Trial, ...]


@dataclass(frozen=True)
class Answer:
    """A stored response with the time at which it came (ISO 8601, UTC)."""

    response: Response
    answered: str


def check_response(trial: Trial, response: Response) -> None:
    """Raise StudyError where an answer does not fit its trial: another word, or a rating missing or at odds
    with the choice.
    """
    words = CHOICES[trial.question]
    if response.choice not in words:
        raise StudyError(
            f"The answer is “{response.choice[:40]}”; trial {trial.index} takes {' or '.join(words)}."
        )
    if response.rating is None:
        if trial.kind in ("A", "C"):
            raise StudyError(
                f"Trial {trial.index} needs a rating from 1 ({words[0]}) to {RATINGS} ({words[1]}); "
                "none came."
            )
    elif (response.rating > RATINGS // 2) != (response.choice == words[1]):
        raise StudyError(
            f"The rating {response.rating} and the answer “{response.choice}” of trial "
            f"{trial.index} say different things."
        )


def right_choice(trial: Trial, stimuli: Mapping[str, Stimulus]) -> str | None:
    """The true answer, or None where the truth is not known."""
    first, second = CHOICES[trial.question]
    if trial.question == "which":
        return second if stimuli[trial.stimuli[1]].arm.altered else first
    shown = stimuli[trial.stimuli[0]]
    if trial.question == "diagnosis":
        return None if shown.truth is None else (first, second)[shown.truth]
    return second if shown.arm.altered else first
