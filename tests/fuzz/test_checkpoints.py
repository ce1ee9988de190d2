"""Checkpoints and cards: a network in every dressing gives the same answer, a damaged one numbers or none."""

import argparse
import collections
import io
import json
import pathlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save
from torch import nn

from snapgui.engine.victim import networks
from snapgui.engine.victim.card import SIZES_PX, card_beside
from snapgui.engine.victim.victim import Victim
from snapgui.errors import ModelError
from tests.fuzz.mutations import ABSURD, as_json, bounded, damaged, one_sentence

NAME, WIDTH, SIDE = "snap_studio_tiny", 6, 32
State = dict[str, Any]


class Tiny(nn.Module):
    """A body of one layer and a classifier: what stands for a ResNet where thousands are loaded."""

    def __init__(self, *, num_classes: int = 2) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, WIDTH, 3, bias=False)
        self.norm = nn.BatchNorm2d(WIDTH)
        self.fc = nn.Linear(WIDTH, num_classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.fc(torch.relu(self.norm(self.stem(images))).mean((2, 3)))
        return logits


IMAGES = torch.rand(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))


def weights() -> State:
    generator = torch.Generator().manual_seed(0)
    return {
        key: value
        if not value.is_floating_point()
        else torch.rand(value.shape, generator=generator) + (0.5 if "norm" in key else -0.5)
        for key, value in Tiny().state_dict().items()
    }


STATE = weights()


@pytest.fixture(scope="module", autouse=True)
def known() -> Iterator[None]:
    """The small network among those that are known."""
    others = networks.make_network
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(networks.SIGNATURES, NAME, ("stem.weight", (WIDTH, 3, 3, 3)))
        patch.setattr(
            networks,
            "make_network",
            lambda name, classes, **options: (
                Tiny(num_classes=classes, **options) if name == NAME else others(name, classes, **options)
            ),
        )
        yield


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return tmp_path_factory.mktemp("checkpoints") / "net.pth"


@pytest.fixture(scope="module")
def answer(known: None, place: pathlib.Path) -> torch.Tensor:
    """What the network says in its plain form."""
    return load(place, save(STATE)).predict(IMAGES)


def load(place: pathlib.Path, data: bytes, card: bytes | None = None) -> Victim:
    place.write_bytes(data)
    plain = json.dumps({"architecture": NAME, "input_size_px": SIDE}).encode()
    place.with_suffix(".json").write_bytes(plain if card is None else card)
    return Victim.load(place)


def pickled(content: Any, **how: Any) -> bytes:
    stream = io.BytesIO()
    torch.save(content, stream, **how)
    return stream.getvalue()


PREFIXES = (
    "",
    "model.",
    "module.",
    "_orig_mod.",
    "module._orig_mod.net.",
    "backbone.",
    "a.b.c.",
    "encoder.model.",
)
HEADS = ("fc.", "fc.1.", "head.fc.", "classifier.", "last_linear.", "cls.0.")
BESIDE: dict[str, Any] = {
    **{
        "n_averaged": torch.tensor(3),
        "criterion.weight": torch.ones(2),
        "acc.tp": torch.zeros(2, dtype=torch.long),
    },
    **{
        "epoch": 3,
        "note": "text",
        "lr": 0.1,
        "none": None,
        "schedule": [1, 2],
        "loss_fn.pos_weight": torch.ones(1),
    },
    **{
        "args": argparse.Namespace(lr=0.1),
        "out": pathlib.PurePosixPath("/x"),
        "best": collections.OrderedDict(a=1),
    },
}


@st.composite
def dressed(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """A checkpoint that holds the network, and its card."""
    prefix, head = draw(st.sampled_from(PREFIXES)), draw(st.sampled_from(HEADS))
    outside = prefix and draw(st.booleans())
    kind = draw(st.sampled_from((torch.float32, torch.float64, torch.float32)))
    classes = ["normal", "metastasis"]
    state: State = {key: v.to(kind) if v.is_floating_point() else v for key, v in STATE.items()}
    if draw(st.booleans()):
        classes = draw(st.sampled_from((["metastasis", "normal"], ["tumor", "benign"], ["1", "0"])))
        state |= {key: state[key].flip(0).contiguous() for key in ("fc.weight", "fc.bias")}
    renamed: State = {}
    for key in draw(st.permutations(list(state))):
        rest = key.removeprefix("fc.")
        renamed[prefix + key if rest == key else ("" if outside else prefix) + head + rest] = state[key]
    if draw(st.booleans()):
        renamed = {key: value for key, value in renamed.items() if "num_batches" not in key}
    card = json.dumps({"architecture": NAME, "input_size_px": SIDE, "classes": classes}).encode()
    if draw(st.integers(0, 3)) == 0:
        return save(renamed), card
    content: Any = collections.OrderedDict(renamed)
    for name in draw(st.lists(st.sampled_from(sorted(BESIDE)), max_size=3, unique=True)):
        if isinstance(BESIDE[name], torch.Tensor):
            content[name] = BESIDE[name]
    for wrapper in draw(
        st.lists(st.sampled_from(("state_dict", "model_state_dict", "net", "ema", "0")), max_size=2)
    ):
        content = {wrapper: content}
        for name in draw(st.lists(st.sampled_from(sorted(BESIDE)), max_size=3, unique=True)):
            content[name] = BESIDE[name]
    if draw(st.integers(0, 9)) == 0:
        content = [content, 3]
    return pickled(content, _use_new_zipfile_serialization=draw(st.booleans())), card


@bounded("checkpoints, dressed")
@given(dressed())
def test_one_network_in_every_dressing_gives_the_same_answer(
    door, place: pathlib.Path, answer: torch.Tensor, case: tuple[bytes, bytes]
) -> None:
    said = None
    with door():
        said = load(place, *case).predict(IMAGES)
    assert said is not None and torch.allclose(said, answer, atol=1e-5)


WRONG: dict[str, Callable[[torch.Tensor], Any]] = {
    "nan": lambda t: t * float("nan"),
    "infinite": lambda t: t.double() * 1e300 * 1e300,
    "huge": lambda t: t * 1e30,
    "beyond single": lambda t: t.double() * 1e60,
    "tiny": lambda t: t.double() * 1e-200,
    "negative": lambda t: -t,
    "whole": lambda t: t.to(torch.int64),
    "truth": lambda t: t > 0,
    "complex": lambda t: t.to(torch.complex64),
    "sparse": lambda t: t.to_sparse(),
    "meta": lambda t: t.to("meta"),
    "flat": lambda t: t.flatten(),
    "turned": lambda t: t.transpose(0, -1).contiguous(),
    "cut": lambda t: t[:1],
    "empty": lambda t: t[:0],
    "single": lambda t: t.sum(),
    "more": lambda t: torch.cat([t, t]),
    "expanded": lambda t: t.new_zeros(()).expand(1000, *t.shape),
    "list": lambda t: t.tolist(),
    "nothing": lambda t: None,
    "quantised": lambda t: torch.quantize_per_tensor(t, 0.1, 0, torch.qint8),
}


@st.composite
def broken(draw: st.DrawFn) -> tuple[bytes, bytes]:
    data, card = draw(dressed())
    if draw(st.booleans()):
        return draw(damaged(data)), card
    state = dict(STATE)
    for _ in range(draw(st.integers(1, 2))):
        key = draw(st.sampled_from(sorted(state)))
        how = draw(st.sampled_from(("gone", "renamed", "absurd", *WRONG, *WRONG)))
        if how == "gone":
            del state[key]
        elif how == "renamed":
            state[draw(st.sampled_from(("", "x.weight", "layer4.weight", f"x.{key}", f"{key}.")))] = (
                state.pop(key)
            )
        elif how == "absurd":
            state[key] = draw(st.sampled_from(ABSURD))
        elif isinstance(state[key], torch.Tensor):
            try:
                state[key] = WRONG[how](state[key])
            except (RuntimeError, IndexError, NotImplementedError):
                continue
    return pickled(state), card


@bounded("checkpoints, damaged")
@given(broken())
def test_a_damaged_checkpoint_is_refused_or_answers_with_numbers(
    door, place: pathlib.Path, case: tuple[bytes, bytes]
) -> None:
    with door():
        p = load(place, *case).predict(IMAGES)
        assert p.shape == (2, 2) and torch.isfinite(p).all()


CARD = {
    **{"name": "tiny", "architecture": NAME, "classes": ["normal", "metastasis"], "input_size_px": SIDE},
    **{"mean": [0.5, 0.4, 0.3], "std": [0.2, 0.3, 0.4], "sha256": "", "figures": {"val": {"auc": 0.9}}},
}


@bounded("cards")
@given(as_json(CARD))
def test_a_card_is_right_or_refused(door, place: pathlib.Path, answer: torch.Tensor, card: bytes) -> None:
    with door():
        victim = load(place, save(STATE), card)
        assert torch.isfinite(victim.predict(IMAGES)).all()
        assert SIZES_PX[0] <= victim.card.input_size_px <= SIZES_PX[1]
        assert len(set(victim.card.classes)) == 2 and all(map(str.strip, victim.card.classes))
    # Where the network is not known by then.
    try:
        card_beside(place)
    except ModelError as error:
        one_sentence(error)
