"""The command ``study`` from making to deleting."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from snapgui import cli
from snapgui.engine.images import encode_png
from snapgui.study.records import Response
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
