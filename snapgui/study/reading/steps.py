"""Where a reader is in a session: worked out from what the store holds, so that a reload or a killed server
loses nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from snapgui.engine.visibility.display import Display
from snapgui.errors import SettingsError
from snapgui.study.records import ReaderSession, Response, StudyError, Trial
from snapgui.study.store.store import StudyStore

Step = Literal["consent", "display", "instructions", "second_part", "break", "trial", "thanks", "withdrawn"]
Events = Sequence[tuple[str, Mapping[str, Any]]]

CARD_MM = 85.60  # a bank card's width, ISO/IEC 7810 ID-1
# A picture spans at most so much, so that an eye takes it in without the head being moved.
MOST_DEGREES = 20.0


@dataclass(frozen=True)
class Progress:
    """How far a reader is: ``done`` of ``total`` trials, of the practice or of those that count."""

    done: int
    total: int
    practice: bool


def find_step(trials: Sequence[Trial], following: Trial | None, events: Events, *, break_every: int) -> Step:
    """What a reader sees next.

    Args:
        trials: of the session.
        following: the first without an answer, None at the end.
        events: of the session, see `store.EVENTS`.
        break_every: trials after which a break is offered.
    """
    kinds = {kind for kind, _ in events}
    if "withdrawn" in kinds:
        return "withdrawn"
    if following is None:
        return "thanks"
    if "consent" not in kinds:
        return "consent"
    if "display" not in kinds:
        return "display"
    parts = {data.get("part", 1) for kind, data in events if kind == "instructions"}
    if not parts:
        return "instructions"
    if following.kind == "C" and following.question == "altered" and 2 not in parts:
        return "second_part"
    taken = {data.get("before") for kind, data in events if kind == "break"}
    if is_break_due(trials, following.index, every=break_every) and following.index not in taken:
        return "break"
    return "trial"


def is_break_due(trials: Sequence[Trial], index: int, *, every: int) -> bool:
    """Whether a break stands before a trial: after so many that count, but not beside practice or another
    question, nor near the end.
    """
    if (
        index == 0
        or trials[index].role == "practice"
        or trials[index - 1].role == "practice"
        or trials[index - 1].question != trials[index].question
    ):
        return False
    count = [trial.index for trial in trials if trial.role != "practice"]
    done = sum(i < index for i in count)
    return done % every == 0 and len(count) - done >= every / 4


def find_progress(trials: Sequence[Trial], index: int) -> Progress:
    """How far a reader is before trial ``index``; practice is counted by itself, each part's own."""
    trial = trials[index]
    if trial.role == "practice":
        alike = [
            other.index for other in trials if other.role == "practice" and other.question == trial.question
        ]
    else:
        alike = [other.index for other in trials if other.role != "practice"]
    return Progress(sum(i < index for i in alike), len(alike), trial.role == "practice")


def read_answer(trials: Sequence[Trial], payload: Any) -> Response:
    """The answer that a browser sent; raises StudyError where it is none.

    ``payload`` holds ``trial`` and ``choice``, and where they apply ``rating``, ``x`` and ``y`` (pixels of
    the picture), ``reaction_ms``, ``shown_ms`` and ``comment``.
    """
    if not isinstance(payload, dict) or not isinstance(payload.get("choice"), str):
        raise StudyError("What the browser sent is not an answer. Reload the page to continue.")
    index = payload.get("trial")
    if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < len(trials):
        raise StudyError(
            f"The answer names the trial {str(index)[:20]}; this session has {len(trials)}. Reload "
            "the page to continue."
        )
    try:
        return Response(
            index,
            payload["choice"],
            payload.get("rating"),
            payload.get("x"),
            payload.get("y"),
            payload.get("reaction_ms"),
            payload.get("shown_ms"),
            payload.get("comment") or "",
        )
    except SettingsError as error:
        raise StudyError(str(error)) from error


def read_screen(payload: Any) -> dict[str, Any]:
    """How a picture was shown, as the browser measured it: numbers and truths of known names alone."""
    names = ("trial", "asked_ms", "shown_ms", "frame_ms", "zoom", "device_pixel_ratio", "hidden")
    values = payload if isinstance(payload, dict) else {}
    return {name: values[name] for name in names if isinstance(values.get(name), (int, float))}


def read_display(payload: Any) -> dict[str, Any]:
    """What a display check found, ready to be kept; raises StudyError with a sentence where the numbers
    cannot be.

    ``payload`` holds ``card_px`` (CSS pixels that equal a bank card's width), ``device_pixel_ratio``,
    ``distance_mm`` and the sizes of screen and window; without ``card_px`` the reader had no card, and common
    sizes are assumed.
    """
    values = payload if isinstance(payload, dict) else {}
    names = (
        "card_px",
        "device_pixel_ratio",
        "distance_mm",
        "screen_width",
        "screen_height",
        "window_width",
        "window_height",
    )
    said = {
        name: float(values[name])
        for name in names
        if isinstance(values.get(name), (int, float)) and not isinstance(values[name], bool)
    }
    try:
        if "card_px" in said:
            ratio, distance = said.get("device_pixel_ratio", 1.0), said.get("distance_mm", 0.0)
            display = Display.of_screen(
                width_mm=CARD_MM,
                width_px=max(0, round(said["card_px"] * ratio)),
                distance_mm=distance,
                zoom=1,
            )
        else:
            display = Display(zoom=1)
    except (SettingsError, OverflowError, ValueError) as error:
        raise StudyError(
            "These sizes of a screen cannot be. "
            f"{error if isinstance(error, SettingsError) else 'Measure again.'}"
        ) from error
    return said | {
        "measured": display.measured,
        "distance_mm": display.distance_mm,
        "pitch_mm": display.pitch_mm,
        "pixels_per_degree": display.pixels_per_degree,
    }


def largest_picture_px(events: Events) -> float | None:
    """The side up to which a picture may be enlarged on the screen that a reader measured last, in the
    browser's own pixels; None where none was measured.
    """
    found = next((dict(data) for kind, data in reversed(events) if kind == "display"), {})
    if not found.get("measured") or not found.get("pixels_per_degree"):
        return None
    return float(MOST_DEGREES * found["pixels_per_degree"] / (found.get("device_pixel_ratio") or 1.0))


def with_dash(letters: str) -> str:
    """A reader's letters as the store knows them, however they were typed."""
    plain = "".join(letters.upper().replace("-", "").split())
    return f"{plain[:4]}-{plain[4:]}" if len(plain) == 8 else letters.strip()


def begin_session(store: StudyStore, study: str, letters: str | None) -> ReaderSession:
    """The session of a new reader (no letters), or of one who was here before.

    Raises:
        StudyError: no such reader in this study, all sessions done, or the washout is not over.
    """
    if letters is None:
        return store.begin(store.enrol(study).pseudonym)
    if all(reader.pseudonym != letters for reader in store.readers(study)):
        raise StudyError(
            f"There is no reader “{letters[:20]}” in this study. Check the letters, or begin as a new reader."
        )
    return store.begin(letters)
