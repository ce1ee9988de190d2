import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from scipy.stats import binomtest

from snapgui.cli import main
from snapgui.engine.victim.networks import VIT
from snapgui.engine.victim.victim import IMAGENET_MEAN, IMAGENET_STD, Victim
from snapgui.errors import DataError, ModelError, SettingsError
from snapgui.statistics import area_under_curve, wilson_interval
from snapgui.training.augment import random_views, resize_patches
from snapgui.training.card import write_weights
from snapgui.training.evaluate import figures_of
from snapgui.training.in_the_loop import attack_batch, batch_with_cells, draw_attack
from snapgui.training.module import FineTuning
from snapgui.training.networks import build_network, load_start, stages
from snapgui.training.run import train
from snapgui.training.settings import TrainSettings
from snapgui.training.student import Student, make_rule


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Twelve pictures in Kaggle's layout: metastasis is dark, normal is pale."""
    folder = tmp_path / "data"
    (folder / "train").mkdir(parents=True)
    rng = np.random.default_rng(0)
    rows = []
    for index in range(12):
        label = index % 2
        pixels = np.clip(rng.normal(90 if label else 190, 20, (96, 96, 3)), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / "train" / f"p{index}.tif")
        rows.append({"id": f"p{index}", "label": label, "split": "train" if index < 8 else "val_random"})
    for name, column in (("train_labels.csv", "label"), ("splits.csv", "split")):
        with (folder / name).open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, ["id", column], extrasaction="ignore")
            writer.writeheader()
            writer.writerows(rows)
    return folder


@pytest.fixture
def teacher(tmp_path: Path) -> Path:
    torch.manual_seed(1)
    path = tmp_path / "teacher.safetensors"
    save_file(
        {
            k: v
            for k, v in build_network("densenet121").state_dict().items()
            if not k.startswith("classifier")
        },
        path,
    )
    return path


def test_distillation_writes_a_model_that_loads_with_a_true_card(data, teacher, tmp_path) -> None:
    out = tmp_path / "model" / "small.safetensors"
    config = TrainSettings(
        init="random", teacher=str(teacher), input_size_px=64, epochs=2, crop_epochs=1, batch_size=4
    )
    train(data, out, config, arguments=["train", "--epochs", "2"])
    card = json.loads(out.with_suffix(".json").read_text(encoding="utf-8"))
    assert (
        card["architecture"] == "resnet50"
        and card["input_size_px"] == 64
        and card["splits"] == {"train": 8, "val_random": 4}
    )
    assert set(card["figures"]) == {"train", "val_random"} and card["figures"]["val_random"]["count"] == 4
    assert card["teacher"]["file"] == card["training"]["teacher"] == "teacher.safetensors" and card[
        "training"
    ]["command"].startswith("python -m snapgui train")
    victim = Victim.load(out)
    assert victim.card.sha256 == card["sha256"]
    assert all(value.dtype == torch.float16 for value in load_file(out).values())
    assert (out.parent / "small-checkpoints" / "last.ckpt").is_file()


def test_a_resumed_run_goes_on_where_it_stopped(data, tmp_path, monkeypatch) -> None:
    from snapgui.training.module import FineTuning

    config = TrainSettings("mobilenet_v2", init="random", input_size_px=32, epochs=3, batch_size=4)
    train(data, tmp_path / "whole.safetensors", config)
    step = FineTuning.training_step
    seen = []

    def interrupted(self, batch, index):
        seen.append(self.current_epoch)
        if self.current_epoch == 2 and len(seen) < 6:
            raise RuntimeError("the machine went down")
        return step(self, batch, index)

    monkeypatch.setattr(FineTuning, "training_step", interrupted)
    out = tmp_path / "broken.safetensors"
    with pytest.raises(RuntimeError, match="went down"):
        train(data, out, config)
    assert not out.exists()
    seen += [0] * 6
    start = len(seen)
    train(data, out, config, resume=True)
    assert seen[start:] == [2, 2], "epochs that were done were done again"
    assert Victim.load(out).card.name == "broken"


def test_the_same_weights_are_the_same_file(tmp_path) -> None:
    torch.manual_seed(0)
    network = torch.nn.Linear(3, 2)
    files = set()
    for _ in range(20):
        write_weights(network, tmp_path / "w.safetensors")
        files.add((tmp_path / "w.safetensors").read_bytes())
    assert len(files) == 1


def test_the_same_seed_gives_the_same_file_another_seed_another(data, tmp_path) -> None:
    made = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        out = tmp_path / name / "m.safetensors"
        settings = TrainSettings(
            "mobilenet_v2", init="random", input_size_px=32, epochs=1, batch_size=4, seed=seed
        )
        train(data, out, settings)
        made.append(out.read_bytes())
    assert made[0] == made[1] != made[2]


def test_what_cannot_be_trained_is_said(data, tmp_path, teacher) -> None:
    out = tmp_path / "m.safetensors"
    with pytest.raises(SettingsError, match="must end in .safetensors"):
        train(data, tmp_path / "m.pth", TrainSettings(init="random"))
    with pytest.raises(SettingsError, match="nothing to resume"):
        train(data, out, TrainSettings(init="random"), resume=True)
    with pytest.raises(DataError, match="a batch needs 64"):
        train(data, out, TrainSettings(init="random"))
    with pytest.raises(ModelError, match="does not hold a resnet50"):
        train(data, out, TrainSettings(init=str(teacher), batch_size=4))
    with pytest.raises(SettingsError, match="is not a file"):
        TrainSettings(teacher="/nowhere")
    with pytest.raises(SettingsError, match="crop_epochs need a teacher"):
        TrainSettings(crop_epochs=1)
    with pytest.raises(SettingsError, match="epochs is 0"):
        TrainSettings(epochs=0)


def test_a_transformer_starts_from_the_first_blocks_of_another(data, tmp_path) -> None:
    torch.manual_seed(0)
    start = tmp_path / "start.safetensors"
    whole = build_network(VIT, input_size_px=56, blocks=3)
    save_file({k: v for k, v in whole.state_dict().items() if not k.startswith("head.")}, start)
    network = build_network(VIT, input_size_px=28, blocks=2)
    assert load_start(network, VIT, str(start)) is False
    assert torch.equal(network.blocks[1].mlp.fc1.weight, whole.blocks[1].mlp.fc1.weight)
    assert network.pos_embed.shape[1] == 5 and not network.head.weight.any()
    settings = TrainSettings(
        VIT,
        init=str(start),
        input_size_px=42,
        epochs=1,
        batch_size=4,
        blocks=2,
        drop_path=0.1,
        layer_decay=0.5,
    )
    rule, _ = make_rule(Student(settings), steps=10)
    rates = [group["lr_scale"] for group in rule.param_groups]
    assert min(rates) == 0.125 and max(rates) == 1.0
    victim = Victim.load(train(data, tmp_path / "vit.safetensors", settings))
    assert (victim.card.architecture, victim.card.input_size_px) == (VIT, 42)
    with pytest.raises(SettingsError, match="multiples of 14"):
        TrainSettings(VIT, init=str(start), input_size_px=96)
    with pytest.raises(SettingsError, match="layer_decay needs blocks"):
        TrainSettings(layer_decay=0.5)


def test_a_mobilenet_learns_the_logits_of_a_teacher_that_has_some(data, tmp_path, teacher) -> None:
    settings = {"architecture": "mobilenet_v2", "init": "random", "input_size_px": 32, "batch_size": 4}
    with pytest.raises(SettingsError, match="has no classifier, and its features guide a resnet50 only"):
        Student(TrainSettings(**settings, teacher=str(teacher)))
    with pytest.raises(SettingsError, match="set them to 0"):
        TrainSettings(**settings, teacher=str(teacher), crop_epochs=1)
    tuned = tmp_path / "tuned.safetensors"
    save_file(build_network("densenet121").state_dict(), tuned)
    student = Student(TrainSettings(**settings, teacher=str(tuned)))
    views, labels = torch.rand(4, 3, 32, 32), torch.tensor([0, 1, 0, 1])
    plain = torch.nn.functional.cross_entropy(student.network.eval()(views), labels)
    loss = student.loss(views, labels, cropped=False)
    assert loss > plain / 2 and torch.isfinite(loss)


def test_imagenet_weights_without_a_network_are_a_sentence(monkeypatch) -> None:
    def offline(*args: object, **kwargs: object) -> None:
        raise OSError("Temporary failure in name resolution")

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", offline)
    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", offline)
    with pytest.raises(ModelError, match="--init FILE or --teacher FILE"):
        load_start(build_network("resnet50"), "resnet50", "imagenet")


def test_imagenet_weights_are_loaded_without_their_classifier(monkeypatch) -> None:
    import torchvision

    torch.manual_seed(0)
    fetched = torchvision.models.resnet50().state_dict()
    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", lambda *a, **k: fetched)
    network = build_network("resnet50")
    assert load_start(network, "resnet50", "imagenet") is False
    assert torch.equal(network.conv1.weight, fetched["conv1.weight"]) and network.fc.out_features == 2


@torch.no_grad()
@pytest.mark.parametrize("architecture", ["resnet50", "densenet121"])
def test_stages_agree_with_the_network_itself(architecture: str) -> None:
    network = build_network(architecture).eval()
    images = torch.rand(2, 3, 64, 64)
    features, logits = stages(network, images)
    assert torch.allclose(logits, network(images), atol=1e-5)
    assert [f.shape[-1] for f in features] == [16, 8, 4, 2]


def test_views_are_patches_and_repeat_with_their_seed() -> None:
    patches = torch.rand(4, 3, 96, 96)
    made = [random_views(patches, size_px=48, generator=torch.Generator().manual_seed(s)) for s in (1, 1, 2)]
    assert (
        made[0].shape == (4, 3, 48, 48)
        and torch.equal(made[0], made[1])
        and not torch.equal(made[0], made[2])
    )
    assert made[0].min() >= 0 and made[0].max() <= 1
    plain = random_views(
        patches, size_px=96, generator=torch.Generator().manual_seed(3), stain=0, scale=0, rotation_deg=0
    )
    for view, patch in zip(plain, patches, strict=True):
        turned = [torch.rot90(p, k, (1, 2)) for p in (patch, patch.flip(2)) for k in range(4)]
        assert min(float((view - t).abs().max()) for t in turned) < 1e-4, "neither a quarter turn nor a flip"
    assert torch.equal(resize_patches(patches, 96), patches)


def test_wilson_interval_against_published_values() -> None:
    """Newcombe 1998, Statistics in Medicine 17:857, table I, method 3."""
    for (successes, count), interval in {
        (81, 263): (0.2553, 0.3662),
        (15, 148): (0.0624, 0.1605),
        (0, 20): (0.0, 0.1611),
        (1, 29): (0.0061, 0.1718),
        (29, 29): (0.8830, 1.0),
    }.items():
        assert wilson_interval(successes, count) == pytest.approx(interval, abs=5e-5)
    assert wilson_interval(0, 0) == (0.0, 1.0)
    assert wilson_interval(300, 300)[1] == 1 and wilson_interval(0, 300)[0] == 0
    for successes, count in ((0, 1), (1, 1), (3, 37), (999, 1000), (45_000, 45_561)):
        other = binomtest(successes, count).proportion_ci(method="wilson")
        assert wilson_interval(successes, count) == pytest.approx((other.low, other.high), abs=1e-12)


def test_area_under_curve_by_hand() -> None:
    labels = np.array([0, 0, 1, 1])
    assert area_under_curve(labels, np.array([0.1, 0.4, 0.35, 0.8])) == 0.75
    assert area_under_curve(labels, np.array([0.5, 0.5, 0.5, 0.5])) == 0.5
    assert np.isnan(area_under_curve(np.ones(3, int), np.array([0.1, 0.2, 0.3])))


def test_figures_by_hand() -> None:
    figures = figures_of(np.array([1, 1, 1, 0, 0]), np.array([0.9, 0.8, 0.2, 0.4, 0.6]))
    assert (
        figures.accuracy == 0.6 and figures.sensitivity == pytest.approx(2 / 3) and figures.specificity == 0.5
    )


def test_calibration_and_curves_by_hand() -> None:
    labels = np.array([1] * 8 + [0] * 2 + [1] * 1 + [0] * 9)
    p = np.array([0.9] * 10 + [0.3] * 10)
    figures = figures_of(labels, p)
    # Of ten patches called 90 % eight are right, of ten called 30 % one is.
    assert figures.calibration_error == pytest.approx((0.1 + 0.2) / 2)
    assert figures.reliability == [(pytest.approx(0.3), 0.1, 10), (pytest.approx(0.9), 0.8, 10)]
    assert figures.roc == [(0, 0), (pytest.approx(2 / 11, abs=1e-4), pytest.approx(8 / 9, abs=1e-4)), (1, 1)]
    assert figures_of(np.ones(3, int), np.array([0.2, 0.9, 1.0])).roc == []


def test_a_card_is_measured_anew(data, tmp_path, capsys) -> None:
    torch.manual_seed(0)
    path = tmp_path / "m.safetensors"
    save_file(build_network("mobilenet_v2").state_dict(), path)
    path.with_suffix(".json").write_text(
        json.dumps({"architecture": "mobilenet_v2", "input_size_px": 32, "licence": "MIT"}), encoding="utf-8"
    )
    assert main(["measure", str(data), "--model", str(path)]) == 0
    card = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    assert card["licence"] == "MIT" and set(card["figures"]) == {"train", "val_random"}
    assert card["figures"]["val_random"]["count"] == 4 and card["figures"]["train"]["seconds_per_patch"] > 0
    assert "calibration error" in capsys.readouterr().out and Victim.load(path).card.details["figures"]


def test_part_of_a_batch_is_attacked_on_the_network_as_it_stands(tissue) -> None:
    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 7, stride=4),
        torch.nn.BatchNorm2d(4),
        torch.nn.ReLU(),
        torch.nn.AdaptiveAvgPool2d(2),
        torch.nn.Flatten(),
        torch.nn.Linear(16, 2),
    )
    pixels = torch.from_numpy(tissue).permute(2, 0, 1)
    glass = torch.full_like(pixels, 255)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    kinds = set()
    for seed in range(8):
        samples = [(pixels.roll(seed, 1), 0), (glass, 1), (pixels.roll(seed, 2), 1), (pixels, 1)]
        batch, labels, chance, rows, masks = batch_with_cells(samples, steps=5, share=0.75, stain=0.1)
        again = batch_with_cells(samples, steps=5, share=0.75, stain=0.1)
        assert all(torch.equal(a, b) for a, b in zip((batch, masks), (again[0], again[4]), strict=True))
        assert rows.tolist() == [0, 2], "glass has no room for cells, and the last is not attacked"
        kinds.add(draw_attack(5, np.random.default_rng(int(chance))).attack.texture)
        images, labels = batch[rows].float() / 255, labels[rows]
        attacked = attack_batch(network, images, labels, masks, size_px=48, steps=5, seed=int(chance))
        changed = (attacked != images).any(1)
        assert not (changed & ~masks[:, 0]).any()
        share = changed.float().mean((1, 2))
        assert (share > 0.005).all() and (share < 0.4).all()
        network.eval()
        with torch.no_grad():
            small = torch.nn.functional.interpolate(torch.cat([images, attacked]), 48, mode="bilinear")
            mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (IMAGENET_MEAN, IMAGENET_STD))
            own = network((small - mean) / std).log_softmax(1)[range(4), [0, 1, 0, 1]]
        network.train()
        assert (own[2:] <= own[:2] + 1e-5).all(), "the label's probability grew"
    assert kinds == {"free", "retouch", "nucleus"}
    after = network.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before), "the attack changed the network"
    assert network.training


def test_an_attacked_picture_is_learned_pixel_for_pixel(tissue, monkeypatch) -> None:
    settings = TrainSettings("mobilenet_v2", init="random", input_size_px=48, batch_size=4, snap_steps=3)
    tuning = FineTuning(settings)
    pixels = torch.from_numpy(tissue).permute(2, 0, 1)
    samples = [(pixels.roll(shift, 1), shift % 2) for shift in range(4)]
    batch = batch_with_cells(samples, steps=3, share=0.5, stain=0.1)
    seen = []
    monkeypatch.setattr(tuning, "log", lambda *_, **__: None)
    monkeypatch.setattr(tuning.student, "loss", lambda views, *_, **__: seen.append(views))
    tuning.training_step(batch, 0)
    images, labels, chance, rows, masks = batch
    assert rows.tolist() == [0, 1] and not torch.equal(images[0], pixels), "turned and stained before"
    before = images[rows].float() / 255
    attacked = attack_batch(
        tuning.student.network, before, labels[rows], masks, size_px=48, steps=3, seed=int(chance)
    )
    torch.testing.assert_close(seen[0][:2], tuning.student.plain((attacked * 255).round()))
    assert not torch.allclose(seen[0][:2], tuning.student.plain(images[rows]), atol=1e-3)


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_a_robust_model_is_trained(data, tmp_path, precision) -> None:
    settings = TrainSettings(
        "mobilenet_v2", init="random", input_size_px=32, epochs=1, batch_size=4, snap_steps=2
    )
    out = train(data, tmp_path / "robust.safetensors", settings, precision=precision)
    card = json.loads(out.with_suffix(".json").read_text(encoding="utf-8"))
    assert card["training"]["snap_steps"] == 2 and card["training"]["snap_share"] == 0.5
