"""A small matrix of two models, and what is told of it."""

import json
from pathlib import Path

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from snapgui.cli import main
from snapgui.engine.defences.defended import Defended
from snapgui.engine.defences.named import defence_of
from snapgui.engine.defences.votes import NucleiDropout
from snapgui.engine.images import decode_pixels, to_image
from snapgui.engine.presets import PRESETS, Preset
from snapgui.engine.settings import AttackSettings, CellSettings
from snapgui.engine.victim.several import Several
from snapgui.engine.victim.victim import ModelCard, Victim
from snapgui.errors import DataError, ModelError, SettingsError
from snapgui.progress import drain
from snapgui.statistics import share
from snapgui.transfer.defence_words import defence_text, masked, verdict_words
from snapgui.transfer.plan import defence_contest
from snapgui.transfer.run import run_contest, run_transfer
from snapgui.transfer.settings import MEAN, WORST, TransferSettings
from snapgui.transfer.summary import summarise
from snapgui.transfer.words import robust_words, transfer_text
from tests.small_models import save_small_model


@pytest.fixture(scope="module")
def other_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Other features than the small model's: a second model that agrees with the first."""
    return save_small_model(tmp_path_factory.mktemp("model") / "other.safetensors", seed=1)


@pytest.fixture(autouse=True)
def few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = Preset(CellSettings(area=0.1), AttackSettings(steps=4), "Quick.")
    monkeypatch.setitem(PRESETS, "paper", quick)


SETTINGS = TransferSettings(split="val", limit=2, presets=("paper",), shard_size=1, batch_size=4)


def test_a_matrix_is_counted_on_its_saved_pictures_and_continues(
    small_model, other_model, small_set, tmp_path
) -> None:
    models = [small_model, other_model]
    calls = iter([False, False, True])
    stopped = drain(run_transfer(models, small_set, tmp_path, SETTINGS, stop=lambda: next(calls)))
    assert stopped.summary is None and len(list((stopped.folder / "shards").iterdir())) == 2
    stamps = {path: path.stat().st_mtime_ns for path in (stopped.folder / "shards").iterdir()}
    seen = []
    whole = drain(run_transfer(models, small_set, tmp_path, SETTINGS), seen.append)
    assert whole.folder == stopped.folder and not whole.failures
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in stamps.items()), "done again"
    assert [step.done for step in seen[1:]] == list(range(2, 8))
    rows = pd.read_parquet(whole.folder / "rows.parquet")
    assert set(rows["source"]) == {"small", "other", MEAN, WORST} and set(rows["kind"]) == {
        "SNAP",
        "sham",
        "random",
    }
    assert len(rows) == 2 * 4 * 3 * 2, "images, sources, kinds, models"
    victims = {path.stem: Victim.load(path) for path in models}
    for row in rows[::11].itertuples():
        pixels = decode_pixels((whole.folder / "pictures" / row.picture).read_bytes())
        p = float(victims[row.target].predict(to_image(pixels)[None])[0, 1])
        assert p == pytest.approx(row.p_after, abs=1e-5) and row.flipped == (p <= 0.5)
        assert row.p_before > 0.5 and 0.05 < row.area < 0.15
    cell = next(c for c in whole.summary["cells"] if (c["source"], c["target"]) == ("small", "small"))
    own = rows[(rows.source == "small") & (rows.target == "small") & (rows.kind == "SNAP")]
    assert cell["flipped"]["count"] == own.flipped.sum() and cell["flipped"]["of"] == 2
    attacked = own.p_after.mean()
    sham = rows[(rows.source == "small") & (rows.target == "small") & (rows.kind == "sham")].p_after.mean()
    assert attacked < sham, "the attack does no more than its sham"
    text = transfer_text(whole.summary)
    assert "Attacked: 2 metastases that both models recognise" in text and "all, worst case" in text


def test_one_patch_for_all_is_made_on_train_and_laid_on_others(
    small_model, other_model, small_set, tmp_path
) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "patches").symlink_to(small_set / "patches")
    (folder / "train_labels.csv").write_bytes((small_set / "train_labels.csv").read_bytes())
    splits = (
        (small_set / "splits.csv").read_text(encoding="utf-8").replace("metastasis0,val", "metastasis0,train")
    )
    (folder / "splits.csv").write_text(
        splits.replace("metastasis1,val", "metastasis1,train"), encoding="utf-8"
    )
    settings = TransferSettings(
        split="val", limit=2, presets=("paper",), together=False, universal=2, epochs=2, shard_size=2
    )
    outcome = drain(run_transfer([small_model, other_model], folder, tmp_path / "out", settings))
    assert not outcome.failures and len(list((outcome.folder / "canvases").iterdir())) == 2
    kinds = {cell["kind"] for cell in outcome.summary["cells"]}
    assert {"universal", "universal, random"} < kinds
    rows = pd.read_parquet(outcome.folder / "rows.parquet")
    masks = rows[rows.kind == "universal"].groupby("id")["area"].nunique()
    assert (masks == 1).all(), "cells that are the same in every image have one area"


def test_several_models_at_once(linear_victim) -> None:
    first, second = linear_victim(seed=1, scale=0.01), linear_victim(seed=2, scale=0.01)
    images = torch.rand(6, 3, 96, 96)
    logits = [v(images).log_softmax(1) for v in (first, second)]
    margins = torch.stack([one[:, 1] - one[:, 0] for one in logits])
    mean, worst = Several([first, second], "mean")(images), Several([first, second], "worst")(images)
    assert torch.allclose(mean[:, 1] - mean[:, 0], margins.mean(0), atol=1e-5)
    assert torch.allclose(worst[:, 1] - worst[:, 0], margins.amax(0), atol=1e-5)
    with pytest.raises(ModelError, match="two or more"):
        Several([first], "mean")


def test_what_cannot_be_compared_is_said(small_model, other_model, small_set, tmp_path, capsys) -> None:
    def trouble(paths: list[Path], **changes: object) -> str:
        with pytest.raises((ModelError, DataError, SettingsError)) as error:
            drain(run_transfer(paths, small_set, tmp_path, TransferSettings(**{"split": "val"} | changes)))
        return str(error.value)

    assert "two or more models" in trouble([small_model])
    assert "Two models are called small" in trouble([small_model, small_model])
    three = tmp_path / "three.safetensors"
    weights = load_file(small_model)
    weights |= {"classifier.1.weight": torch.zeros(3, 1280), "classifier.1.bias": torch.zeros(3)}
    save_file(weights, three)
    three.with_suffix(".json").write_text(
        json.dumps({"architecture": "mobilenet_v2", "input_size_px": 32, "classes": ["a", "b", "c"]}),
        encoding="utf-8",
    )
    assert "has 3 classes (a, b, c)" in trouble([small_model, three])
    assert "None of the 0 metastases" in trouble([small_model, other_model], split="train")
    with pytest.raises(SettingsError, match="choose from natural"):
        TransferSettings(presets=("gaudy",))
    answer = main(["transfer", str(small_set), "--models", str(small_model), "--out", str(tmp_path)])
    assert answer == 2 and "two or more models" in capsys.readouterr().err


def test_differences_are_paired_and_told_in_words() -> None:
    rows = pd.DataFrame(
        [
            {
                "id": str(i),
                "source": source,
                "preset": "paper",
                "kind": "SNAP",
                "target": source,
                "flipped": i < count,
                "area": 0.05,
                "centre": "open",
                "mean_de00_mask": 20.0,
            }
            for source, count in (("cnn", 90), ("vit", 60))
            for i in range(100)
        ]
    )
    (sentence,) = robust_words(summarise(rows, ["cnn", "vit"], ["cnn", "vit"], ["paper"]))
    assert sentence.startswith("paper: vit is harder to fool than cnn (each attacked on itself, +30.0 points")


def test_defences_are_tried_by_attackers_who_know_and_who_do_not(
    small_set, tmp_path, monkeypatch, capsys
) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.AvgPool2d(8), nn.Flatten(), nn.Linear(3 * 12 * 12, 2))
    with torch.no_grad():
        net[2].bias.copy_(torch.tensor([-1.0, 1.0]))
    card = ModelCard("tiny", "none", input_size_px=96, mean=(0, 0, 0), std=(1, 1, 1), sha256="0" * 64)
    victim, defence = Victim(net, card), NucleiDropout(0.3, 2)
    settings = TransferSettings(
        split="val", limit=2, presets=("paper",), together=False, clean=4, queries=4, shard_size=2
    )
    contest = defence_contest(victim, [defence_of("gaussian:0.5"), defence])
    outcome = drain(run_contest(contest, small_set, tmp_path, settings))
    assert not outcome.failures
    said = defence_text(outcome.summary)
    lines = {line.split("  ")[0]: line for line in said.splitlines()}
    assert lines["undefended"].count("–") == 2, "an attacker of the bare model knows it"
    assert lines["undefended"].count("(") == 5, "patches made through defences are tried on it too"
    assert lines["Gaussian 0.5 px"].count("–") == 1, "what is not random has no expectation"
    assert lines[defence.name].count("–") == 0
    summary = json.loads((outcome.folder / "summary.json").read_text(encoding="utf-8"))
    assert set(summary["clean"]) == set(summary["models"])
    assert summary["clean"]["undefended"]["accuracy"]["of"] == 4
    rows = pd.read_parquet(outcome.folder / "rows.parquet")
    behind = Defended(victim, defence)
    row = rows[(rows.target == behind.card.name) & (rows.kind == "SNAP")].iloc[0]
    pixels = decode_pixels((outcome.folder / "pictures" / row.picture).read_bytes())
    assert float(behind.predict(to_image(pixels)[None])[0, 1]) == pytest.approx(row.p_after, abs=1e-5)
    with pytest.raises(ModelError, match="is named twice"):
        defence_contest(victim, [defence, defence])
    assert main(["defend", str(small_set), "--defence", "prayer", "--out", str(tmp_path)]) == 2
    assert "choose from jpeg" in capsys.readouterr().err


def test_a_masked_gradient_is_called_one() -> None:
    def cell(kind: str, source: str, count: int) -> dict[str, object]:
        return {
            "preset": "paper",
            "kind": kind,
            "source": source,
            "target": "odd",
            "flipped": share(count, 100),
            "area": 0.05,
            "mean_de00_mask": 20.0,
            "centre_open": share(50, 100),
        }

    bare = cell("SNAP", "undefended", 90) | {"target": "undefended"}
    odd = [cell("SNAP", "undefended", 12), cell("SNAP", "odd", 10), cell("black box", "odd", 60)]
    names = {"models": ["undefended", "odd"], "sources": ["undefended", "odd", "even"]}
    summary = {"cells": [bare, *odd], "presets": ["paper"], "clean": {}} | names
    sentences = verdict_words(summary, "paper")
    assert sentences[1].startswith("odd: patches found by scores alone fool it more often than those made")
    assert "Its gradient is masked" in sentences[1]
    assert sentences[0].startswith("odd lets through 12.0 % (7.0 to 19.8) of the patches made without it")
    assert "does not stop one who knows it: 60.0 %" in sentences[0], "the strongest attacker counts"
    summary["cells"][3] = cell("black box", "odd", 8)
    (sentence,) = verdict_words(summary, "paper")
    assert "halves what an attacker who knows it reaches" in sentence
    # What a search does not show, patches made through another defence may.
    summary["cells"].append(cell("SNAP", "even", 88))
    sentences = verdict_words(summary, "paper")
    assert "does not stop one who knows it: 88.0 %" in sentences[0]
    assert sentences[1].startswith("odd: patches made through another defence fool it more often")
    summary["cells"][-1] = cell("SNAP", "even", 11)
    assert masked(summary, "paper", "odd") is None, "a point more is chance"
