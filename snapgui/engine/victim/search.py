"""Find a known network among the tensors of a checkpoint, whatever they are called there."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache

import torch
import torchvision

from snapgui.errors import ModelError

State = dict[str, torch.Tensor]
# A tensor that only this architecture has, with its shape: how a checkpoint is recognised.
SIGNATURES = {
    "resnet50": ("layer4.2.conv3.weight", (2048, 512, 1, 1)),
    "densenet121": ("features.denseblock4.denselayer16.conv2.weight", (32, 128, 3, 3)),
}
# Where the body ends and the classifier begins.
_BODY = {"resnet50": ("", "fc"), "densenet121": ("features.", "classifier")}
# What torch.compile and others that wrap a module put into its names.
_WRAPPER = re.compile(r"(?<![^.])_[a-z]\w*\.")
# torchvision's names of before 2018: denselayer1.norm.1.weight.
_OLD_DENSENET = re.compile(r"(denselayer\d+\.(?:norm|conv))\.([12]\.)")
_AVERAGED = re.compile(r"(?<![a-z])(ema|swa|averaged?)(?![a-z])")


@dataclass(frozen=True)
class Found:
    """A network in a checkpoint.

    Attributes:
        architecture: torchvision's name.
        state: its tensors under torchvision's names, as they were saved; the classifier among them.
        remarks: what was chosen or left out, in sentences.
    """

    architecture: str
    state: State
    remarks: tuple[str, ...] = field(default=())


@dataclass(frozen=True)
class _Place:
    """Where a body begins: the prefix of its names, and the network's own name for each of them."""

    architecture: str
    prefix: str
    names: Mapping[str, str]


def find_network(scopes: Mapping[str, State], name: str, *, need_head: bool = True) -> Found:
    """The network whose tensors lie in a checkpoint, see `checkpoints.decode_tensors`.

    A body is found by a tensor that no other network has; its prefix is whatever stands before that
    tensor's name. The classifier is the one Linear that fits the body, inside the prefix or outside.

    Raises:
        ModelError: no known network, only a backbone (with ``need_head``), or tensors that make it another
            network.
    """
    state = {
        _plain(scope + key): value for scope, tensors in scopes.items() for key, value in tensors.items()
    }
    places = list(_places(state))
    if not places:
        raise ModelError(
            f"{name} is none of the known networks ({', '.join(SIGNATURES)}): no tensor has the name and the "
            "shape that tell one. Give a checkpoint of one of them."
        )
    place = next((one for one in places if _AVERAGED.search(one.prefix.lower())), places[0])
    remarks = []
    if len(places) > 1:
        others = ", ".join(_spoken(one.prefix) for one in places if one is not place)
        remarks.append(
            f"{name} holds {len(places)} networks; that of {_spoken(place.prefix)} was read, not {others}."
        )
    nearest = {key: max(_shared(key, one.prefix) for one in places) for key in state}
    own = {key: value for key, value in state.items() if _shared(key, place.prefix) == nearest[key]}
    body = {
        place.names[rest]: own.pop(place.prefix + rest) for rest in place.names if place.prefix + rest in own
    }
    own = {key: value for key, value in own.items() if not key.endswith("num_batches_tracked")}
    head = _find_head(own, place, name, several=len(places) > 1)
    if head is None and need_head:
        raise ModelError(
            f"{name} has no classifier (a Linear of {_features(place.architecture)} inputs): it is a "
            "backbone. Fine-tune it first."
        )
    if head is not None:
        target = _BODY[place.architecture][1]
        for ending in ("weight", "bias"):
            if head + ending in own:
                body[f"{target}.{ending}"] = own.pop(head + ending)
    outputs = body[f"{_BODY[place.architecture][1]}.weight"].shape[0] if head is not None else 0
    scope = _scope_of(scopes, place.prefix)
    beside = [key for key in own if key.startswith(scope)]
    strange = [key for key in beside if _belongs(key, own[key], place, head, outputs)]
    if strange:
        raise ModelError(
            f"{name} is not a {place.architecture}: it has tensors that it should not ({len(strange)}, the "
            f"first is {strange[0]})."
        )
    if beside:
        remarks.append(
            f"Left out of {name}, since the network does not use them: {', '.join(beside[:3])}"
            f"{f' and {len(beside) - 3} more' if len(beside) > 3 else ''}."
        )
    return Found(place.architecture, body, tuple(remarks))


def _plain(key: str) -> str:
    return _OLD_DENSENET.sub(r"\1\2", _WRAPPER.sub("", key))


def _spoken(prefix: str) -> str:
    return f"“{prefix.rstrip('.')}”" if prefix else "the file itself"


def _shared(key: str, prefix: str) -> int:
    """How many of the first parts two names have in common."""
    count = 0
    for one, other in zip(key.split("."), prefix.split(".")[:-1], strict=False):
        if one != other:
            break
        count += 1
    return count


def _scope_of(scopes: Mapping[str, State], prefix: str) -> str:
    """The mapping in which a body lies."""
    return max((place for place in map(_plain, scopes) if prefix.startswith(place)), key=len, default="")


@cache
def _spellings(architecture: str) -> tuple[dict[str, str], ...]:
    """How a body's tensors may be called without their prefix, each with torchvision's name: by torchvision,
    or by the position of each part where the body was put into a Sequential.
    """
    start, head = _BODY[architecture]
    with torch.device("meta"):
        network = torchvision.models.get_model(architecture, weights=None, num_classes=2)
    body = network.get_submodule(start.rstrip("."))
    position = {name: str(index) for index, (name, _) in enumerate(body.named_children())}
    names = {
        key.removeprefix(start): key
        for key, value in network.state_dict().items()
        if value.is_floating_point() and not key.startswith(f"{head}.")
    }

    def numbered(key: str) -> str:
        first, _, rest = key.partition(".")
        return f"{position[first]}.{rest}"

    return names, {numbered(key): own for key, own in names.items()}


@cache
def _features(architecture: str) -> int:
    return {"resnet50": 2048, "densenet121": 1024}[architecture]


def _places(state: State) -> Iterator[_Place]:
    for architecture, (signature, shape) in SIGNATURES.items():
        for names in _spellings(architecture):
            mark = next(spelled for spelled, own in names.items() if own == signature)
            for key, value in state.items():
                if tuple(value.shape) == shape and (key == mark or key.endswith(f".{mark}")):
                    yield _Place(architecture, key.removesuffix(mark), names)


def _find_head(own: State, place: _Place, name: str, *, several: bool) -> str | None:
    """What stands before ``weight`` in the classifier's name; None where there is none."""
    fitting = [
        key.removesuffix("weight")
        for key, value in own.items()
        if key.split(".")[-1] == "weight"
        and value.ndim == 2
        and value.shape[1] == _features(place.architecture)
    ]
    if several and fitting:
        near = max(_shared(key, place.prefix) for key in fitting)
        fitting = [key for key in fitting if _shared(key, place.prefix) == near]
    if len(fitting) > 1:
        raise ModelError(
            f"{name} has {len(fitting)} layers that could be its classifier ({', '.join(fitting[:3])}), "
            "where one Linear is needed. Save the network with its classifier alone."
        )
    return fitting[0] if fitting else None


def _belongs(key: str, value: torch.Tensor, place: _Place, head: str | None, outputs: int) -> bool:
    """Whether a tensor beside body and classifier must be part of what the network computes, so that this is
    another network.

    Counters, metrics and weights of a loss are not: they are whole or single numbers, at most one a class,
    or no layer's weight or bias.
    """
    if not value.is_floating_point() or value.ndim == 0:
        return False
    rest = key.removeprefix(place.prefix) if key.startswith(place.prefix) else None
    if rest is not None:
        family = {re.sub(r"\d+$", "", own.split(".")[0]) for own in place.names}
        if re.sub(r"\d+$", "", rest.split(".")[0]) in family:
            return True
    parent = head and ".".join(head.split(".")[:-2])
    if parent and key.startswith(f"{parent}.") and not place.prefix.startswith(f"{parent}."):
        return True
    return key.split(".")[-1] in ("weight", "bias") and value.numel() > max(outputs, 2)
