"""Checkpoints as people have them: one network in every dressing, found by its tensors."""

import argparse
import functools
import pathlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from safetensors.torch import save

from snapgui.engine.victim.checkpoints import decode_tensors
from snapgui.engine.victim.search import Found, find_network
from snapgui.errors import ModelError

State = dict[str, torch.Tensor]


@functools.cache
def whole(architecture: str) -> State:
    """A network's tensors without numbers: what tells it are names and shapes."""
    with torch.device("meta"):
        return dict(torchvision.models.get_model(architecture, num_classes=2).state_dict())


RESNET = whole("resnet50")
DENSENET = whole("densenet121")


def under(prefix: str, state: State) -> State:
    return {prefix + key: value for key, value in state.items()}


def body(state: State) -> State:
    return {key: value for key, value in state.items() if not key.startswith(("fc.", "classifier."))}


def head(prefix: str, state: State, outputs: int = 2) -> State:
    wide = next(value for key, value in state.items() if key in ("fc.weight", "classifier.weight")).shape[1]
    return {
        f"{prefix}weight": torch.empty(outputs, wide, device="meta"),
        f"{prefix}bias": torch.empty(outputs, device="meta"),
    }


def flat(**values: Any) -> dict[str, Any]:
    return {key.replace("__", "."): value for key, value in values.items()}


def search(content: dict[str, Any], **how: Any) -> Found:
    """Find the network of a nested dictionary, as of a file that holds it."""
    scopes: dict[str, State] = {}

    def walk(mapping: dict[str, Any], place: str) -> None:
        scopes[place] = {key: value for key, value in mapping.items() if isinstance(value, torch.Tensor)}
        for key, value in mapping.items():
            if isinstance(value, dict):
                walk(value, f"{place}{key}.")

    walk(content, "")
    return find_network(scopes, "net.pth", **how)


def numbered(state: State, prefix: str) -> State:
    """As a Sequential of the network's parts calls them."""
    parts = ["conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4"]
    return {
        f"{prefix}{parts.index(key.split('.')[0])}.{key.split('.', 1)[1]}": value
        for key, value in body(state).items()
    }


def before_2018(state: State) -> State:
    return {re.sub(r"(denselayer\d+\.(?:norm|conv))(\d)", r"\1.\2", key): v for key, v in state.items()}


LOSS = {"criterion.weight": torch.ones(2)}
METRICS = {"train_acc.tp": torch.zeros(2, dtype=torch.long), "train_auc.thresholds": torch.zeros(200)}
DRESSINGS: dict[str, Callable[[], dict[str, Any]]] = {
    "as it is": lambda: RESNET,
    "DenseNet as it is": lambda: DENSENET,
    "compiled": lambda: under("_orig_mod.", RESNET),
    "compiled inside others": lambda: under("module._orig_mod.model.", RESNET),
    "compiled in part": lambda: {k.replace("layer4.", "layer4._orig_mod."): v for k, v in RESNET.items()},
    "checkpointed activations": lambda: {
        k.replace("layer4.0.", "layer4.0._checkpoint_wrapped_module."): v for k, v in RESNET.items()
    },
    "any prefix": lambda: under("net.trunk.of.ours.", RESNET),
    "backbone": lambda: under("backbone.", RESNET),
    "head outside": lambda: under("encoder.", body(RESNET)) | head("head.", RESNET),
    "head outside, wrapped": lambda: {
        "state_dict": under("m.encoder.", body(RESNET)) | head("m.cls.1.", RESNET)
    },
    "head in another mapping": lambda: {"backbone": body(RESNET), "head": head("", RESNET)},
    "dropout before the Linear": lambda: body(RESNET) | head("fc.1.", RESNET),
    "timm's head": lambda: under("model.", body(RESNET)) | head("model.head.fc.", RESNET),
    "no bias": lambda: {key: value for key, value in RESNET.items() if key != "fc.bias"},
    "centres of a loss beside": lambda: RESNET | {"loss.centers": torch.zeros(2, 2048)},
    "loss beside": lambda: under("model.", RESNET) | LOSS,
    "loss beside, no prefix": lambda: RESNET | LOSS | {"loss_fn.pos_weight": torch.ones(1)},
    "metrics beside": lambda: under("model.", RESNET) | METRICS,
    "counted averages": lambda: {"n_averaged": torch.tensor(3)} | under("module.", RESNET),
    "operations counted": lambda: RESNET | {"layer1.0.total_ops": torch.zeros(())},
    "any wrapper": lambda: {"epoch": 3, "net_weights": {"best": under("module.", RESNET)}},
    "optimiser beside": lambda: {
        "model_state_dict": RESNET,
        "optimizer": {"state": {"0": {"exp_avg": RESNET["conv1.weight"]}}},
    },
    "averages in a mapping": lambda: {"ema_state_dict": RESNET},
    "TIAToolbox": lambda: numbered(RESNET, "feat_extract.") | head("classifier.", RESNET),
    "a Sequential": lambda: numbered(RESNET, "0.") | head("1.", RESNET),
    "TIAToolbox's DenseNet": lambda: (
        {k.replace("features.", "feat_extract."): v for k, v in body(DENSENET).items()}
        | head("classifier.", DENSENET)
    ),
    "DenseNet of before 2018": lambda: before_2018(DENSENET),
    "DenseNet of before 2018, wrapped": lambda: {"state_dict": under("module.", before_2018(DENSENET))},
}


@pytest.mark.parametrize("dressing", DRESSINGS)
def test_a_network_is_found_in_every_dressing(dressing: str) -> None:
    found = search(DRESSINGS[dressing]())
    plain = DENSENET if "DenseNet" in dressing else RESNET
    wanted = {key for key, value in plain.items() if value.is_floating_point()}
    if dressing == "no bias":
        wanted.remove("fc.bias")
    assert set(found.state) == wanted
    assert all(found.state[key].shape == plain[key].shape for key in wanted)


def test_the_tensors_are_those_of_their_own_names() -> None:
    """The norms of a block have one shape: only a name tells them apart."""
    marked = {key: torch.empty_like(value) for key, value in RESNET.items()}
    found = search(numbered(marked, "feat_extract.") | head("classifier.", RESNET))
    assert all(found.state[key] is marked[key] for key in found.state if not key.startswith("fc."))


def test_what_is_left_out_is_named() -> None:
    (remark,) = search(under("model.", RESNET) | LOSS).remarks
    assert "criterion.weight" in remark and "Left out" in remark
    assert search(RESNET).remarks == ()


@pytest.mark.parametrize(
    "averaged", ["ema.module.", "model_ema.", "swa_model.module.", "shadow.", "emaModel."]
)
def test_of_a_network_and_its_running_average_the_average_is_read(averaged: str) -> None:
    """It is what such training evaluates; and it is said."""
    own, other = under("model.", RESNET), {key: torch.empty_like(value) for key, value in RESNET.items()}
    found = search(own | under(averaged, other))
    assert found.state["conv1.weight"] is other["conv1.weight"]
    assert found.state["fc.weight"] is other["fc.weight"]
    assert "holds 2 networks" in found.remarks[0] and averaged.rstrip(".") in found.remarks[0]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (lambda: body(RESNET), "it is a backbone"),
        (lambda: body(RESNET) | {"projection.weight": torch.empty(9, 7, device="meta")}, "it is a backbone"),
        (lambda: body(RESNET) | {"fc.weight": torch.zeros(2, 2048, 1, 1)}, r"not one Linear .*\(fc\.weight"),
        (lambda: body(RESNET) | {"fc.weight_v": torch.zeros(2, 2048)}, r"not one Linear .*\(fc\.weight_v"),
        (
            # fastai's, after two ways of pooling.
            lambda: under("0.", body(RESNET)) | {"1.8.weight": torch.zeros(2, 512)},
            r"not one Linear .*\(1\.8\.weight",
        ),
        (lambda: RESNET | {"layer9.weight": torch.zeros(1)}, r"should not \(1, the first is layer9.weight"),
        (lambda: RESNET | {"layer1.0.se.fc1.weight": torch.zeros(1)}, "layer1.0.se.fc1.weight"),
        (lambda: RESNET | {"norm.weight": torch.zeros(2048)}, "norm.weight"),
        (lambda: body(RESNET) | head("fc.1.", RESNET) | {"fc.0.weight": torch.ones(2)}, "fc.0.weight"),
        (lambda: RESNET | {"pool.p": torch.ones(1)}, r"the first is pool\.p"),
        (lambda: RESNET | {"register_tokens": torch.zeros(1, 4, 384)}, r"the first is register_tokens"),
        (lambda: RESNET | {"neck.running_mean": torch.zeros(2048)}, r"the first is neck\.running_mean"),
        (lambda: RESNET | {"attn.query": torch.zeros(1, 2048)}, r"the first is attn\.query"),
        (lambda: RESNET | {"fc.lora_A": torch.zeros(4, 2048)}, r"the first is fc\.lora_A"),
        (lambda: RESNET | {"out.weight": torch.zeros(2, 9)}, "out.weight"),
        (lambda: RESNET | head("aux.", RESNET, 5), r"2 layers that could be its classifier \(fc., aux"),
        (lambda: dict(whole("resnet101")), "not a resnet50: it has tensors that it should not"),
        (lambda: dict(whole("resnet18")), "none of the known networks"),
    ],
)
def test_what_would_compute_something_else_is_refused(content, sentence: str) -> None:
    with pytest.raises(ModelError, match=sentence):
        search(content())


SMALL = {"fc.weight": torch.ones(2, 3)}


class Settings:
    """A class of somebody's own."""

    def __init__(self) -> None:
        self.rate = 0.1


class Bomb:
    def __reduce__(self) -> Any:
        return pytest.fail, ("the pickle was run",)


def saved(path: Path, content: Any) -> bytes:
    torch.save(content, path)
    return path.read_bytes()


@pytest.mark.parametrize(
    "beside",
    [
        pathlib.PurePosixPath("runs/1"),
        pathlib.PureWindowsPath("C:/runs"),
        Path("runs"),
        argparse.Namespace(rate=0.1),
        Settings(),
        np.float64(0.93),
        np.arange(3),
        {"deep": [Settings(), Path("x")]},
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_lies_beside_the_weights_does_no_harm(tmp_path: Path, beside: Any) -> None:
    data = saved(tmp_path / "a.pt", {"state_dict": SMALL, "hyper_parameters": beside})
    assert torch.equal(decode_tensors(data, "a.pt")["state_dict."]["fc.weight"], SMALL["fc.weight"])


def test_files_of_old_torch_are_read_too(tmp_path: Path) -> None:
    content = {"state_dict": SMALL, "place": Path("x"), "args": argparse.Namespace(rate=0.1)}
    torch.save(content, tmp_path / "a.pt", _use_new_zipfile_serialization=False)
    found = decode_tensors((tmp_path / "a.pt").read_bytes(), "a.pt")
    assert torch.equal(found["state_dict."]["fc.weight"], SMALL["fc.weight"])


def test_a_call_in_a_file_is_refused_by_name_and_not_made(tmp_path: Path) -> None:
    for beside, named in ((Bomb(), "_Fail"), (functools.partial(print), "functools.partial")):
        data = saved(tmp_path / "a.pt", {"state_dict": SMALL, "beside": beside})
        with pytest.raises(ModelError, match=rf"also holds .*{named}.*state_dict\(\)"):
            decode_tensors(data, "a.pt")


def scripted() -> bytes:
    import io

    stream = io.BytesIO()
    torch.jit.save(torch.jit.trace(torch.nn.Linear(1, 1), torch.ones(1, 1)), stream)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (lambda path: saved(path, torch.nn.Linear(2, 2)), r"a whole module \(torch.nn.*Linear\)"),
        (lambda path: saved(path, {"model": torch.nn.Linear(2, 2)}), "a whole module"),
        (lambda _: b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n", "Git LFS pointer"),
        (lambda _: scripted(), "TorchScript"),
        (lambda _: b"<!DOCTYPE html><html>", "a web page"),
        (lambda path: saved(path, {"epoch": 3}), "holds no state dict"),
        (lambda _: b"", "not a readable checkpoint"),
    ],
)
def test_what_is_no_checkpoint_is_called_what_it_is(tmp_path: Path, content, sentence: str) -> None:
    with pytest.raises(ModelError, match=sentence):
        decode_tensors(content(tmp_path / "a.pt"), "a.pt")


def test_safetensors_are_known_by_their_content() -> None:
    for name in ("NET.SAFETENSORS", "net.pth", "net"):
        assert torch.equal(decode_tensors(save(SMALL), name)[""]["fc.weight"], SMALL["fc.weight"])
