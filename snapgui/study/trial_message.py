"""What a browser gets to know of a trial: its question and its pixels. Nothing in it depends on arm, source or role."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snapgui.study.frozen import read_file
from snapgui.study.reader_flow import find_progress
from snapgui.study.reader_words import feedback_words, question_words
from snapgui.study.records import Response, Stimulus, Trial
from snapgui.study.store import Sitting


def trial_message(sitting: Sitting, trial: Trial, pictures: Sequence[bytes]) -> dict[str, Any]:
    """A trial as the browser gets it.

    No name of a stimulus is in it: it would be the same for every reader, and so could be passed on. ``session`` merely
    tells one session's unsent answer from another's.
    """
    progress = find_progress(sitting.trials, trial.index)
    return {
        "session": hashlib.sha256(f"unsent\0{sitting.id}".encode()).hexdigest()[:16],
        "trial": trial.index,
        "done": progress.done,
        "total": progress.total,
        "practice": progress.practice,
        "exposure_ms": trial.exposure_ms,
        "ask": question_words(trial),
        "pictures": ["data:image/png;base64," + base64.b64encode(data).decode("ascii") for data in pictures],
    }


def read_pictures(folder: Path, trial: Trial, stimuli: Mapping[str, Stimulus]) -> list[bytes]:
    """The very bytes of a trial's stimuli, checked against the frozen design; raises StudyError where one was changed."""
    return [read_file(folder, stimuli[name], stimuli[name].picture) for name in trial.stimuli]


def feedback_message(
    trial: Trial, response: Response, stimuli: Mapping[str, Stimulus], masks: Sequence[NDArray[np.bool_] | None]
) -> dict[str, Any] | None:
    """What a practice trial tells after its answer, None where it has nothing to tell; ``masks`` are the pictures' own."""
    words = feedback_words(trial, response, stimuli) if trial.feedback else ""
    if not words:
        return None
    altered = [stimuli[name].arm.altered and trial.question != "diagnosis" for name in trial.stimuli]
    outlines = [outline_path(mask) if show and mask is not None else "" for show, mask in zip(altered, masks, strict=True)]
    return {"trial": trial.index, "words": words, "outlines": outlines}


def outline_path(mask: NDArray[np.bool_]) -> str:
    """The edges of a mask bool ``(H, W)`` as an SVG path in its pixels: one line per run of edge."""
    inside = np.pad(mask, 1)
    level = inside[1:, 1:-1] != inside[:-1, 1:-1]
    upright = inside[1:-1, 1:] != inside[1:-1, :-1]
    parts = [f"M{start} {y}h{length}" for y, row in enumerate(level) for start, length in _runs(row)]
    parts += [f"M{x} {start}v{length}" for x, column in enumerate(upright.T) for start, length in _runs(column)]
    return "".join(parts)


def _runs(line: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Start and length of every run of true."""
    steps = np.flatnonzero(np.diff(np.concatenate(([False], line, [False])).astype(np.int8)))
    return [(int(start), int(end - start)) for start, end in zip(steps[::2], steps[1::2], strict=True)]
