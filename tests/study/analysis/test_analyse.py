"""A whole study analysed from its exported files, against figures computed here by hand."""

import ast
import csv
import io
import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from snapgui.commands.study.analyse import write_analysis
from snapgui.report.study.document import study_document
from snapgui.statistics import wilson_interval
from snapgui.study.analysis import verdict as analysis_words
from snapgui.study.analysis.analyse import analyse, analyse_folder, analyse_store, analysis_text
from snapgui.study.analysis.bounds import bounds_table
from snapgui.study.analysis.details import (
    agreement_table,
    answers_table,
    design_table,
    medians_table,
    pairs_table,
    pictures_tables,
    readers_tables,
    repeats_table,
    sessions_table,
    times_table,
    visibility_table,
)
from snapgui.study.analysis.rows import check_rows, read_rows, read_store
from snapgui.study.analysis.tables import main_table
from snapgui.study.analysis.verdict import verdict
from snapgui.study.records import StudyError
from snapgui.study.store.export import export_files
from snapgui.study.store.store import open_store
from tests.study.simulated import answer_study

ROOT = Path(__file__).resolve().parents[3]
# What no analysis may say: a missing proof is no proof of the opposite.
FORBIDDEN = re.compile(
    r"signific|invisib|imperceptib|indistinguish|undetect|no difference|no effect|prove|not visible|"
    r"cannot (see|tell|be seen)|p ?[<>=] ?0",
    re.IGNORECASE,
)


@pytest.fixture
def sqlite(tmp_path):
    opened = open_store(f"sqlite:///{tmp_path / 'studies.db'}")
    yield opened
    opened.close()


@pytest.fixture
def study_a(sqlite, pictures, settings, tmp_path):
    name = answer_study(sqlite, tmp_path / "a", pictures, settings, careless=True, unfinished=20)
    return sqlite, name, tmp_path / "a"


def csv_rows(store, name, folder) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(export_files(store, name, folder)["trials.csv"].decode())))


def counted(rows, arm: str) -> list[dict[str, str]]:
    return [
        row
        for row in rows
        if row["role"] == "main"
        and row["excluded"] == "0"
        and row["arm"] == arm
        and row["trial_type"] == "altered"
    ]


def test_every_figure_follows_from_the_exported_table(study_a) -> None:
    store, name, folder = study_a
    found, rows = analyse_store(store, name, folder), csv_rows(store, name, folder)
    snap, calm = counted(rows, "SNAP"), counted(rows, "untouched")
    figures = found["detection"]["arms"]["SNAP"]
    hits, alarms = (
        sum(row["response"] == "yes" for row in snap),
        sum(row["response"] == "yes" for row in calm),
    )
    assert (figures["answers"]["hits"], figures["answers"]["false_alarms"]) == (hits, alarms)
    assert figures["hit_rate"]["wilson_interval"] == pytest.approx(wilson_interval(hits, len(snap)))
    scores = [stats.norm.ppf((yes + 0.5) / (of + 1)) for yes, of in ((hits, len(snap)), (alarms, len(calm)))]
    assert figures["pooled"]["d_prime"] == pytest.approx(scores[0] - scores[1]) and figures["pooled"][
        "criterion"
    ] == pytest.approx(-sum(scores) / 2)
    readers = sorted({row["participant_id"] for row in snap})
    areas, each = [], []
    for reader in readers:
        own = [[row for row in kind if row["participant_id"] == reader] for kind in (snap, calm)]
        truth = np.repeat([1, 0], [len(own[0]), len(own[1])])
        areas.append(roc_auc_score(truth, [float(row["rating"]) for kind in own for row in kind]))
        rates = [(sum(row["response"] == "yes" for row in kind) + 0.5) / (len(kind) + 1) for kind in own]
        each.append(stats.norm.ppf(rates[0]) - stats.norm.ppf(rates[1]))
    assert figures["auc"]["estimate"] == pytest.approx(np.mean(areas))
    assert (
        figures["auc"]["by_reader"] == pytest.approx(areas) and figures["auc"]["readers"] == len(readers) == 4
    )
    assert figures["d_prime"]["estimate"] == pytest.approx(np.mean(each)) and figures["d_prime"][
        "by_reader"
    ] == pytest.approx(each)
    pairs = [
        (int(one["rating"]) > int(other["rating"])) + 0.5 * (one["rating"] == other["rating"])
        if one["click_hit"] == "1"
        else 0.0
        for reader in readers
        for one in snap
        for other in calm
        if one["participant_id"] == other["participant_id"] == reader
    ]
    assert (
        figures["lroc"]["estimate"] == pytest.approx(np.mean(pairs))
        and figures["lroc"]["estimate"] < figures["auc"]["estimate"]
    )
    difference = found["detection"]["differences"]["SNAP minus sham"]["auc"]
    assert difference["estimate"] == pytest.approx(
        figures["auc"]["estimate"] - found["detection"]["arms"]["sham"]["auc"]["estimate"]
    )
    assert difference["interval"][0] < difference["estimate"] < difference["interval"][1]
    times = [float(row["response_time"]) for row in snap]
    assert found["reaction_times"]["altered"]["arms"]["SNAP"]["all"]["median"] == pytest.approx(
        np.median(times)
    )
    for figure in (
        figures["auc"],
        figures["d_prime"],
        figures["criterion"],
        figures["hit_rate"]["over_readers"],
    ):
        assert (
            figure["interval"][0]
            < figure["lower"]
            < figure["estimate"]
            < figure["upper"]
            < figure["interval"][1]
        )


def test_who_is_left_out_and_what_is_missing_is_told(study_a) -> None:
    store, name, folder = study_a
    found = analyse_store(store, name, folder)
    careless, unfinished = (one for one in found["sessions"] if one["excluded"])
    reasons = {careless["reasons"].split(":")[0], unfinished["reasons"].split(":")[0]}
    assert "trials answered" in " ".join(reasons) and "obvious pictures found" in " ".join(reasons)
    gaps = [one for one in found["sessions"] if one["missing"]]
    assert (
        len(gaps) == 1
        and gaps[0]["answered"] == 20
        and gaps[0]["missing"] == list(range(20, gaps[0]["trials"]))
    )
    assert (
        "4 readers in 4 sessions count; 2 sessions are left out" in found["verdict"][0]
        and "so far" in found["verdict"][0]
    )
    table = sessions_table(found)
    assert len(table["Reader"]) == 6 and sum(cell.startswith("no: ") for cell in table["Counts"]) == 2
    assert found["repeats"]["altered"]["same_answer"]["of"] == 4 * 2
    assert found["agreement"]["altered"]["fleiss"] is not None and found["agreement"]["altered"]["pairs"]


def test_the_folder_of_an_export_gives_the_same_to_the_letter(study_a, tmp_path) -> None:
    store, name, folder = study_a
    files = export_files(store, name, folder)
    (tmp_path / "export").mkdir()
    for file in ("trials.csv", "design.json"):
        (tmp_path / "export" / file).write_bytes(files[file])
    rows, study = read_store(store, name, folder)
    text = analysis_text(analyse_folder(tmp_path / "export"))
    assert text == analysis_text(analyse(rows, study)) == analysis_text(analyse(list(reversed(rows)), study))
    assert json.loads(text)["study"]["sha256"] == json.loads(files["design.json"])["sha256"]
    measured = analyse_store(store, name, folder)
    assert (
        set(measured["visibility"]["SNAP"]["measures"])
        > set(json.loads(text)["visibility"]["SNAP"]["measures"])
        == {"mean_change_levels"}
    )
    point = measured["visibility"]["SNAP"]["pictures"][0]
    assert point["mask.ssim"] < point["whole.ssim"] and point["of"] <= 4


@pytest.mark.parametrize("kind", ["A", "B", "C", "D"])
def test_the_primary_outcome_of_the_design_leads_what_was_found(
    sqlite, pictures, settings, tmp_path, kind
) -> None:
    name = answer_study(sqlite, tmp_path / kind, pictures, settings, kind=kind)
    found = analyse_store(sqlite, name, tmp_path / kind)
    measure, part = ("right", "choices") if kind == "B" else ("auc", "detection")
    primary = {"arm": "SNAP", "measure": measure, "margin_from": 0.4, "margin_to": 0.6}
    frozen = json.loads((tmp_path / kind / "design.json").read_text(encoding="utf-8"))["study"]
    assert frozen["primary"] == pytest.approx(primary) and "shams" not in frozen
    lead, *others = found["verdict"][1:]
    assert lead.startswith("Primary outcome, named before the first trial: ") and "“SNAP”" in lead
    beside = found[part]["arms"]["SNAP"]["beside_margin"]
    assert (beside["margin_from"], beside["margin_to"]) == pytest.approx((0.4, 0.6)) and "margin of" in lead
    assert not any(sentence.startswith("Primary") for sentence in others)
    assert sum("“SNAP” from" in sentence or "“SNAP” stays" in sentence for sentence in others) == 0
    told = dict(zip(*design_table(found).values(), strict=True))["Primary outcome"]
    assert "of “SNAP” against untouched pictures; from 0.4" in told or "from 40.0 % to 60.0 %" in told
    assert study_document(found).verdict == lead


@pytest.mark.parametrize("kind", ["B", "C", "D"])
def test_every_design_is_analysed(sqlite, pictures, settings, tmp_path, kind) -> None:
    name = answer_study(sqlite, tmp_path / kind, pictures, settings, kind=kind)
    found = analyse_store(sqlite, name, tmp_path / kind)
    rows = [
        row
        for row in csv_rows(sqlite, name, tmp_path / kind)
        if row["role"] == "main" and row["excluded"] == "0"
    ]
    if kind == "B":
        right = [int(row["correct"]) for row in rows if row["arm"] == "SNAP"]
        figures = found["choices"]["arms"]["SNAP"]
        exact = stats.binomtest(sum(right), len(right)).proportion_ci(0.95, method="exact")
        assert (
            figures["right"]["exact_interval"] == pytest.approx((exact.low, exact.high))
            and found["detection"] is None
        )
        assert (
            figures["beside_margin"]["margin_to"] == settings.margin
            and figures["beside_margin_exact"]["level"] == 0.95
        )
        assert found["choices"]["differences"]["SNAP minus sham"]["right"]["readers"] == 6
    elif kind == "C":
        shares = {
            arm: np.mean(
                [
                    int(row["correct"])
                    for row in rows
                    if row["arm"] == arm and row["trial_type"] == "diagnosis"
                ]
            )
            for arm in ("SNAP", "untouched")
        }
        change = found["diagnosis"]["differences"]["SNAP minus untouched"]
        assert (
            change["right"]["estimate"] == pytest.approx(shares["SNAP"] - shares["untouched"])
            and "called_metastasis" in change
        )
        assert found["detection"]["arms"]["SNAP"]["auc"] is not None and any(
            sentence.startswith("Diagnoses") for sentence in found["verdict"]
        )
    else:
        assert [one["exposure_asked_s"] for one in found["by_exposure"]] == [0.25, 1.0]
        assert found["by_exposure"][0]["exposure_shown_s"]["median"] == pytest.approx(0.258)
        total = sum(one["arms"]["SNAP"]["answers"]["altered"] for one in found["by_exposure"])
        assert total == found["detection"]["arms"]["SNAP"]["answers"]["altered"]
    for table in (
        *main_table(found).values(),
        *bounds_table(found).values(),
        *readers_tables(found).values(),
        *pictures_tables(found).values(),
        *(make(found) for make in (agreement_table, answers_table, design_table, medians_table, pairs_table)),
        *(make(found) for make in (repeats_table, sessions_table, times_table, visibility_table)),
    ):
        assert len({len(column) for column in table.values()}) == 1 and table[next(iter(table))]
    json.loads(analysis_text(found))


def test_the_median_time_of_exposure_of_an_even_number_lies_between_the_two_in_the_middle(
    sqlite, pictures, settings, tmp_path
) -> None:
    name = answer_study(sqlite, tmp_path / "D", pictures, settings, kind="D", readers=4)
    rows, study = read_store(sqlite, name, tmp_path / "D")
    own = [row for row in rows if row["role"] == "main" and row["exposure_asked"] == 0.25]
    for number, row in enumerate(own[: len(own) // 2 * 2]):
        row["exposure_shown"] = 0.25 + number / 1000
    own[-1]["excluded"] |= len(own) % 2
    shown = analyse(rows, study)["by_exposure"][0]["exposure_shown_s"]
    assert shown["n"] % 2 == 0 and shown["median"] == pytest.approx((shown["lowest"] + shown["highest"]) / 2)


@pytest.mark.parametrize(("readers", "unfinished"), [(1, None), (2, 12), (0, None), (1, 3)])
def test_few_answers_give_what_they_can(sqlite, pictures, settings, tmp_path, readers, unfinished) -> None:
    name = answer_study(sqlite, tmp_path / "few", pictures, settings, readers=readers, unfinished=unfinished)
    found = analyse_store(sqlite, name, tmp_path / "few")
    json.loads(analysis_text(found))
    main_table(found)
    if readers == 1 and unfinished is None:
        figures = found["detection"]["arms"]["SNAP"]
        assert (
            figures["auc"] is None
            and figures["auc_delong"]["area"] > 0
            and figures["beside_margin"] is not None
        )
        assert "says nothing of other readers" in found["verdict"][1]
    else:
        assert readers == 2 or found["verdict"][1] == "No answer counts yet, so there is nothing to say."


def beside(low: float, high: float) -> dict:
    return {
        "estimate": (low + high) / 2,
        "lower": low,
        "upper": high,
        "margin_from": 0.4,
        "margin_to": 0.6,
        "within": low >= 0.4 and high <= 0.6,
    }


def made(low: float, high: float) -> dict:
    middle = (low + high) / 2
    figure = {"estimate": middle, "interval": [low, high], "readers": 6, "sources": 60, "answers": 240}
    arm = {"auc": figure, "beside_margin": beside(low, high)}
    change = {"SNAP minus sham": {"auc": figure | {"interval": [low - 0.5, high - 0.5]}}}
    return {
        "study": {},
        "sessions": [],
        "detection": {"arms": {"SNAP": arm}, "differences": change},
        "choices": None,
        "diagnosis": None,
    }


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (0.42, 0.58, "both bounds lie within the margin of 0.40 to 0.60"),
        (0.45, 0.7, "this reaches above the margin"),
        (0.62, 0.8, "it lies beyond the margin"),
        (0.3, 0.55, "this reaches below the margin"),
        (0.1, 0.3, "it lies beyond the margin"),
        (0.3, 0.7, "this reaches above the margin"),
    ],
)
def test_the_verdict_is_bounds_and_margins(low, high, words) -> None:
    sentences = verdict(made(low, high))
    assert words in sentences[1] and f"at least {low:.2f} and at most {high:.2f}" in sentences[1]
    opening = (
        "Whether readers tell “SNAP” from untouched pictures stays open" if low < 0.5 < high else "Readers "
    )
    assert sentences[1].startswith(opening) and not any(FORBIDDEN.search(sentence) for sentence in sentences)
    assert ("stays open" in sentences[2]) == (low < 0.5 < high)


def test_no_word_that_an_analysis_can_produce_says_more_than_it_may() -> None:
    paths = [
        *ROOT.glob("snapgui/study/analysis/*.py"),
        *ROOT.glob("snapgui/ui/analysis/*.py"),
        *ROOT.glob("snapgui/report/study/*.py"),
        ROOT / "snapgui/study/statistics/detection.py",
    ]
    assert len(paths) >= 21
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert not FORBIDDEN.search(node.value), (path.name, node.value)
    assert FORBIDDEN.search("not significant, so invisible") and all(
        analysis_words.SOURCES_OF_METHODS.values()
    )


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda text: text.replace("participant_id", "who", 1), "lacks the columns participant_id"),
        (lambda text: text.replace(",6,", ",six,", 1), "something else than a number"),
        (lambda text: text + text.splitlines()[-1] + "\n", "is there twice"),
        (lambda text: text.replace(text.splitlines()[1].split(",")[8], "0" * 16), "does not have"),
        (lambda text: re.sub(r"ses-1", "ses-9", text, count=1), "ses-9, which design.json does not have"),
        (lambda text: text.replace(",yes,", ",perhaps,", 1), "which no study asks"),
    ],
)
def test_a_damaged_table_is_told(study_a, spoil, words) -> None:
    store, name, folder = study_a
    text = export_files(store, name, folder)["trials.csv"].decode()
    with pytest.raises(StudyError, match=words):
        check_rows(read_rows(spoil(text)), store.study(name))


def test_a_folder_without_the_files_is_told(tmp_path) -> None:
    with pytest.raises(StudyError, match=r"no readable trials.csv \(No such file"):
        analyse_folder(tmp_path)


def test_the_command_prints_a_table_and_writes_figures(study_a, tmp_path, capsys, monkeypatch) -> None:
    from snapgui.cli import main

    store, name, _ = study_a
    monkeypatch.setenv("SNAP_DATABASE_URL", str(store.engine.url))
    monkeypatch.setenv("SNAP_WORKSPACE", str(tmp_path / "workspace"))
    assert main(["study", "analyse", name, "--out", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    assert "Area under the ROC curve, mean of the readers" in printed and "SNAP − sham" in printed
    files = {file.name: file.read_bytes() for file in (tmp_path / "out").iterdir()}
    assert {
        "analysis.json",
        "roc.png",
        "roc.svg",
        "arms.png",
        "readers.svg",
        "times.png",
        "agreement.png",
        "visibility.png",
    } <= set(files)
    assert files["roc.png"].startswith(b"\x89PNG") and b"<svg" in files["roc.svg"]
    write_analysis(json.loads(files["analysis.json"]), tmp_path / "again")
    assert {file.name: file.read_bytes() for file in (tmp_path / "again").iterdir()} == files
    assert (
        main(["study", "analyse", "study-000000000000"]) == 2
        and "There is no study" in capsys.readouterr().err
    )
    assert not math.isnan(json.loads(files["analysis.json"])["detection"]["arms"]["SNAP"]["auc"]["estimate"])
