"""What a reader is asked and told in a trial. Nothing here reaches a browser before its question is due."""

from collections.abc import Mapping
from typing import Any

from snapgui.study.records import CHOICES, Question, Response, Stimulus, Trial, right_choice

_RATINGS: dict[Question, tuple[str, ...]] = {
    "altered": ("surely not", "probably not", "rather not", "rather yes", "probably yes", "surely yes"),
    "diagnosis": (
        "surely normal", "probably normal", "rather normal", "rather metastasis", "probably metastasis", "surely metastasis",
    ),
}
_TITLES: dict[Question, str] = {
    "altered": "Has this picture been altered?", "which": "Which of the two has been altered?", "diagnosis": "Normal or metastasis?",
}
_LABELS: dict[Question, tuple[str, str]] = {"altered": ("No", "Yes"), "which": ("Left", "Right"), "diagnosis": ("Normal", "Metastasis")}


def question_words(trial: Trial) -> dict[str, Any]:
    """What a trial asks, for the browser: the same for every picture of its kind and question.

    ``choices`` are the two answers as stored, ``options`` what stands on the keys: six (rated) or two.
    """
    rated = trial.kind in ("A", "C")
    located = rated and trial.question == "altered"
    diagnosed = trial.question == "diagnosis"
    return {
        "title": _TITLES[trial.question],
        "choices": list(CHOICES[trial.question]),
        "options": list(_RATINGS[trial.question] if rated else _LABELS[trial.question]),
        "where": "Where? Click the place that looks altered most, or move the cross with the arrow keys and press Enter." if located else "",
        "comment": "Anything unusual about this picture? Write it here, or leave it empty; Enter goes on." if diagnosed else "",
    }


def key_words(trial: Trial) -> str:
    """How a trial is answered with the keyboard, as a sentence or two for the instructions."""
    words = CHOICES[trial.question]
    if trial.kind in ("A", "C"):
        said = f"Keys: **1** (surely {words[0]}) to **6** (surely {words[1]})."
        if trial.question == "altered":
            return f"{said} After a yes, the **arrow keys** move a cross (faster with Shift) and **Enter** sets it; a click of the mouse does the same. **Esc** takes the answer back."
        return f"{said} Then a line for remarks; **Enter** goes on, **Esc** takes the answer back."
    said = f"Keys: **←** {words[0]}, **→** {words[1]}."
    return f"{said} **Space** shows the picture: look at the cross when you press it." if trial.kind == "D" else said


def feedback_words(trial: Trial, response: Response, stimuli: Mapping[str, Stimulus]) -> str:
    """What a reader is told after a practice trial; empty where the truth is not known."""
    truth = right_choice(trial, stimuli)
    if truth is None:
        return ""
    right = "Right." if response.choice == truth else "Not so."
    if trial.question == "diagnosis":
        return f"{right} This is {truth}."
    if trial.question == "which":
        return f"{right} The {truth} picture has been altered, where the outline is."
    return f"{right} This picture has been altered, where the outline is." if truth == "yes" else f"{right} This picture is as it was."
