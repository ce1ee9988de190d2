"""The command ``study`` from making to deleting, the power calculation in words, and the ZIP whose bytes are
the answers'.
"""

import hashlib
import io
import json
import os
import re
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from snapgui import cli
from snapgui.engine.images import encode_png
from snapgui.errors import SettingsError
from snapgui.report.study.bundle import study_zip
from snapgui.study.design.planning import Planned, compute_power, power_words
from snapgui.study.design.settings import ExclusionRule
from snapgui.study.design.texts import CONTACT, SECOND_PART, consent_text, exclusion_words, instructions_text
from snapgui.study.records import KINDS, Response
from snapgui.study.statistics.power import detection_power, equivalence_power
from snapgui.study.store.folders import study_folder
from snapgui.study.store.store import open_store

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def pairs(tmp_path, draw_source) -> Path:
    folder = tmp_path / "pairs"
    for place in ("untouched", "altered", "mask"):
        (folder / place).mkdir(parents=True)
    for i in range(10):
        source = draw_source(f"p{i}")
        for place, pixels in (
            ("untouched", source.pixels),
            ("altered", source.snap),
            ("mask", source.mask.astype(np.uint8) * 255),
        ):
            (folder / place / f"p{i}.png").write_bytes(encode_png(pixels))
    return folder


@pytest.fixture(autouse=True)
def no_other_database(monkeypatch) -> None:
    monkeypatch.delenv("SNAP_DATABASE_URL", raising=False)


def new(pairs: Path, *more: str) -> int:
    return cli.main(["study", "new", "--pairs", str(pairs), "--no-model", "--seed", "5", *more])


def test_a_study_is_made_listed_exported_and_deleted(pairs, tmp_path, capsys) -> None:
    (tmp_path / "consent.txt").write_text("I agree.\n", encoding="utf-8")
    assert (
        new(
            pairs,
            "--title",
            "Fields",
            "--consent",
            str(tmp_path / "consent.txt"),
            "--practice",
            "1",
            "--catch",
            "1",
            "--repeats",
            "2",
        )
        == 0
    )
    said = capsys.readouterr().out
    name = re.search(r"study-[0-9a-f]{12}", said).group()
    assert "design A, 8 pictures in 3 arms, 6 lists of 12 trials" in said and f"?study={name}" in said
    design = json.loads((study_folder(name) / "design.json").read_text(encoding="utf-8"))
    assert design["sha256"] in said and design["study"]["settings"]["consent"] == "I agree."
    store = open_store()
    session = store.begin(store.enrol(name).pseudonym)
    assert [trial.role for trial in session.trials].count("main") == 8
    for trial in session.trials:
        store.record(session.id, Response(trial.index, "yes", 6, 3.0, 3.0, 800.0, comment="=1+1"))
    assert cli.main(["study", "list"]) == 0
    assert re.search(
        rf"{name}  \d{{4}}-\d\d-\d\d  design A  1 readers, 1 sessions done, 12 answers  Fields",
        capsys.readouterr().out,
    )
    for file in ("one.zip", "two.zip"):
        assert cli.main(["study", "export", name, "--out", str(tmp_path / file)]) == 0
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    capsys.readouterr()
    for more in ([], ["--title", "Field"]):
        assert cli.main(["study", "delete", name, *more]) == 2
        assert "has 12 answers of 1 readers" in capsys.readouterr().err and study_folder(name).is_dir()
    assert cli.main(["study", "delete", name, "--title", "Fields"]) == 0
    assert "with 12 answers" in capsys.readouterr().out and not study_folder(name).exists()
    assert cli.main(["study", "list"]) == 0 and "no study yet" in capsys.readouterr().out
    assert (
        new(
            pairs,
            "--title",
            "Fields",
            "--consent",
            str(tmp_path / "consent.txt"),
            "--practice",
            "1",
            "--catch",
            "1",
            "--repeats",
            "2",
        )
        == 2
    )
    assert "was deleted on" in capsys.readouterr().err and not study_folder(name).exists(), (
        "the same design does not come back"
    )
    store.close()


def test_what_is_left_open_is_suggested(pairs, capsys) -> None:
    assert new(pairs, "--design", "B") == 0
    said = capsys.readouterr()
    assert "8 pictures in 3 arms, 8 lists of 11 trials (about 1 min a session)" in said.out
    assert "names no investigator" in said.err and "no folder" not in said.err


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["--arms", "blur"], "“blur” cannot be had"),
        (["--practice", "5", "--catch", "5"], "10 pictures, and 10 are asked"),
        (["--repeats", "8"], "repeats at least"),
        (["--sessions", "9"], "9 sessions are asked"),
        (["--margin", "2"], "margin is 2"),
        (["--exposures", "5", "--design", "D"], "whole numbers from 10 to 60000"),
        (["--consent", "/no/such/file"], "cannot be read as text"),
        (["--min-catch", "75"], "min_catch_share is 75"),
        (["--seed", "-1"], "seed is -1"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_2(
    pairs, capsys, own_workspace, more: list[str], sentence: str
) -> None:
    assert new(pairs, *more) == 2
    said = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("note: ")]
    assert len(said) == 1 and said[0].startswith("snap: ") and sentence in said[0]
    assert not (own_workspace / "studies").exists() or not list((own_workspace / "studies").iterdir()), (
        "something was half written"
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["export", "study-0", "--out", "x.zip"], "no study “study-0”"),
        (["delete", "study-0"], "no study “study-0”"),
        (["power", "--share", "0.5"], "share is 0.5"),
        (["power", "--readers", "0"], "readers is 0"),
        (["new", "--runs", "nowhere"], "not the folder of a saved run"),
        (["new", "--audit", "nowhere"], "not the folder of an audit"),
        (["new", "--pairs", "nowhere"], "is not a folder"),
    ],
)
def test_other_bad_input_too(capsys, arguments: list[str], sentence: str) -> None:
    assert cli.main(["study", *arguments]) == 2
    said = capsys.readouterr().err
    assert said.startswith("snap: ") and said.count("\n") == 1 and sentence in said


def test_the_zip_holds_every_file_in_order_without_a_date(frozen_folder) -> None:
    store = open_store()
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
    again = open_store()
    assert hashlib.sha256(study_zip(again, name, frozen_folder)).digest() == hashlib.sha256(data).digest()
    for one in (store, again):
        one.close()


def test_power_in_words_is_the_binomial_power() -> None:
    planned = Planned(readers=4, trials=40, reader_correlation=0.0, case_correlation=0.0)
    power = compute_power(planned)
    assert power.independent == 160 and power.found == float(detection_power(160, proportion=0.6)) > 0.8
    assert power.unnoticed == pytest.approx(float(equivalence_power(160, margin=0.1)))
    assert (power.readers_found, power.readers_unnoticed) == (5, 6), "170 and 222 trials, lasting, of 40 each"
    words = " ".join(power_words(planned, power))
    assert (
        "With 4 readers and 40 trials each on SNAP there are 160 answers." in words
        and "true share right of 60 %" in words
    )
    assert (
        f"with a probability of {power.found * 100:.0f} %" in words and "below 60 % (and above 40 %)" in words
    )
    alike = replace(planned, reader_correlation=0.1, case_correlation=0.2)
    assert (
        compute_power(alike).independent == int(160 / (1 + 39 * 0.1 + 3 * 0.2))
        and "as much as" in power_words(alike, compute_power(alike))[0]
    )
    assert "no number of readers is enough" in " ".join(power_words(alike, compute_power(alike)))
    more = compute_power(replace(planned, readers=8))
    assert more.found > power.found and (more.unnoticed or 0) > (power.unnoticed or 0)
    assert (
        "cannot show"
        in power_words(replace(planned, margin=0.5), compute_power(replace(planned, margin=0.5)))[-1]
    )
    with pytest.raises(SettingsError, match="readers is 0"):
        Planned(readers=0)


def test_texts_hint_at_nothing_before_a_diagnosis() -> None:
    for kind in KINDS:
        both = f"{consent_text(kind)} {instructions_text(kind)}"
        assert CONTACT in both and "eight letters" in both
        assert ("alter" in both or "changed the colours" in both) == (kind != "C")
    assert "changed the colours" in SECOND_PART
    assert exclusion_words(ExclusionRule()) == (
        "A session is left out if fewer than 75 % of the obvious pictures were found, more than 20 % of the "
        "answers came faster than 200 ms or not every trial was answered."
    )
    assert exclusion_words(ExclusionRule(0, 0, 0, 1, 0)) == "No session is left out."


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_many_readers_lose_no_answer_though_the_programs_are_killed_ten_times(database: str) -> None:
    """The full size, 200 readers of 60 trials and all processes killed at once, is the benchmark's
    default.
    """
    if database == "postgresql" and not os.environ.get("SNAP_TEST_DATABASE_URL"):
        pytest.skip("SNAP_TEST_DATABASE_URL is not set: no PostgreSQL")
    options = [
        "--one",
        "--readers",
        "12",
        "--trials",
        "24",
        *(["--postgresql"] if database == "postgresql" else []),
    ]
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "study_store.py"), *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert (figures["database"], figures["processes"], figures["kills"]) == (database, 8, 10)
    assert figures["lost"] == figures["doubled"] == figures["wrong"] == 0 and figures["resent"] > 0
