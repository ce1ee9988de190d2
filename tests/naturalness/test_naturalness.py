"""Naturalness of an audit: its kept pictures, the fillings as they were, the table and the file."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from snapgui import cli, shipped
from snapgui.audit.read import FinishedAudit, read_audit, read_finished
from snapgui.audit.run import run_audit
from snapgui.audit.settings import SNAP, AuditSettings
from snapgui.engine.detector import judges, network
from snapgui.engine.detector.cases import Case
from snapgui.engine.images import encode_png, read_pixels
from snapgui.engine.settings import AttackSettings
from snapgui.engine.visibility.display import Display
from snapgui.engine.visibility.measures import colour_difference
from snapgui.errors import DataError
from snapgui.naturalness import measure
from snapgui.naturalness.audits import PLACES, audit_cases, audit_conditions
from snapgui.naturalness.frontier import AXES, read_audited, success
from snapgui.naturalness.measure import LEAST_IMAGES, measure_condition, strongest
from snapgui.naturalness.words import area_words, condition_cells
from snapgui.progress import drain

LEVEL = {"auc": 0.655, "low": 0.6, "high": 0.704}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, small_model: Path) -> Path:
    """An audit of demo patches by one step from random colours."""
    data = tmp_path_factory.mktemp("set")
    (data / "patches").mkdir()
    labels = ["id,label"]
    for path in sorted(shipped.DEMO_FOLDER.glob("*.png")):
        (data / "patches" / path.name).write_bytes(encode_png(read_pixels(path)))
        labels.append(f"{path.stem},{int(path.stem.startswith('metastasis'))}")
    (data / "train_labels.csv").write_text("\n".join(labels) + "\n", encoding="utf-8")
    settings = AuditSettings(attack=AttackSettings(steps=1, start="random"))
    outcome = drain(run_audit(small_model, data, tmp_path_factory.mktemp("audits"), settings))
    return outcome.folder


@pytest.fixture(scope="module")
def audit(folder: Path) -> FinishedAudit:
    return read_finished(folder)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Detectors that have learned little, and FLIP at a sixteenth of the pixels."""
    monkeypatch.setattr(measure, "DISPLAY", Display(zoom=1))
    fit, trees = judges.fit_network, judges.ExtraTreesClassifier
    monkeypatch.setattr(judges, "ExtraTreesClassifier", lambda count, **how: trees(count // 20, **how))
    monkeypatch.setattr(network, "EPOCHS", 1)
    monkeypatch.setattr(judges, "fit_network", lambda *data, seed: fit(*data, seed=seed, least_steps=2))


def test_kept_pictures_are_read_and_fillings_remade_as_they_were_measured(audit: FinishedAudit) -> None:
    found = dict(audit_cases(audit))
    assert list(found) == audit_conditions(audit)
    assert list(found) == [
        SNAP,
        PLACES,
        "median colour",
        "random colours",
        "real nuclei",
    ]
    for name, cases in found.items():
        assert len(cases) >= LEAST_IMAGES
        for case in cases:
            outside = ~case.mask
            np.testing.assert_array_equal(case.original[outside], case.altered[outside])
            if name == PLACES:
                np.testing.assert_array_equal(case.original, case.altered)
                continue
            rows = audit.rows[(audit.rows["condition"] == name) & (audit.rows["id"] == case.name)]
            row = rows[rows["draw"].fillna(0) == 0].iloc[0]
            difference = colour_difference(case.original, case.altered)[case.mask].mean()
            assert difference == pytest.approx(row["mean_de00_mask"]), name
            assert case.flipped == row["flipped"]


def test_the_command_prints_a_table_and_writes_what_it_found(folder: Path, quick: None, capsys) -> None:
    assert cli.main(["naturalness", str(folder)]) == 0
    printed = capsys.readouterr().out
    about = json.loads((folder / "naturalness.json").read_text(encoding="utf-8"))
    assert about["audit"] == folder.name and about["trained_on"] is None
    snap, places = about["conditions"][SNAP], about["conditions"][PLACES]
    assert snap["mean_de00_mask"] > 5 and places["mean_de00_mask"] == 0
    assert places["beyond_stains"] is None and snap["beyond_stains"] > 0.2
    low, high = snap["mean_de00_mask_interval"]
    assert low < snap["mean_de00_mask"] < high
    assert snap["mean_flip"] > 0 == places["mean_flip"] and places["mean_flip_interval"] == [0, 0]
    assert strongest(snap, "cell")["auc"] > 0.9
    assert area_words(strongest(snap, "cell")) in printed and PLACES in printed
    frontier = read_audited(read_audit(folder))
    assert [point.name for point in frontier.points] == list(about["conditions"])
    assert frontier.points[0].words == "SNAP, cells allowed in the centre"
    assert success(snap).value == snap["flipped"]["share"]
    assert AXES["Detector, cells"].read(snap).value == strongest(snap, "cell")["auc"]
    damaged = about | {"fingerprint": "other"}
    (folder / "naturalness.json").write_text(json.dumps(damaged), encoding="utf-8")
    with pytest.raises(DataError, match="of another audit"):
        read_audited(read_audit(folder))


def test_bad_input_is_one_sentence(folder: Path, tmp_path: Path, capsys) -> None:
    assert cli.main(["naturalness", str(tmp_path)]) == 2
    assert "no audit that can be read" in capsys.readouterr().err
    assert cli.main(["naturalness", str(folder), "--train", str(folder)]) == 2
    assert "both trained on and judged by" in capsys.readouterr().err
    other = tmp_path / folder.name
    shutil.copytree(folder, other)
    about = json.loads((other / "audit.json").read_text(encoding="utf-8"))
    about["settings"]["attack"]["steps"] = 2
    (other / "audit.json").write_text(json.dumps(about), encoding="utf-8")
    assert cli.main(["naturalness", str(folder), "--train", str(other)]) == 2
    assert "other settings" in capsys.readouterr().err
    next(iter((other / "pictures").glob("*[0-9].png"))).unlink()
    assert cli.main(["naturalness", str(other)]) == 2
    assert "is gone from" in capsys.readouterr().err


def test_too_few_images_and_images_without_cells_are_refused() -> None:
    blank = np.full((64, 64, 3), 240, np.uint8)
    mask = np.zeros((64, 64), bool)
    with pytest.raises(DataError, match="10 are needed"):
        measure_condition([Case("a", blank, blank, mask)])
    with pytest.raises(DataError, match="nothing to tell apart"):
        measure_condition([Case(f"{i}", blank, blank, mask) for i in range(LEAST_IMAGES)])


def test_a_line_tells_the_strongest_detector_and_what_was_not_asked() -> None:
    weak = {"auc": 0.5, "low": 0.4, "high": 0.6}
    numbers = {
        "images": 40,
        "cells": 900,
        "trained_on": None,
        "flipped": None,
        "area": 0.25,
        "mean_de00_mask": 2.84,
        "beyond_stains": 0.012,
        "detector": {
            level: {"linear": LEVEL, "trees": weak, "network": weak} for level in ("cell", "picture")
        },
    }
    assert condition_cells("natural", numbers) == [
        "natural",
        "40",
        "–",
        "25.0 %",
        "2.8",
        "–",
        "+1.2 points",
        ".66 (.60 to .70), linear",
        ".66 (.60 to .70), linear",
    ]
