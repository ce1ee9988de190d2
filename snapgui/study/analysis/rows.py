"""The answers of a study as its export holds them: `trials.csv` and `design.json`, checked against each
other.
"""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from snapgui.study.design.freeze import DESIGN_FILE, read_design
from snapgui.study.design.study import Study
from snapgui.study.records import CHOICES, StudyError
from snapgui.study.store.columns import COLUMNS, MISSING, Row
from snapgui.study.store.export import export_files
from snapgui.study.store.store import StudyStore

Floats = NDArray[np.float64]
TRIALS_FILE = "trials.csv"
_WHOLE = (
    "list",
    "trial_index",
    "repeat_of",
    "altered",
    "truth",
    "model_fooled",
    "correct",
    "rating",
    "click_hit",
    "excluded",
)
_BROKEN = ("response_time", "exposure_asked", "exposure_shown", "click_x", "click_y")
_WANTED = (
    "participant_id",
    "session_id",
    "list",
    "trial_index",
    "trial_type",
    "role",
    "repeat_of",
    "stim_id",
    "source_id",
    "arm",
    "altered",
    "truth",
    "response",
    "correct",
    "rating",
    "response_time",
    "exposure_asked",
    "click_hit",
    "excluded",
    "exclusion_reasons",
)
# What every answer has.
_ALWAYS = ("participant_id", "session_id", "trial_index", "source_id", "role", "altered")


@dataclass(frozen=True)
class Table:
    """Answers of one kind, readers by sources, for each arm; NaN where a reader did not see a source in that
    arm.

    ``rating`` is 1 to 6 or NaN, ``second`` 1 where the question's second word was said (yes, metastasis),
    ``correct`` 1 or 0, ``found`` 1 where a click hit the altered cells, ``log_time`` the logarithm of the
    seconds.
    """

    readers: tuple[str, ...]
    sources: tuple[str, ...]
    lists: tuple[int, ...]
    arms: tuple[str, ...]
    altered: tuple[str, ...]
    rating: dict[str, Floats]
    second: dict[str, Floats]
    correct: dict[str, Floats]
    found: dict[str, Floats]
    log_time: dict[str, Floats]


def read_rows(text: str) -> list[Row]:
    """The rows of a `trials.csv` with plain values, None for n/a; raises StudyError with what is wrong in
    which line.
    """
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    rows = []
    try:
        missing = [name for name in _WANTED if name not in (reader.fieldnames or [])]
        if missing:
            raise StudyError(
                f"The table lacks the columns {', '.join(missing)}. Choose the {TRIALS_FILE} of a "
                "study's export."
            )
        for line in reader:
            values = {name: None if line.get(name) in (None, MISSING, "") else line[name] for name in COLUMNS}
            rows.append(
                values
                | {name: _number(values[name], int) for name in _WHOLE}
                | {name: _number(values[name], float) for name in _BROKEN}
            )
    except ValueError as error:
        raise StudyError(
            f"Line {reader.line_num} of the table holds something else than a number ({str(error)[:80]}). "
            "Export the study again."
        ) from error
    except csv.Error as error:
        raise StudyError(
            f"Line {reader.line_num} is none of a table ({error}). Export the study again."
        ) from error
    return rows


def _number(text: str | None, kind: Callable[[float], float]) -> float | None:
    if text is None:
        return None
    value = float(text)
    if not np.isfinite(value):
        raise ValueError(f"{text!r} is not a finite number")
    if kind is int and value != int(value):
        raise ValueError(f"{text!r} is not a whole number")
    return kind(value)


def read_folder(folder: Path) -> tuple[list[Row], Study]:
    """The answers and the design of an exported study; raises StudyError where a file is gone or damaged."""
    found = []
    for name in (TRIALS_FILE, DESIGN_FILE):
        try:
            found.append((folder / name).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise StudyError(
                f"{folder} holds no readable {name} ({getattr(error, 'strerror', None) or 'no text'}). Give "
                "the folder of a study's export, or the name of a study of the store."
            ) from error
    return read_rows(found[0]), read_design(found[1])[0]


def read_store(store: StudyStore, name: str, folder: Path | None = None) -> tuple[list[Row], Study]:
    """The same of a study of the store, by way of the very text that its export writes."""
    files = export_files(store, name, folder)
    return read_rows(files[TRIALS_FILE].decode()), read_design(files[DESIGN_FILE].decode())[0]


def check_rows(rows: Sequence[Row], study: Study) -> None:
    """Raise StudyError where answers do not belong to a design: another picture, list or question, or one
    trial twice.
    """
    stimuli, seen = study.by_id(), set()
    for row in rows:
        empty = next((name for name in _ALWAYS if row[name] is None), None)
        if empty is not None:
            raise StudyError(
                f"A row of {TRIALS_FILE} has no {empty}, which each has. Export the study again."
            )
        key = row["participant_id"], row["session_id"], row["trial_index"]
        if key in seen:
            raise StudyError(f"Trial {key[2]} of {key[0]}, {key[1]}, is there twice. Export the study again.")
        seen.add(key)
        stimulus = stimuli.get(row["stim_id"])
        if stimulus is None or stimulus.arm.name != _undefused(row["arm"], stimulus.arm.name):
            raise StudyError(
                f"{TRIALS_FILE} names the picture {row['stim_id']} ({row['arm']}), which "
                f"{DESIGN_FILE} does not have. Give the two files of one export."
            )
        if (_undefused(row["source_id"], stimulus.source), bool(row["altered"])) != (
            stimulus.source,
            stimulus.arm.altered,
        ):
            raise StudyError(
                f"{TRIALS_FILE} says of the picture {row['stim_id']} what {DESIGN_FILE} does not: its "
                "source or whether it is altered. Give the two files of one export."
            )
        if row["trial_type"] not in CHOICES or row["response"] not in CHOICES[row["trial_type"]]:
            raise StudyError(
                f"Trial {key[2]} of {key[0]} answers “{row['response']}” to “{row['trial_type']}”, "
                "which no study asks. Export it again."
            )
        number = session_of(row)
        lists = study.lists
        if (
            row["list"] is None
            or not 0 <= row["list"] < len(lists)
            or not 0 <= number < len(lists[row["list"]])
        ):
            raise StudyError(
                f"{key[0]} has list {row['list']} and {key[1]}, which {DESIGN_FILE} does not have. "
                "Give the two files of one export."
            )


def _undefused(text: str | None, name: str) -> str | None:
    """A name as it was before the export put a quote in front of it."""
    return name if text == f"'{name}" else text


def session_of(row: Row) -> int:
    """Number of the session, from 0; -1 where it has none."""
    number = str(row["session_id"]).removeprefix("ses-")
    return int(number) - 1 if number.isdecimal() else -1


def tabulate(rows: Sequence[Row], question: str) -> Table | None:
    """The main answers to one question as tables; None where there are none. Excluded sessions stay out."""
    kept = [
        row for row in rows if row["trial_type"] == question and row["role"] == "main" and not row["excluded"]
    ]
    if not kept:
        return None
    readers = sorted({row["participant_id"] for row in kept})
    sources = sorted({row["source_id"] for row in kept})
    order = sorted({(row["altered"], row["arm"] != "SNAP", row["arm"] != "sham", row["arm"]) for row in kept})
    arms = tuple(key[-1] for key in order)
    row_of, column_of = ({name: i for i, name in enumerate(names)} for names in (readers, sources))
    empty = np.full((len(readers), len(sources)), np.nan)
    tables: dict[str, dict[str, Floats]] = {
        what: {arm: empty.copy() for arm in arms}
        for what in ("rating", "second", "correct", "found", "log_time")
    }
    word = CHOICES[question][1]  # type: ignore[index]
    lists = [0] * len(readers)
    for row in kept:
        r, i = row_of[row["participant_id"]], column_of[row["source_id"]]
        lists[r] = row["list"]
        values = {
            "rating": row["rating"],
            "second": int(row["response"] == word),
            "correct": row["correct"],
            "found": row["click_hit"],
            "log_time": np.log(row["response_time"]) if row["response_time"] else None,
        }
        for what, value in values.items():
            # A source that comes again in the same arm counts once, as it was answered first.
            if value is not None and np.isnan(tables[what][row["arm"]][r, i]):
                tables[what][row["arm"]][r, i] = value
    return Table(
        tuple(readers),
        tuple(sources),
        tuple(lists),
        arms,
        tuple(key[-1] for key in order if key[0]),
        **tables,
    )
