"""The Transfer page: a matrix on disk is drawn, told and taken away; a new one is asked for and started."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from snapgui.errors import DataError
from snapgui.transfer import words
from snapgui.transfer.defence_words import defence_rows
from snapgui.transfer.read import delete_matrix, find_matrices, matrices_folder, read_matrix
from snapgui.transfer.run import TransferOutcome, TransferProgress
from snapgui.transfer.words import transfer_csv
from snapgui.ui.transfer import ask
from snapgui.ui.transfer.chart import matrix_chart


def share(count: int, of: int) -> dict[str, object]:
    return {"count": count, "of": of, "share": count / of, "interval": [count / of - 0.1, count / of + 0.1]}


def summary_of(models: list[str]) -> dict[str, object]:
    cells = [
        {
            "preset": "natural",
            "kind": kind,
            "source": source,
            "target": target,
            "flipped": share(90 if source == target and kind == "SNAP" else 10, 100),
            "area": 0.2,
            "mean_de00_mask": 3.1,
            "centre_open": share(80, 100),
        }
        for kind in ("SNAP", "sham")
        for source in models
        for target in models
    ]
    return {
        "models": models,
        "sources": models,
        "presets": ["natural"],
        "cells": cells,
        "beyond_controls": [],
        "architectures": [
            {
                "preset": "natural",
                "first": models[0],
                "second": models[1],
                "difference": 0.2,
                "interval": [0.1, 0.3],
                "images": 100,
            }
        ],
        "no_room": [],
        "metastases": 120,
        "recognised": dict.fromkeys(models, 110),
        "attacked": 100,
        "clean": {},
    }


@pytest.fixture
def matrix(own_workspace: Path) -> Path:
    folder = matrices_folder() / "transfer-0123456789ab"
    folder.mkdir(parents=True)
    models = ["cnn", "<b>vit</b>"]
    about = {
        "fingerprint": "0123",
        "models": {name: {"sha256": "ab" * 32, "architecture": "resnet50"} for name in models},
        "data": "set",
        "started": "2026-01-02T03:04:05+00:00",
        "settings": {"presets": ["natural"], "together": False},
        "versions": {"snap-studio": "0.2.0"},
    }
    (folder / "transfer.json").write_text(json.dumps(about), encoding="utf-8")
    (folder / "summary.json").write_text(json.dumps(summary_of(models)), encoding="utf-8")
    return folder


def test_a_matrix_is_drawn_told_and_taken_away(app, page, matrix) -> None:
    app = app.run().switch_page(page("transfer")).run()
    assert not app.exception
    shown = " ".join(element.value for element in [*app.caption, *app.markdown, *app.code])
    assert "100 metastases that both models recognise, of 120 looked at" in shown
    assert "is harder to fool than cnn" in shown and "+20.0 points" in shown
    assert "8-bit PNG" in shown, "no paragraph of methods"
    app.segmented_control(key="transfer_kind").set_value("sham").run()
    assert not app.exception
    saved = read_matrix(matrix)
    figure = matrix_chart(saved.summary, "natural", "SNAP")
    assert figure.data[0].z[0][0] == 90 and "&lt;b&gt;" in figure.data[0].x[1]
    lines = transfer_csv(saved.summary).splitlines()
    assert len(lines) == 9 and lines[1].startswith("natural,SNAP,cnn,cnn,90,100,0.9")
    app.button(key="transfer-delete-now").click().run()
    assert not matrix.exists() and "No matrix is saved yet" in app.info[0].value


def test_a_damaged_matrix_is_a_sentence(app, page, matrix) -> None:
    (matrix / "summary.json").write_text('{"models": []}', encoding="utf-8")
    app = app.run().switch_page(page("transfer")).run()
    assert not app.exception and "no transfer matrix that can be read" in app.error[0].value


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where the values of some JSON stand, of a list the first."""
    yield path
    below = (
        value.items() if isinstance(value, dict) else enumerate(value[:1] if isinstance(value, list) else [])
    )
    for key, one in below:
        yield from places(one, (*path, key))


def test_numbers_of_another_kind_are_damage_or_can_be_shown(matrix) -> None:
    """Each value in turn is another: the matrix is called damaged, or all that is said of it can be said."""
    refused = 0
    for file in ("transfer.json", "summary.json"):
        whole = (matrix / file).read_text(encoding="utf-8")
        for path in places(json.loads(whole)):
            for other in (None, "x", [], {}, ["x"], 10**400, float("nan"), KeyError):
                values = {"": json.loads(whole)}
                place: Any = values
                for key in ("", *path)[:-1]:
                    place = place[key]
                last = ("", *path)[-1]
                if other is KeyError:
                    del place[last]
                else:
                    place[last] = other
                (matrix / file).write_text(json.dumps(values.get("")), encoding="utf-8")
                try:
                    saved = read_matrix(matrix)
                except DataError as error:
                    assert "no transfer matrix that can be read" in str(error)
                    refused += 1
                    continue
                assert saved.summary is not None
                transfer_csv(saved.summary), words.methods_words(saved.about, saved.summary)
                for preset in saved.summary["presets"]:
                    matrix_chart(saved.summary, preset, "SNAP"), defence_rows(saved.summary, preset)
        (matrix / file).write_text(whole, encoding="utf-8")
    assert refused > 300


def test_what_is_asked_is_what_runs(app, page, small_set, small_model, monkeypatch, own_workspace) -> None:
    asked = []

    def run_transfer(models, data, out, settings, **how):
        asked.append((models, data, settings))
        yield TransferProgress(0, 2, "natural on small", None)
        return TransferOutcome(out / "transfer-000000000000", None, {"a": "no space left"})

    monkeypatch.setattr(ask, "run_transfer", run_transfer)
    monkeypatch.setattr(ask.resources, "known_models", lambda: {"small": small_model})
    app = app.run().switch_page(page("transfer")).run()
    assert "No matrix is saved yet" in app.info[0].value and app.button(key="run_transfer").disabled
    app.text_input(key="transfer_folder").set_value(str(small_set)).run()
    assert "two or more models" in " ".join(element.value for element in app.caption)
    app.text_input(key="transfer_path").set_value(f'"{small_model}"').run()
    app.number_input(key="transfer_limit").set_value(3).run()
    button = app.button(key="run_transfer")
    assert not button.disabled
    button.click().run()
    for _ in range(100):
        app.run()
        if app.warning:
            break
    assert "1 part could not be done. The first: no space left" in app.warning[0].value
    ((models, data, settings),) = asked
    assert models == (small_model, small_model) and data == small_set
    assert settings.limit == 3 and settings.presets == ("natural", "paper")


def test_only_a_matrix_can_be_deleted(tmp_path: Path, matrix) -> None:
    with pytest.raises(Exception, match="not the name of a matrix"):
        delete_matrix(matrices_folder(), "../other")
    assert find_matrices(matrices_folder()) == [matrix]
