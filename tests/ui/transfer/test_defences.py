"""The Defences page: a table on disk is told in words and drawn; a new one is asked for and started."""

import json
from pathlib import Path

import pytest

from snapgui.statistics import share
from snapgui.transfer.read import matrices_folder
from snapgui.transfer.run import TransferOutcome, TransferProgress
from snapgui.ui.transfer import defence_ask as ask

NAMES = ["undefended", "JPEG 75"]


def cell(source: str, target: str, count: int) -> dict[str, object]:
    return {
        "preset": "natural",
        "kind": "SNAP",
        "source": source,
        "target": target,
        "flipped": share(count, 100),
        "area": 0.2,
        "mean_de00_mask": 3.1,
        "centre_open": share(80, 100),
    }


@pytest.fixture
def table(own_workspace: Path) -> Path:
    folder = matrices_folder() / "defend-0123456789ab"
    folder.mkdir(parents=True)
    about = {
        "fingerprint": "0123",
        "models": {name: {"sha256": "ab" * 32, "architecture": "resnet50"} for name in NAMES},
        "data": "set",
        "started": "2026-01-02T03:04:05+00:00",
        "settings": {"presets": ["natural"], "together": False, "queries": 0},
        "versions": {"snap-studio": "0.2.0"},
    }
    clean = {
        name: {"accuracy": share(count, 100), "seconds_per_patch": seconds}
        for name, count, seconds in (("undefended", 92, 0.02), ("JPEG 75", 90, 0.03))
    }
    summary = {
        "models": NAMES,
        "sources": NAMES,
        "presets": ["natural"],
        "cells": [
            cell("undefended", "undefended", 95),
            cell("undefended", "JPEG 75", 30),
            cell("JPEG 75", "JPEG 75", 90),
        ],
        "beyond_controls": [],
        "architectures": [],
        "no_room": [],
        "metastases": 120,
        "recognised": dict.fromkeys(NAMES, 110),
        "attacked": 100,
        "clean": clean,
    }
    (folder / "transfer.json").write_text(json.dumps(about), encoding="utf-8")
    (folder / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
    return folder


def test_a_table_says_what_a_defence_is_worth(app, page, text_of, table) -> None:
    app = app.run().switch_page(page("defences")).run()
    said = text_of(app)
    assert "JPEG 75 lets through 30.0 %" in said and "does not stop one who knows it: 90.0 %" in said
    assert "BPDA" in app.code[0].value and "100 metastases that both models recognise" in said
    drawn = app.table[0].value
    row = drawn[drawn["defence"] == "JPEG 75"].iloc[0]
    assert row["time"] == "1.5 x" and row["accuracy"].startswith("90.0 %")
    app.button(key="defend-delete-now").click().run()
    assert not table.exists() and "No table is saved yet" in text_of(app)


def test_what_is_asked_is_what_runs(app, page, small_set, monkeypatch) -> None:
    asked = []

    def run_contest(contest, data, out, settings, **how):
        asked.append((list(contest.models), data, settings))
        yield TransferProgress(0, 2, "natural on JPEG 75", None)
        return TransferOutcome(out / "defend-000000000000", None, {"a": "no space left"})

    monkeypatch.setattr(ask, "run_contest", run_contest)
    app = app.run().switch_page(page("defences")).run()
    assert app.button(key="run_defend").disabled
    app.text_input(key="defend_folder").set_value(str(small_set)).run()
    app.multiselect(key="defend_names").set_value(["jpeg", "bits"]).run()
    app.checkbox(key="defend_search").check().run()
    app.button(key="run_defend").click().run()
    for _ in range(100):
        app.run()
        if app.warning:
            break
    assert "1 part could not be done. The first: no space left" in app.warning[0].value
    ((models, data, settings),) = asked
    assert models == ["undefended", "JPEG 75", "4 bits"] and data == small_set
    assert settings.queries == ask.QUERIES and settings.presets == ("natural", "strong")
