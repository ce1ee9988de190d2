"""Answers and designs of a study gone wrong: one sentence, or an analysis of what belongs together."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snapgui.study.analysis.analyse import analyse, analysis_text
from snapgui.study.analysis.rows import check_rows, read_folder, read_rows, tabulate
from snapgui.study.design.freeze import design_text, read_design
from snapgui.study.design.settings import StudySettings
from snapgui.study.design.study import make_study
from snapgui.study.records import (
    OBVIOUS,
    SHAM,
    SNAP,
    UNTOUCHED,
    Answer,
    Reader,
    ReaderSession,
    Stimulus,
    StudyError,
)
from snapgui.study.statistics.estimates import area_parts
from snapgui.study.store.columns import COLUMNS
from snapgui.study.store.export import to_csv, trial_rows
from tests.fuzz.mutations import ABSURD, as_json, bounded, damaged
from tests.study.simulated import answer_trial, details

FILES = ("trials.csv", "design.json")


@pytest.fixture(scope="module")
def exported() -> dict[str, bytes]:
    """A small study, answered by three readers, as its export writes it."""
    arms = {
        "main": (UNTOUCHED, SNAP, SHAM),
        "practice": (UNTOUCHED, SNAP, SHAM),
        "catch": (UNTOUCHED, OBVIOUS),
    }
    stimuli = [
        Stimulus(f"{use}{number}{arm.name}", f"{use}{number}", arm, number % 2, use, {}, details(arm, number))
        for use, own in arms.items()
        for number in range(6 if use == "main" else 2)
        for arm in own
    ]
    study, rng = make_study(stimuli, StudySettings("Which?", seed=1, repeats=0)), np.random.default_rng(0)
    sessions, by_id = [], study.by_id()
    for reader in range(3):
        trials = study.lists[reader][0]
        answers = [
            Answer(answer_trial(one, by_id, rng, 0, dict.fromkeys((s.source for s in stimuli), 0)), "")
            for one in trials
        ]
        sessions.append(
            (ReaderSession(str(reader), Reader(f"READ-{reader}", "s", reader), 0, trials), answers)
        )
    masks = {stimulus.id: np.ones((24, 24), bool) for stimulus in stimuli}
    rows = trial_rows(study, sessions, masks)
    return {"trials.csv": to_csv(list(COLUMNS), rows).encode(), "design.json": design_text(study).encode()}


@st.composite
def other_table(draw: st.DrawFn, table: bytes) -> bytes:
    """A table with a field, a column or a row changed, as others would save it."""
    lines = [line.split(",") for line in table.decode().splitlines()]
    for _ in range(draw(st.integers(1, 3))):
        row = draw(st.integers(0, len(lines) - 1))
        column = draw(st.integers(0, len(lines[row]) - 1))
        how = draw(st.sampled_from(("absurd", "absurd", "other", "gone", "twice", "column")))
        if how == "absurd":
            value = str(draw(st.sampled_from((*ABSURD[:-1], "n/a", "9" * 400, "1e400"))))
            lines[row][column] = value.encode("utf-8", "replace").decode()
        elif how == "other":
            lines[row][column] = lines[draw(st.integers(0, len(lines) - 1))][column % len(lines[0])]
        elif how == "gone":
            del lines[row]
        elif how == "twice":
            lines.insert(row, list(lines[row]))
        else:
            lines = [[value for at, value in enumerate(line) if at != column] for line in lines]
        if not lines or not lines[0]:
            return b""
    return draw(st.sampled_from(("\n", "\r\n"))).join(",".join(line) for line in lines).encode()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    return tmp_path_factory.mktemp("export")


@bounded("studies")
@given(data=st.data())
def test_damaged_answers_are_refused_or_belong_to_their_design(
    door, exported: dict[str, bytes], folder: Path, data: st.DataObject
) -> None:
    files = dict(exported)
    harm = data.draw(
        st.sampled_from(("table", "table", "table", "bytes", "design", "swapped", "large field"))
    )
    if harm == "table":
        files["trials.csv"] = data.draw(other_table(files["trials.csv"]))
    elif harm == "bytes":
        name = data.draw(st.sampled_from(FILES))
        files[name] = data.draw(damaged(files[name]))
    elif harm == "design":
        files["design.json"] = data.draw(as_json(json.loads(files["design.json"])))
    elif harm == "swapped":
        files = dict(zip(FILES, reversed(files.values()), strict=True))
    else:
        files["trials.csv"] += b'"' + b"x" * 200_000
    for name, content in files.items():
        (folder / name).write_bytes(content)
    with door():
        rows, study = read_folder(folder)
        check_rows(rows, study)
        if harm == "design" or not data.draw(st.integers(0, 3)):
            assert analysis_text(analyse(rows, study))
        else:
            tabulate(rows, "altered")


def test_what_was_exported_is_read_as_it_was(exported: dict[str, bytes]) -> None:
    study, _ = read_design(exported["design.json"].decode())
    rows = read_rows(exported["trials.csv"].decode())
    check_rows(rows, study)
    assert (
        len(rows) == 3 * len(study.lists[0][0]) and json.loads(analysis_text(analyse(rows, study)))["answers"]
    )


def test_a_reader_with_too_few_answers_in_an_arm_counts_for_nothing(recwarn) -> None:
    nobody, ratings = np.full(4, np.nan), np.array([1.0, 5, 4, 6])
    placed, beaten = area_parts(np.stack([nobody, ratings]), np.stack([nobody, ratings[::-1]]))
    assert not placed.values[0].any() and not beaten.values[0].any() and not recwarn.list


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("participant_id", None, "has no participant_id"),
        ("altered", 1, "altered"),
        ("source_id", "x", "source"),
    ],
)
def test_a_row_that_lacks_or_contradicts_is_refused(
    exported: dict[str, bytes], column: str, value: object, words: str
) -> None:
    study, _ = read_design(exported["design.json"].decode())
    rows = read_rows(exported["trials.csv"].decode())
    untouched = next(at for at, row in enumerate(rows) if not row["altered"])
    rows[untouched] = rows[untouched] | {column: value}
    with pytest.raises(StudyError, match=words):
        check_rows(rows, study)


def test_an_endless_field_and_an_endless_nesting_are_sentences(exported: dict[str, bytes]) -> None:
    with pytest.raises(StudyError, match="is none of a table"):
        read_rows(exported["trials.csv"].decode() + '"' + "x" * 200_000)
    with pytest.raises(StudyError, match="not the design of a study"):
        read_design("[" * 100_000)
