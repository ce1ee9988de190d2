"""Finished matrices and defence tables as sections of RESULTS.md."""

import json
from pathlib import Path

import pandas as pd
import pytest

from benchmarks import contests
from snapgui.errors import DataError
from snapgui.transfer.read import read_matrix
from snapgui.transfer.settings import TransferSettings
from snapgui.transfer.summary import summarise

MODELS = ("one", "two")


def rows() -> pd.DataFrame:
    """Four images attacked on two models: always fooled by their own patches, half of them by the other's."""
    return pd.DataFrame(
        {
            "id": str(n),
            "source": source,
            "preset": "natural",
            "kind": "SNAP",
            "target": target,
            "flipped": source == target or n < 2,
            "area": 0.2,
            "mean_de00_mask": 3.0,
            "centre": "open",
        }
        for n in range(4)
        for source in MODELS
        for target in MODELS
    )


def folder_of(kind: str, place: Path, *, finished: bool = True) -> Path:
    folder = place / f"{kind}-0123456789ab"
    folder.mkdir()
    names = MODELS if kind == "transfer" else ("undefended", "JPEG 75")
    table = rows().replace(dict(zip(MODELS, names, strict=True)))
    about = {
        "fingerprint": "0",
        "settings": TransferSettings(split="val_slides", presets=("natural",)).to_json(),
        "models": {name: {"sha256": "ab" * 32, "architecture": "resnet50"} for name in names},
        "data": "hcd",
        "device": "CPU",
        "versions": {"snap-studio": "1"},
        "started": "2026-01-01T00:00:00+00:00",
    }
    clean = {
        name: {
            "accuracy": {"share": 0.9, "count": 9, "of": 10, "interval": [0.6, 0.98]},
            "seconds_per_patch": s,
        }
        for name, s in zip(names, (0.01, 0.02), strict=True)
    }
    summary = summarise(table, list(names), list(names), ["natural"]) | {
        "metastases": 5,
        "recognised": dict.fromkeys(names, 4),
        "attacked": 4,
        "clean": clean if kind == "defend" else {},
    }
    (folder / "transfer.json").write_text(json.dumps(about), encoding="utf-8")
    if finished:
        (folder / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
    return folder


def test_a_matrix_becomes_a_section(tmp_path: Path) -> None:
    name, title, body = contests.section_of(read_matrix(folder_of("transfer", tmp_path)))
    assert name == "transfer-natural" and title == "Transfer between models: `natural`"
    assert "| one | 100.0 % (51.0 to 100.0) | 50.0 % (15.0 to 85.0) |" in body
    assert "4 metastases" in body and "one and two cannot be told apart" in body


def test_a_defence_table_becomes_a_section(tmp_path: Path) -> None:
    name, title, body = contests.section_of(read_matrix(folder_of("defend", tmp_path)))
    assert name == "defend-natural-resnet50-jpeg" and title == "Defences of the resnet50: `natural`"
    assert "| JPEG 75 | 90.0 % (60.0 to 98.0) |" in body and "2.0 x" in body
    assert "does not stop one who knows it" in body


def test_a_search_becomes_a_section_of_its_own(tmp_path: Path) -> None:
    name, title, _ = contests.section_of(read_matrix(folder_of("search", tmp_path)))
    assert name == "search-natural" and title == "Random search by scores alone: `natural`"


def test_an_unfinished_one_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not finished. Run its command again"):
        contests.section_of(read_matrix(folder_of("transfer", tmp_path, finished=False)))


def test_the_section_names_where_its_numbers_come_from(tmp_path, monkeypatch, capsys) -> None:
    written: list[str] = []
    monkeypatch.setattr(contests, "write_section", lambda name, title, body: written.append(body))
    monkeypatch.setattr(
        "sys.argv",
        ["contests.py", str(folder_of("transfer", tmp_path)), "--commit", "abc", "--remark", "so", "--write"],
    )
    contests.main()
    assert "- commit: abc" in written[0] and "- device: CPU" in written[0] and "- remark: so" in written[0]
    assert str(tmp_path) not in written[0] and "Transfer between models" in capsys.readouterr().out
