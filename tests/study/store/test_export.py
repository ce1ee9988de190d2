import csv
import hashlib
import io
import json
import math
import re
import zipfile
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from snapgui.report.study.bundle import study_zip
from snapgui.study.design.freeze import freeze
from snapgui.study.design.study import make_study
from snapgui.study.records import CHOICES, SNAP, UNTOUCHED, Response, StudyError
from snapgui.study.store.columns import COLUMNS
from snapgui.study.store.export import export_files, imrmc_input, to_csv
from snapgui.study.store.store import open_store
from snapgui.words import defuse


@pytest.fixture
def sqlite(tmp_path):
    opened = open_store(f"sqlite:///{tmp_path / 'studies.db'}")
    yield opened
    opened.close()


def read(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode())))


def run_readers(store, folder, count: int = 3, *, comment: str = "") -> str:
    """Readers who see SNAP, miss the sham, click into a cell and answer all."""
    name = store.create_study(folder)
    stimuli = store.study(name).by_id()
    for _ in range(count):
        session = store.begin(store.enrol(name).pseudonym)
        for trial in session.trials:
            arms = [stimuli[name].arm.name for name in trial.stimuli]
            first, second = CHOICES[trial.question]
            yes = arms[-1] != "untouched" if trial.question == "which" else arms[0] in ("SNAP", "obvious")
            store.record(
                session.id,
                Response(
                    trial.index,
                    second if yes else first,
                    6 if yes else 1,
                    4.5 if yes else None,
                    4.5 if yes else None,
                    750.0,
                    comment=comment if trial.index == 0 else "",
                ),
            )
    return name


def test_one_row_per_trial_with_every_column_explained(sqlite, frozen_folder) -> None:
    name = run_readers(sqlite, frozen_folder, comment='=HYPERLINK("x")\nsecond line, "quoted"')
    files = export_files(sqlite, name, frozen_folder)
    rows = read(files["trials.csv"])
    assert list(rows[0]) == list(json.loads(files["trials.json"])) == list(COLUMNS)
    assert (
        len(rows)
        == sum(len(answers) for _, answers in sqlite.sessions(name))
        == 3 * len(sqlite.study(name).lists[0][0])
    )
    assert rows[0]["comment"] == '\'=HYPERLINK("x") second line, "quoted"' and rows[1]["comment"] == "n/a"
    assert {row["response_time"] for row in rows} == {"0.75"} and {row["exposure_asked"] for row in rows} == {
        "n/a"
    }
    for row in rows:
        assert row["correct"] == str(int(row["arm"] != "sham")) and row["altered"] == str(
            int(row["arm"] != "untouched")
        )
        assert row["click_hit"] == ("1" if row["arm"] in ("SNAP", "obvious") else "n/a")
        assert row["excluded"] == "0" and row["exclusion_reasons"] == "n/a"
    assert files["design.json"] == (frozen_folder / "design.json").read_bytes()
    assert export_files(sqlite, name, frozen_folder) == files, "the same answers, the same bytes"


def test_imrmc_has_truth_and_one_score_per_reader_case_and_modality(sqlite, frozen_folder) -> None:
    name = run_readers(sqlite, frozen_folder)
    rows = read(export_files(sqlite, name)["imrmc_altered.csv"])
    truth = {row["caseID"]: row["score"] for row in rows if row["readerID"] == "truth"}
    scores = [row for row in rows if row["readerID"] != "truth"]
    stimuli = sqlite.study(name).by_id()
    assert all(label == str(int(stimuli[case].arm.altered)) for case, label in truth.items())
    assert {row["modalityID"] for row in scores} == {"SNAP", "sham"} and {
        row["caseID"] for row in scores
    } == set(truth)
    keys = [(row["readerID"], row["caseID"], row["modalityID"]) for row in scores]
    assert len(set(keys)) == len(keys) == 3 * (3 + 3 + 2 * 3), "untouched pictures count under both arms"
    assert read(export_files(sqlite, name)["imrmc_diagnosis.csv"]) == []


@pytest.mark.parametrize("kind", ["B", "C", "D"])
def test_every_design_is_exported(sqlite, pictures, settings, tmp_path, kind: str) -> None:
    stimuli, files = pictures(8)
    freeze(make_study(stimuli, replace(settings, kind=kind)), files, tmp_path / kind)
    exported = export_files(sqlite, run_readers(sqlite, tmp_path / kind), tmp_path / kind)
    rows = read(exported["trials.csv"])
    detection, diagnosis = read(exported["imrmc_altered.csv"]), read(exported["imrmc_diagnosis.csv"])
    if kind == "B":
        assert not detection and not diagnosis and {row["trial_type"] for row in rows} == {"which"}
        assert not any(name.endswith(".imrmc") for name in exported)
        assert all(
            row["stim_id"] in (row["stim_left"], row["stim_right"]) and row["altered"] == "1" for row in rows
        )
    elif kind == "C":
        assert {row["modalityID"] for row in diagnosis} == {
            "truth",
            "untouched",
            "SNAP",
            "sham",
        } and detection
        assert {row["correct_response"] for row in rows if row["trial_type"] == "diagnosis"} == {
            "normal",
            "metastasis",
        }
    else:
        assert {row["modalityID"] for row in detection} == {
            "truth",
            *(f"{arm} {ms} ms" for arm in ("SNAP", "sham") for ms in (250, 1000)),
        }
        assert {row["exposure_asked"] for row in rows} == {"0.25", "1.0"}


def load_imrmc(text: str) -> tuple[dict[str, int], list[list[str]]]:
    """As iMRMC's own reader (InputFile.java) does: the sizes that the header gives, and the lines of data
    without white space; raises where it does.
    """
    lines = text.splitlines()
    begin = next(row for row, line in enumerate(lines) if line.upper().startswith("BEGIN DATA:"))
    sizes = {}
    for line in lines[:begin]:
        for name in ("N0", "N1", "NR", "NM"):
            if f"{name}:" in line.upper():
                sizes[name] = int(line[3:].strip())
    rows = [[re.sub(r"\s", "", field) for field in line.split(",")[:4]] for line in lines[begin + 1 :]]
    truth = {case: score for reader, case, _, score in rows if reader == "-1"}
    assert len(truth) == sum(row[0] == "-1" for row in rows), "Duplicate case found"
    read = [row for row in rows if row[0] != "-1"]
    assert {row[1] for row in read} <= set(truth) and set(truth.values()) <= {"0", "1"}, "No truth for case"
    assert len({tuple(row[:3]) for row in read}) == len(read), "Replicate observation found"
    assert all(math.isfinite(float(row[3])) for row in rows)
    found = [list(truth.values()).count(label) for label in "01"]
    found += [len({row[place] for row in read}) for place in (0, 2)]
    assert [sizes[name] for name in ("N0", "N1", "NR", "NM")] == found, "sizes given are not those found"
    return sizes, rows


@pytest.mark.parametrize("question", ["altered", "diagnosis"])
def test_ratings_are_read_by_imrmc_itself(question: str) -> None:
    def row(reader: str, case: str, arm: str, rating: int | None, **more: Any) -> dict[str, Any]:
        return {
            "participant_id": reader,
            "stim_id": case,
            "source_id": case,
            "trial_type": question,
            "role": "main",
            "excluded": 0,
            "rating": rating,
            "altered": int(arm != "untouched"),
            "truth": int(case > "b"),
            "arm": arm,
            "exposure_asked": None,
        } | more

    rows = [
        row(reader, case, arm, rating)
        for reader in ("ABCD-EFGH", "JKLM-NPQR")
        for case, arm, rating in (
            ("a", "untouched", 1),
            ("b1 nm: x", "SNAP, n1: by hand", 5),
            ("c\nBEGIN DATA:", "sham", 2),
        )
    ]
    rows += [row("X", "d", "sham", None), row("X", "d", "sham", 3, excluded=1)]
    numbers, data = load_imrmc(imrmc_input(rows, question))
    known = [line for line in data if line[0] == "-1"]
    scores = [line for line in data if line[0] != "-1"]
    assert numbers["NR"] == 2 and numbers["N0"] + numbers["N1"] == len(known) == 3
    assert numbers["N1"] == sum(int(line[3]) for line in known)
    assert {line[1] for line in known} == {line[1] for line in scores} == {"1", "2", "3"}
    assert numbers["NM"] == len({line[2] for line in scores}) == (2 if question == "altered" else 3)
    assert all(line[2].replace("_", "").isalnum() and 1 <= int(line[3]) <= 6 for line in scores)
    assert len(scores) == len({tuple(line[:3]) for line in scores}), "one score a reader, case and modality"
    assert imrmc_input([], question) == ""


def test_readers_who_withdrew_are_left_out(sqlite, frozen_folder) -> None:
    name = run_readers(sqlite, frozen_folder, 2)
    (gone, _), (stays, _) = sqlite.sessions(name)
    sqlite.note(gone.id, "withdrawn")
    assert {row["participant_id"] for row in read(export_files(sqlite, name)["trials.csv"])} == {
        stays.reader.pseudonym
    }


def test_an_unfinished_session_is_marked_by_the_rule(sqlite, frozen_folder) -> None:
    name = sqlite.create_study(frozen_folder)
    session = sqlite.begin(sqlite.enrol(name).pseudonym)
    sqlite.record(session.id, Response(0, "no", 1))
    files = export_files(sqlite, name)
    (row,) = read(files["trials.csv"])
    assert (
        row["excluded"] == "1"
        and "trials answered" in row["exclusion_reasons"]
        and not read(files["imrmc_altered.csv"])
    )


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@A1", "|x", "%0", " =1", "\t=1", "\r=1", "＝1", "\n@x"]
)
def test_formulas_are_defused(text: str) -> None:
    assert defuse(text).startswith("'")


def test_other_text_stays() -> None:
    assert defuse("dark cell, 3 = three") == "dark cell, 3 = three" and defuse("") == ""
    assert to_csv(["a", "b"], [{"a": None, "b": -1.5}]) == "a,b\nn/a,-1.5\n"


def test_a_changed_mask_is_noticed(sqlite, pictures, settings, tmp_path) -> None:
    stimuli, files = pictures(8, (UNTOUCHED, SNAP))
    freeze(make_study(stimuli, settings), files, tmp_path / "study")
    name = run_readers(sqlite, tmp_path / "study", 1)
    (tmp_path / "study" / "stimuli" / stimuli[0].mask).write_bytes(np.random.default_rng(0).bytes(30))
    with pytest.raises(StudyError, match="was changed"):
        export_files(sqlite, name, tmp_path / "study")


def test_the_zip_holds_every_file_in_order_without_a_date(frozen_folder) -> None:
    store = open_store(f"sqlite:///{frozen_folder.parent / 'one.db'}")
    name = store.create_study(frozen_folder)
    data = study_zip(store, name, frozen_folder)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert {"trials.csv", "trials.json", "design.json", "manifest.json", "SHA256SUMS"} <= set(
            archive.namelist()
        )
        assert {entry.date_time for entry in archive.infolist()} == {
            (1980, 1, 1, 0, 0, 0)
        } and archive.testzip() is None
        assert archive.read("design.json") == (frozen_folder / "design.json").read_bytes()
    again = open_store(f"sqlite:///{frozen_folder.parent / 'one.db'}")
    assert hashlib.sha256(study_zip(again, name, frozen_folder)).digest() == hashlib.sha256(data).digest()
    store.close()
    again.close()
