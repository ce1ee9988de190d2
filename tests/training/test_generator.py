"""The command that learns nuclei: weights, card and samples, resumed where it was stopped."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import snapgui.training.generator as training
from snapgui.cli import main
from snapgui.engine.generator.files import load_generator


@pytest.fixture
def data(tmp_path: Path, tissue: np.ndarray) -> Path:
    """Sixteen pictures in Kaggle's layout, each the drawn field with noise of its own."""
    folder = tmp_path / "data"
    (folder / "train").mkdir(parents=True)
    rng = np.random.default_rng(0)
    with (folder / "train_labels.csv").open("w", newline="", encoding="utf-8") as file:
        labels = csv.writer(file)
        labels.writerow(["id", "label"])
        for index in range(16):
            pixels = np.clip(tissue + rng.normal(0, 12, tissue.shape), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / "train" / f"p{index}.tif")
            labels.writerow([f"p{index}", index % 2])
    return folder


def test_nuclei_are_learned_and_a_stopped_training_goes_on(data, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(training, "LEAST_NUCLEI", 100)
    monkeypatch.setattr(training, "JUDGED_IMAGES", 2)
    out = tmp_path / "nuclei.safetensors"
    words = ["train-generator", "--data", str(data), "--out", str(out), "--images", "16", "--epochs", "2"]
    steps = training.train_generator(data, out, images=16, epochs=2)
    for doing, done, _ in steps:
        if (doing, done) == ("epochs", 1):
            break
    steps.close()
    assert main([*words[:-1], "3", "--resume"]) == 2
    assert "is of a training with other settings" in capsys.readouterr().err
    assert main([*words, "--resume"]) == 0
    printed = capsys.readouterr()
    assert "epochs 2 of 2" in printed.err and "images 1 of 16" not in printed.err
    assert "To use it, set SNAP_GENERATOR" in printed.out
    _, card = load_generator(out)
    assert card["images"] > 8 and card["nuclei"] > 100
    assert json.loads(out.with_suffix(".json").read_text(encoding="utf-8")) == card
    assert (tmp_path / "nuclei-samples.png").is_file() and not (tmp_path / "nuclei-training.pt").exists()
    weights = out.read_bytes()
    shown = card | {"real_within_reach": None, "draws_against_real_nuclei": None}
    out.with_suffix(".json").write_text(json.dumps(shown), encoding="utf-8")
    assert main([*words, "--judge"]) == 0
    assert "not measured: too few images" in capsys.readouterr().out
    assert out.read_bytes() == weights and card["real_within_reach"]["nuclei"] > 10
    assert json.loads(out.with_suffix(".json").read_text(encoding="utf-8")) == card
    assert main([*words, "--resume"]) == 2
    assert "There is nothing to go on with" in capsys.readouterr().err


def test_too_few_nuclei_and_a_wrong_name_are_said(data, tmp_path, capsys) -> None:
    words = ["train-generator", "--data", str(data), "--images", "2"]
    assert main([*words, "--out", str(tmp_path / "nuclei.pt")]) == 2
    assert "it must end in .safetensors" in capsys.readouterr().err
    assert main([*words, "--out", str(tmp_path / "nuclei.safetensors")]) == 2
    assert "1000 are needed. Give more patches" in capsys.readouterr().err
