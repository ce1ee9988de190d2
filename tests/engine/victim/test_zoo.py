"""Networks beyond the first two: found by their tensors, named by a card, fetched, or programs."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import timm
import torch
import torchvision
from safetensors.torch import save_file
from timm.models import save_for_hf

from snapgui.cli import main
from snapgui.data.published import fetch_model
from snapgui.engine.victim.networks import VIT, anatomy, make_network
from snapgui.engine.victim.search import Found
from snapgui.engine.victim.victim import Victim, normalisation_words
from snapgui.errors import ModelError


def saved(network: torch.nn.Module, path: Path, **card: object) -> Path:
    torch.save(network.state_dict(), path)
    if card:
        path.with_suffix(".json").write_text(json.dumps(card), encoding="utf-8")
    return path


@torch.no_grad()
def agrees(victim: Victim, network: torch.nn.Module) -> bool:
    size = victim.card.input_size_px
    images = torch.rand(2, 3, size, size)
    expected = network.eval()((images - victim.mean) / victim.std).softmax(1)
    # A fresh network answers nearly the same to all; its logits must agree beyond that.
    return torch.allclose(victim.predict(images), expected, atol=1e-5) and not torch.allclose(
        expected[0], expected[0].flip(0)
    )


@torch.no_grad()
def with_a_lively_head(network: torch.nn.Module, name: str) -> torch.nn.Module:
    """Fresh networks answer nothing: normalised by what they see, and with a large head, they do."""
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0
    network.train()(torch.rand(8, 3, 64, 64) if name != "head" else torch.rand(8, 3, 56, 56))
    torch.nn.init.normal_(network.get_submodule(name).weight, std=1.0)
    return network.eval()


def test_a_normalisation_among_the_weights_is_held_against_the_one_that_is_used(tmp_path: Path) -> None:
    """Buffers such as normalize.mean are no part of the network that is built, so they would be lost."""
    state = torchvision.models.mobilenet_v2(num_classes=2).state_dict()
    own = {"0.mean": torch.tensor([0.7, 0.5, 0.7]).view(1, 3, 1, 1), "0.std": torch.ones(1, 3, 1, 1)}
    torch.save(own | {f"1.{key}": value for key, value in state.items()}, tmp_path / "m.pth")
    card = Victim.load(tmp_path / "m.pth").card
    said = "of its own (0.mean 0.7, 0.5, 0.7; 0.std 1, 1, 1), and what was assumed is mean 0.485"
    assert said in card.assumed[-1] and not any("Left out" in one for one in card.assumed)
    found = Found("", {}, normalisation={"pixel_mean": (0.7, 0.5, 0.7), "pixel_std": (1.0, 1.0, 1.0)})
    told = replace(card, details={"mean": 0, "std": 0})
    assert "its card says mean 0.485, 0.456, 0.406 and dev" in normalisation_words(found, told, "m.pth")[0]
    same = replace(card, mean=(0.7, 0.5, 0.7), std=(1, 1, 1))
    assert "the same as is used" in normalisation_words(found, same, "m.pth")[0]


def test_numbers_of_8_bits_are_refused_by_name(tmp_path: Path) -> None:
    state = torchvision.models.mobilenet_v2(num_classes=2).state_dict()
    small = {k: v.to(torch.float8_e4m3fn) if v.is_floating_point() else v for k, v in state.items()}
    save_file(small, tmp_path / "m.safetensors")
    with pytest.raises(
        ModelError, match=r"weights that are of torch\.float8_e4m3fn .* before it is converted"
    ):
        Victim.load(tmp_path / "m.safetensors")
    (tmp_path / "m.json").write_text(
        '{"architecture": "mobilenet_v2", "input_size_px": 96}', encoding="utf-8"
    )
    with pytest.raises(ModelError, match=r"m\.json is a model card .* Give the weights"):
        Victim.load(tmp_path / "m.json")
    header = b'{"fc.weight":{"dtype":"F8_E8M0","shape":[4],"data_offsets":[0,4]}}'
    (tmp_path / "n.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    with pytest.raises(ModelError, match="holds numbers of the kind 'F8_E8M0'"):
        Victim.load(tmp_path / "n.safetensors")


def test_a_mobilenet_and_a_transformer_are_known_by_their_tensors(tmp_path: Path) -> None:
    torch.manual_seed(0)
    mobile = with_a_lively_head(torchvision.models.mobilenet_v2(num_classes=2), "classifier.1")
    victim = Victim.load(saved(mobile, tmp_path / "m.pth"))
    assert victim.card.architecture == "mobilenet_v2" and agrees(victim, mobile)
    transformer = with_a_lively_head(make_network(VIT, 2, img_size=56, depth=2), "head")
    for block in transformer.blocks:
        torch.nn.init.ones_(block.ls1.gamma)
    victim = Victim.load(saved(transformer, tmp_path / "v.pth"))
    assert (victim.card.architecture, victim.card.input_size_px) == (VIT, 56)
    assert agrees(victim, transformer)
    image = torch.rand(1, 3, 96, 96, requires_grad=True)
    (gradient,) = torch.autograd.grad(victim(image)[0, 0], image)
    assert gradient.abs().sum() > 0


def test_positions_of_another_size_are_not_taken_for_those_of_the_card(tmp_path: Path) -> None:
    network = make_network(VIT, 2, img_size=56, depth=1)
    path = saved(network, tmp_path / "v.pth", architecture=VIT, input_size_px=112)
    with pytest.raises(ModelError, match="belong to images of 56 px; its card says 112"):
        Victim.load(path)


@pytest.mark.parametrize("architecture", ["mobilenet_v3_small", "timm/resnet10t"])
def test_a_card_may_name_any_network_of_torchvision_or_timm(tmp_path: Path, architecture: str) -> None:
    torch.manual_seed(0)
    network = with_a_lively_head(make_network(architecture, 2), anatomy(architecture).head)
    wrapped = torch.nn.Sequential(network)
    path = saved(wrapped, tmp_path / "w.pth", architecture=architecture, input_size_px=64)
    assert agrees(Victim.load(path), network)


def test_what_a_card_names_wrongly_is_a_sentence(tmp_path: Path) -> None:
    network = torchvision.models.mobilenet_v3_small(num_classes=2)
    for card, sentence in (
        ({"architecture": "mobilenet_v9"}, "is no network of torchvision or timm"),
        ({"architecture": "shufflenet_v2_x0_5"}, "no tensor has the name and the shape"),
        ({"architecture": "squeezenet1_1"}, "is not a Linear layer"),
        ({"architecture": "resnet18", "options": {"depth": 3}}, "cannot be built with"),
        ({"architecture": "mobilenet_v3_small", "options": [1]}, "options are"),
    ):
        path = saved(network, tmp_path / "m.pth", input_size_px=64, **card)
        with pytest.raises(ModelError, match=sentence):
            Victim.load(path)
    path.with_suffix(".json").unlink()
    with pytest.raises(ModelError, match="put a model card beside it that names its architecture"):
        Victim.load(path)


@pytest.fixture
def hub(tmp_path: Path) -> Path:
    """A folder in the Hub's layout."""
    torch.manual_seed(0)
    network = with_a_lively_head(timm.create_model("resnet10t", num_classes=2), "fc")
    save_for_hf(
        network, tmp_path / "hub", model_config={"label_names": ["tumour", "benign"]}, safe_serialization=True
    )
    return tmp_path / "hub"


def test_a_published_network_is_fetched_once_and_loads_as_a_file(hub, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("SNAP_WORKSPACE", str(tmp_path / "workspace"))
    out = fetch_model(f"local-dir:{hub}", tmp_path / "models" / "small.safetensors")
    victim = Victim.load(out)
    assert victim.card.architecture == "timm/resnet10t" and victim.card.input_size_px == 176
    assert victim.card.classes == ("benign", "tumour"), "the outputs were not put in order"
    network = timm.create_model(f"local-dir:{hub}", pretrained=True).eval()
    images = torch.rand(2, 3, 176, 176)
    with torch.no_grad():
        expected = network((images - victim.mean) / victim.std).softmax(1).flip(1)
    assert torch.allclose(victim.predict(images), expected, atol=1e-5)
    stamp = out.stat().st_mtime_ns
    assert fetch_model(f"local-dir:{hub}", out) == out and out.stat().st_mtime_ns == stamp


def test_a_backbone_takes_a_linear_head_from_a_file(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = timm.create_model("resnet10t", num_classes=0).eval()
    save_for_hf(network, tmp_path / "hub", safe_serialization=True)
    head = torch.nn.Linear(512, 2)
    save_file(head.state_dict(), tmp_path / "head.safetensors")
    name, out = f"local-dir:{tmp_path / 'hub'}", tmp_path / "model.safetensors"
    with pytest.raises(ModelError, match="backbone"):
        fetch_model(name, out)
    assert not list(tmp_path.glob("model.*")), "what cannot be used was left behind"
    victim = Victim.load(fetch_model(name, out, head=tmp_path / "head.safetensors"))
    images = torch.rand(2, 3, 176, 176)
    with torch.no_grad():
        expected = head(network((images - victim.mean) / victim.std)).softmax(1)
    assert torch.allclose(victim.predict(images), expected, atol=1e-5)
    save_file({"weight": torch.zeros(2, 7)}, tmp_path / "wrong.safetensors")
    with pytest.raises(ModelError, match="its weight is 2 x 7, where 2 x 512"):
        fetch_model(name, tmp_path / "other.safetensors", head=tmp_path / "wrong.safetensors")


def test_what_cannot_be_fetched_is_a_sentence(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("SNAP_WORKSPACE", str(tmp_path))
    with pytest.raises(ModelError, match="no name of the Hub"):
        fetch_model("resnet50", tmp_path / "m.safetensors")
    with pytest.raises(ModelError, match="could not be fetched .* connect to a network"):
        fetch_model(f"local-dir:{tmp_path / 'nowhere'}", tmp_path / "m.safetensors")
    with pytest.raises(SystemExit) as ended:
        main(["predict", str(tmp_path), "--model", f"local-dir:{tmp_path / 'nowhere'}"])
    assert ended.value.code == 2 and "could not be fetched" in capsys.readouterr().err


def test_a_program_runs_only_where_its_card_says_so(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten()
    )
    network.append(torch.nn.Linear(4, 2))
    path = tmp_path / "program.pt"
    torch.jit.save(torch.jit.trace(network.eval(), torch.rand(1, 3, 64, 64)), path)
    with pytest.raises(ModelError, match="if you trust it, put a model card"):
        Victim.load(path)

    def card(**values: object) -> None:
        base = {"architecture": "torchscript", "input_size_px": 64, "classes": ["tumour", "normal"]}
        path.with_suffix(".json").write_text(json.dumps(base | values), encoding="utf-8")

    card()
    victim = Victim.load(path)
    images = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        expected = network((images - victim.mean) / victim.std).softmax(1).flip(1)
    assert torch.allclose(victim.predict(images), expected, atol=1e-5)
    assert victim.card.classes == ("normal", "tumour")
    image = images[:1].requires_grad_()
    assert torch.autograd.grad(victim(image)[0, 0], image)[0].abs().sum() > 0
    card(classes=["a", "b"])
    assert any("assumed: the second" in words for words in Victim.load(path).card.assumed)
    card(outputs="marks")
    with pytest.raises(ModelError, match="calls its outputs “marks”"):
        Victim.load(path)
    path.write_bytes(b"PK not a program")
    card()
    with pytest.raises(ModelError, match="is no TorchScript program"):
        Victim.load(path)


def test_probabilities_of_a_program_are_its_own(tmp_path: Path) -> None:
    network = torch.nn.Sequential(
        torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(3, 1), torch.nn.Sigmoid()
    )
    path = tmp_path / "program.pt"
    torch.jit.save(torch.jit.trace(network.eval(), torch.rand(2, 3, 64, 64)), path)
    path.with_suffix(".json").write_text(
        json.dumps({"architecture": "torchscript", "input_size_px": 64, "outputs": "probabilities"}),
        encoding="utf-8",
    )
    victim = Victim.load(path)
    images = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        expected = network((images - victim.mean) / victim.std)[:, 0]
    assert torch.allclose(victim.predict(images)[:, 1], expected, atol=1e-5)
