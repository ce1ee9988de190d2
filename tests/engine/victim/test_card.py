"""Model cards: what they may say, what is assumed without them, and what their class names mean."""

import json
from pathlib import Path

import pytest
import torch
import torchvision

from snapgui.engine.victim import victim as victim_module
from snapgui.engine.victim.card import card_beside, order_of_classes
from snapgui.engine.victim.victim import Victim
from snapgui.errors import ModelError

GOOD = {
    "architecture": "resnet50",
    "input_size_px": 32,
    "mean": [0.5, 0.5, 0.5],
    "std": [0.2, 0.2, 0.2],
    "classes": ["normal", "metastasis"],
}


def write(folder: Path, **values: object) -> Path:
    path = folder / "net.pth"
    path.with_suffix(".json").write_text(json.dumps(values), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"input_size_px": 31}, "input_size_px is 31, where a whole number from 32 to 1024"),
        ({"input_size_px": 100_000}, "input_size_px is 100000"),
        ({"input_size_px": 96.5}, "input_size_px is 96.5"),
        ({"input_size_px": "96"}, "input_size_px is '96'"),
        ({"input_size_px": True}, "input_size_px is True"),
        ({"mean": [0.5, 0.5]}, "mean is .* three finite numbers"),
        ({"mean": [0.5, float("nan"), 0.5]}, "mean is"),
        ({"mean": "abc"}, "mean is"),
        ({"mean": [10**400, 0.5, 0.5]}, "mean is"),
        ({"mean": [123.7, 116.3, 103.5]}, r"mean is .* for pictures in \[0, 1\]"),
        ({"std": [58.4, 57.1, 57.4]}, r"std is .* for pictures in \[0, 1\]"),
        ({"std": [0.2, 0.0, 0.2]}, r"std is .* from 0\.001 to 10"),
        ({"std": [0.2, -0.1, 0.2]}, "std is"),
        ({"std": [0.2, float("inf"), 0.2]}, "std is"),
        ({"classes": ["metastasis"]}, "classes are .* two or more different names"),
        ({"classes": ["normal", "Normal "]}, "classes are"),
        ({"classes": "normal"}, "classes are"),
        ({"classes": [0, 1]}, "classes are"),
        ({"classes": ["normal", " "]}, "classes are"),
        ({"mean": 0.5}, "is not a model card"),
        ({"classes": None}, "is not a model card"),
    ],
)
def test_a_card_that_cannot_be_right_is_a_sentence(tmp_path: Path, values, sentence: str) -> None:
    with pytest.raises(ModelError, match=sentence):
        card_beside(write(tmp_path, **{**GOOD, **values}))


def test_what_was_assumed_is_said(tmp_path: Path) -> None:
    (said,) = card_beside(tmp_path / "net.pth").assumed
    assert "no model card" in said and "224 px" in said and "mean" in said and "deviation" in said
    assert "normal and metastasis" in said
    some = {key: value for key, value in GOOD.items() if key != "std"}
    (said,) = card_beside(write(tmp_path, **some)).assumed
    assert "ImageNet's deviation" in said and "224" not in said and "order" not in said
    assert card_beside(write(tmp_path, **GOOD)).assumed == ()


@pytest.mark.parametrize(
    ("classes", "order"),
    [
        (("normal", "metastasis"), (0, 1)),
        (("metastasis", "normal"), (1, 0)),
        (("Tumor", "Normal tissue"), (1, 0)),
        (("non-tumour", "tumour"), (0, 1)),
        (("tumor", "nontumor"), (1, 0)),
        (("no_cancer", "cancer"), (0, 1)),
        (("malignant", "benign"), (1, 0)),
        (("positive", "negative"), (1, 0)),
        (("lymph node", "metastatic"), (0, 1)),
        (("1", "0"), (1, 0)),
        (("1", "2"), None),
        (("class1", "class2"), None),
        (("tumor-negative", "macro"), (0, 1)),
        (("tumor_present", "tumor_absent"), (1, 0)),
        (("notable", "noise"), None),
        (("a", "b"), None),
        (("normal", "metastasis", "other"), None),
    ],
)
def test_the_order_of_classes_is_read_from_their_names(classes, order) -> None:
    assert order_of_classes(classes) == order


def test_a_hash_may_be_written_in_capitals_or_left_open(tmp_path: Path) -> None:
    """Windows writes hashes in capitals; of an open one the word “None” was compared."""
    assert card_beside(write(tmp_path, **GOOD, sha256="AB12")).sha256 == "ab12"
    assert card_beside(write(tmp_path, **GOOD, sha256=None)).sha256 == ""


@pytest.fixture(scope="module")
def state() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return dict(torchvision.models.resnet50(num_classes=2).state_dict())


@pytest.fixture
def loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Load tensors as if a file held them."""

    def load(state: dict[str, torch.Tensor], **card: object) -> Victim:
        monkeypatch.setattr(victim_module, "read_checkpoint", lambda path: b"")
        monkeypatch.setattr(victim_module, "decode_tensors", lambda data, name: {"": state})
        return Victim.load(write(tmp_path, **{**GOOD, **card}))

    return load


def test_exchanged_outputs_count_by_name(state, loaded) -> None:
    """The labels of a data set are 0 and 1, and went by the index of an output: accuracy 8 %, exit 0.

    A lone output belongs to the second name.
    """
    image = torch.rand(1, 3, 32, 32)
    plain = loaded(state).predict(image)
    exchanged = {**state, "fc.weight": state["fc.weight"].flip(0), "fc.bias": state["fc.bias"].flip(0)}
    victim = loaded(exchanged, classes=["metastasis", "normal"])
    assert victim.card.classes == ("normal", "metastasis") and victim.card.assumed == ()
    assert torch.allclose(victim.predict(image), plain, atol=1e-6)
    # The log odds of the two outputs, as one.
    odds = {key: (state[key][:1] - state[key][1:]) for key in ("fc.weight", "fc.bias")}
    assert torch.allclose(
        loaded({**state, **odds}, classes=["metastasis", "normal"]).predict(image), plain, atol=1e-6
    )


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda w: w.to("meta"), "no device"),
        (lambda w: w.to_sparse(), "sparse"),
        (lambda w: torch.quantize_per_tensor(w, 0.1, 0, torch.qint8), "quantised"),
        (lambda w: w.to(torch.int8), "torch.int8"),
        (lambda w: w.to(torch.complex64), "torch.complex64"),
        (lambda w: torch.ones(1).expand(10**9, 10**6), "another shape"),
        (lambda w: w * torch.inf, "not finite"),
    ],
)
def test_weights_that_are_none_are_a_sentence(state, loaded, change, sentence: str) -> None:
    with pytest.raises(ModelError, match=sentence):
        loaded({**state, "layer1.0.conv1.weight": change(state["layer1.0.conv1.weight"])})


def test_a_head_for_other_classes_is_counted(state, loaded) -> None:
    for outputs, sentence in ((1000, "1,000 outputs, the classes of ImageNet"), (10**9, "1,000,000,000")):
        head = {"fc.weight": torch.ones(1).expand(outputs, 2048), "fc.bias": torch.ones(1).expand(outputs)}
        with pytest.raises(ModelError, match=sentence):
            loaded({**state, **head})


def test_a_variance_below_nothing_is_not_finite(state, loaded) -> None:
    with pytest.raises(ModelError, match="not finite"):
        loaded({**state, "bn1.running_var": -state["bn1.running_var"]})
