import hashlib
import json
import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import torchvision
from safetensors.torch import save_file

from snapgui.engine.victim.card import card_beside
from snapgui.engine.victim.victim import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    ModelCard,
    Victim,
    choose_device,
)
from snapgui.errors import ModelError, SettingsError


@pytest.fixture(scope="module")
def network() -> Iterator[torch.nn.Module]:
    torch.manual_seed(0)
    net = torchvision.models.resnet50(num_classes=2).eval()
    for layer in net.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.running_mean.uniform_(-0.1, 0.1)
            layer.running_var.uniform_(0.8, 1.2)
    return net


@pytest.fixture
def state(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    return dict(network.state_dict())


def write_card(path: Path, **values: object) -> None:
    path.with_suffix(".json").write_text(
        json.dumps({"architecture": "resnet50", "input_size_px": 64, **values}), encoding="utf-8"
    )


@torch.no_grad()
def test_victim_is_the_network_with_its_preprocessing(network, state, tmp_path) -> None:
    path = tmp_path / "net.safetensors"
    save_file(state, path)
    write_card(path, classes=["normal", "metastasis"])
    victim = Victim.load(path)
    images = torch.rand(2, 3, 96, 96)
    resized = torch.nn.functional.interpolate(images, size=(64, 64), mode="bilinear", align_corners=False)
    inputs = (resized - torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1)) / torch.tensor(IMAGENET_STD).view(
        1, 3, 1, 1
    )
    assert torch.allclose(victim(images), network(inputs), atol=1e-4)
    assert torch.allclose(victim.predict(images), network(inputs).softmax(1), atol=1e-5)


def test_victim_is_frozen_folded_and_differentiable(state, tmp_path) -> None:
    path = tmp_path / "net.pth"
    torch.save(state, path)
    write_card(path)
    victim = Victim.load(path)
    assert not any(p.requires_grad for p in victim.parameters()) and not victim.training
    assert not any(isinstance(layer, torch.nn.BatchNorm2d) for layer in victim.modules())
    image = torch.rand(1, 3, 96, 96, requires_grad=True)
    (gradient,) = torch.autograd.grad(victim(image)[0, 0], image)
    assert gradient.abs().sum() > 0
    assert victim.card.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("prefix", ["model.", "module.", "model.module."])
def test_prefixes_and_wrapping_keys_are_understood(state, tmp_path, prefix: str) -> None:
    plain, wrapped = tmp_path / "plain.pth", tmp_path / "wrapped.pth"
    torch.save(state, plain)
    torch.save({"epoch": 3, "state_dict": {prefix + key: value for key, value in state.items()}}, wrapped)
    images = torch.rand(1, 3, 224, 224)
    assert torch.equal(Victim.load(plain)(images), Victim.load(wrapped)(images))
    assert Victim.load(plain).card.input_size_px == 224, "the paper's size where there is no card"


def test_a_single_output_is_the_log_odds_of_metastasis(state, tmp_path) -> None:
    single = {**state, "fc.weight": state["fc.weight"][:1], "fc.bias": state["fc.bias"][:1]}
    path = tmp_path / "single.pth"
    torch.save(single, path)
    write_card(path)
    victim = Victim.load(path)
    images = torch.rand(2, 3, 96, 96)
    logits = victim(images)
    assert torch.equal(logits[:, 0], torch.zeros(2))
    assert torch.allclose(victim.predict(images)[:, 1], logits[:, 1].sigmoid())


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("the pickle was run",))


def corrupt(kind: str, state: dict[str, torch.Tensor], path: Path) -> Path:
    if kind == "missing":
        return path
    if kind == "words":
        path.write_bytes(b"not a checkpoint")
    elif kind == "words as safetensors":
        path = path.with_suffix(".safetensors")
        path.write_bytes(b"not a checkpoint")
    elif kind == "code":
        path.write_bytes(pickle.dumps({"fc.weight": Bomb()}))
    elif kind == "list":
        torch.save([1, 2], path)
    elif kind == "backbone":
        torch.save({k: v for k, v in state.items() if not k.startswith("fc.")}, path)
    elif kind == "three classes":
        torch.save({**state, "fc.weight": torch.zeros(3, 2048), "fc.bias": torch.zeros(3)}, path)
    elif kind == "extra":
        torch.save({**state, "layer9.weight": torch.zeros(1)}, path)
    elif kind == "lacking":
        torch.save({k: v for k, v in state.items() if k != "conv1.weight"}, path)
    elif kind == "shape":
        torch.save({**state, "conv1.weight": torch.zeros(64, 1, 7, 7)}, path)
    elif kind == "nan":
        torch.save({**state, "conv1.weight": state["conv1.weight"] * torch.nan}, path)
    elif kind == "unknown":
        torch.save({"weight": torch.zeros(2, 2)}, path)
    return path


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("missing", "There is no file"),
        ("words", "not a readable checkpoint"),
        ("words as safetensors", "not a readable checkpoint"),
        ("code", "not a readable checkpoint"),
        ("list", "no state dict"),
        ("backbone", "it is a backbone"),
        ("three classes", "3 outputs where 1 or 2 are needed"),
        ("extra", "layer9.weight"),
        ("lacking", "lacks tensors"),
        ("shape", "another shape"),
        ("nan", "not finite"),
        ("unknown", "none of the known networks"),
    ],
)
def test_what_does_not_fit_is_said_in_a_sentence(state, tmp_path, kind: str, sentence: str) -> None:
    path = corrupt(kind, state, tmp_path / "weights.pth")
    with pytest.raises(ModelError, match=sentence):
        Victim.load(path)


def test_a_card_for_other_weights_is_refused(state, tmp_path) -> None:
    path = tmp_path / "net.pth"
    torch.save(state, path)
    write_card(path, sha256="0" * 64)
    with pytest.raises(ModelError, match="not the file its model card describes"):
        Victim.load(path)


def test_a_broken_card_is_a_sentence(state, tmp_path) -> None:
    path = tmp_path / "net.pth"
    torch.save(state, path)
    for text in ("{", "{}", '{"architecture": "resnet50", "input_size_px": "wide"}', "[]"):
        path.with_suffix(".json").write_text(text, encoding="utf-8")
        with pytest.raises(ModelError, match="not a model card"):
            Victim.load(path)
    write_card(path, architecture="vgg16")
    with pytest.raises(ModelError, match="names “vgg16”"):
        Victim.load(path)


def test_the_digest_is_of_the_weights_that_were_loaded(state, tmp_path, monkeypatch) -> None:
    """The file was read twice: one that was exchanged meanwhile gave its digest to the weights before it."""
    path = tmp_path / "net.pth"
    torch.save(state, path)
    write_card(path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()

    def read_card_and_exchange(path: Path) -> ModelCard:
        path.write_bytes(b"other weights")
        return card_beside(path)

    monkeypatch.setattr("snapgui.engine.victim.victim.card_beside", read_card_and_exchange)
    assert Victim.load(path).card.sha256 == digest


def test_a_victim_leaves_the_network_that_it_is_given_alone() -> None:
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 2, 3), torch.nn.ReLU(), torch.nn.Flatten())
    victim = Victim(network, ModelCard("small", "none", input_size_px=3))
    assert type(network[1]) is torch.nn.ReLU
    assert network.training and all(weight.requires_grad for weight in network.parameters())
    assert not any(weight.requires_grad for weight in victim.parameters())
    with torch.no_grad():
        network[0].weight.zero_()
    assert victim.network[0].weight.any()


def test_devices() -> None:
    assert choose_device("cpu").type == "cpu"
    assert choose_device().type == ("cuda" if torch.cuda.is_available() else "cpu")
    with pytest.raises(SettingsError, match="Choose auto, cpu, cuda or mps"):
        choose_device("quantum")


def test_a_network_that_answers_with_no_numbers_is_a_sentence(linear_victim) -> None:
    """Finite weights may be too large for what is reckoned with them."""
    victim = linear_victim(scale=1e38)
    with pytest.raises(
        ModelError, match=r"linear answers with values that are not numbers\. Check its weights"
    ):
        victim.predict(torch.ones(1, 3, 96, 96))
