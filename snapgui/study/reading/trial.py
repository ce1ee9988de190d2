"""What a browser gets to know of a trial: its question and its pixels. Nothing in it depends on arm, source
or role.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snapgui.study.design.freeze import read_file
from snapgui.study.reading.steps import find_progress
from snapgui.study.records import CHOICES, Question, ReaderSession, Response, Stimulus, Trial, right_choice


def trial_message(session: ReaderSession, trial: Trial, pictures: Sequence[bytes]) -> dict[str, Any]:
    """A trial as the browser gets it.

    No name of a stimulus is in it: it would be the same for every reader, and so could be passed on.
    ``session`` merely tells one session's unsent answer from another's.
    """
    progress = find_progress(session.trials, trial.index)
    return {
        "session": hashlib.sha256(f"unsent\0{session.id}".encode()).hexdigest()[:16],
        "trial": trial.index,
        "done": progress.done,
        "total": progress.total,
        "practice": progress.practice,
        "exposure_ms": trial.exposure_ms,
        "ask": question_words(trial),
        "pictures": ["data:image/png;base64," + base64.b64encode(data).decode("ascii") for data in pictures],
    }


def read_pictures(folder: Path, trial: Trial, stimuli: Mapping[str, Stimulus]) -> list[bytes]:
    """The very bytes of a trial's stimuli, checked against the frozen design; raises StudyError where one was
    changed.
    """
    return [read_file(folder, stimuli[name], stimuli[name].picture) for name in trial.stimuli]


def feedback_message(
    trial: Trial,
    response: Response,
    stimuli: Mapping[str, Stimulus],
    masks: Sequence[NDArray[np.bool_] | None],
) -> dict[str, Any] | None:
    """What a practice trial tells after its answer, None where it has nothing to tell; ``masks`` are the
    pictures' own.
    """
    words = feedback_words(trial, response, stimuli) if trial.feedback else ""
    if not words:
        return None
    altered = [stimuli[name].arm.altered and trial.question != "diagnosis" for name in trial.stimuli]
    outlines = [
        outline_path(mask) if show and mask is not None else ""
        for show, mask in zip(altered, masks, strict=True)
    ]
    return {"trial": trial.index, "words": words, "outlines": outlines}


def outline_path(mask: NDArray[np.bool_]) -> str:
    """The edges of a mask bool ``(H, W)`` as an SVG path in its pixels: one line per run of edge."""
    inside = np.pad(mask, 1)
    level = inside[1:, 1:-1] != inside[:-1, 1:-1]
    upright = inside[1:-1, 1:] != inside[1:-1, :-1]
    parts = [f"M{start} {y}h{length}" for y, row in enumerate(level) for start, length in _runs(row)]
    parts += [
        f"M{x} {start}v{length}" for x, column in enumerate(upright.T) for start, length in _runs(column)
    ]
    return "".join(parts)


def _runs(line: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Start and length of every run of true."""
    steps = np.flatnonzero(np.diff(np.concatenate(([False], line, [False])).astype(np.int8)))
    return [(int(start), int(end - start)) for start, end in zip(steps[::2], steps[1::2], strict=True)]


_RATINGS: dict[Question, tuple[str, ...]] = {
    "altered": ("surely not", "probably not", "rather not", "rather yes", "probably yes", "surely yes"),
    "diagnosis": (
        "surely normal",
        "probably normal",
        "rather normal",
        "rather metastasis",
        "probably metastasis",
        "surely metastasis",
    ),
}
_TITLES: dict[Question, str] = {
    "altered": "Has this picture been altered?",
    "which": "Which of the two has been altered?",
    "diagnosis": "Normal or metastasis?",
}
_LABELS: dict[Question, tuple[str, str]] = {
    "altered": ("No", "Yes"),
    "which": ("Left", "Right"),
    "diagnosis": ("Normal", "Metastasis"),
}


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
        "where": (
            "Where? Click the place that looks altered most, or move the cross with the arrow keys and "
            "press Enter."
        )
        if located
        else "",
        "comment": "Anything unusual about this picture? Write it here, or leave it empty; Enter continues."
        if diagnosed
        else "",
    }


def key_words(trial: Trial) -> str:
    """How a trial is answered with the keyboard, as a sentence or two for the instructions."""
    words = CHOICES[trial.question]
    if trial.kind in ("A", "C"):
        said = f"Keys: **1** (surely {words[0]}) to **6** (surely {words[1]})."
        if trial.question == "altered":
            return (
                f"{said} After a yes, the **arrow keys** move a cross (faster with Shift) and **Enter** "
                "sets it; a click of the mouse does the same. **Esc** takes the answer back."
            )
        return f"{said} Then a line for remarks; **Enter** continues, **Esc** takes the answer back."
    said = f"Keys: **←** {words[0]}, **→** {words[1]}."
    return (
        f"{said} **Space** shows the picture: look at the cross when you press it."
        if trial.kind == "D"
        else said
    )


def feedback_words(trial: Trial, response: Response, stimuli: Mapping[str, Stimulus]) -> str:
    """What a reader is told after a practice trial; empty where the truth is not known."""
    truth = right_choice(trial, stimuli)
    if truth is None:
        return ""
    correct = response.choice == truth
    if trial.question == "diagnosis":
        return f"{'Correct.' if correct else 'No.'} This is {truth}."
    if trial.question == "which":
        first = "Correct." if correct else "No, that one was not altered."
        return f"{first} The {truth} picture has been altered, where the outline is."
    if truth == "yes":
        return f"{'Correct.' if correct else 'No.'} This picture has been altered, where the outline is."
    return "Correct. This picture was not altered." if correct else "No, that one was not altered."
