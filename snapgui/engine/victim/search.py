"""Find a known network among the tensors of a checkpoint, whatever they are called there."""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import torch

from snapgui.engine.victim.networks import SIGNATURES, Anatomy, Options, anatomy
from snapgui.errors import ModelError

State = dict[str, torch.Tensor]
# What torch.compile and others that wrap a module put into its names.
_WRAPPER = re.compile(r"(?<![^.])_[a-z]\w*\.")
# torchvision's names of before 2018: denselayer1.norm.1.weight.
_OLD_DENSENET = re.compile(r"(denselayer\d+\.(?:norm|conv))\.([12]\.)")
# How a network calls the normalisation that it keeps among its weights: pixel_mean, normalize.std.
_NORMALISATION = re.compile(r"(?:.*[._])?(?<!running_)(mean|std)$")
# Parts of a network that are neither weight nor bias of a layer: registers, prompts, positions, adapters.
_PARTS = re.compile(r"(?<![a-z])(reg(ister)?_?tokens?|prompts?|rope|lora|adapters?)(?![a-z])")
# What training alone needs, as wide as the features though it may be.
_OF_TRAINING = re.compile(r"loss|criterion|cent(er|re)|proto|queue|mask_token|metric")
_AVERAGED = re.compile(r"(?<![a-z])(ema|swa|averaged?|shadow)(?![a-z])")


@dataclass(frozen=True)
class Found:
    """A network in a checkpoint.

    Attributes:
        architecture: torchvision's or timm's name, see `networks.make_network`.
        state: its tensors under that library's names, as they were saved; the classifier among them.
        remarks: what was chosen or left out, in sentences.
        normalisation: the network's own ``mean`` and ``std`` of three colours by the names they bear there.
    """

    architecture: str
    state: State
    remarks: tuple[str, ...] = field(default=())
    normalisation: Mapping[str, tuple[float, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Place:
    """Where a body begins: the prefix of its names, and the network's own name for each of them."""

    architecture: str
    anatomy: Anatomy
    prefix: str
    names: Mapping[str, str]


def find_network(
    scopes: Mapping[str, State],
    name: str,
    *,
    need_head: bool = True,
    architecture: str | None = None,
    options: Options = (),
) -> Found:
    """The network whose tensors lie in a checkpoint, see `checkpoints.decode_tensors`.

    A body is found by a tensor that no other network has, or, where an ``architecture`` beyond
    `SIGNATURES` is named (with ``options`` of its maker), by its largest one; its prefix is whatever stands
    before that tensor's name. The classifier is the one Linear that fits the body, inside the prefix or
    outside.

    Raises:
        ModelError: no known network, only a backbone (with ``need_head``), or tensors that make it another
            network.
    """
    state = {
        _plain(scope + key): value for scope, tensors in scopes.items() for key, value in tensors.items()
    }
    wanted = [architecture] if architecture and architecture not in SIGNATURES else list(SIGNATURES)
    places = [place for one in wanted for place in _places(state, one, options)]
    if not places and len(wanted) == 1:
        raise ModelError(
            f"The card of {name} names “{wanted[0]}”; no tensor has the name and the shape of that network's "
            "largest one. Correct the card, or give its own checkpoint."
        )
    if not places:
        raise ModelError(
            f"{name} is none of the known networks ({', '.join(SIGNATURES)}): no tensor has the name and the "
            "shape that tell one. Give a checkpoint of one of them, or put a model card beside it that names "
            "its architecture (torchvision's or timm's name)."
        )
    place = next((one for one in places if _AVERAGED.search(_words_of(one.prefix))), places[0])
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
    scope = _scope_of(scopes, place.prefix)
    beside = [key for key in own if key.startswith(scope)]
    if head is None and need_head:
        heads = [key for key in beside if "weight" in key and own[key].ndim > 1 and len(own[key]) < 3]
        if heads:
            raise ModelError(
                f"{name} has a classifier that is not one Linear of {place.anatomy.features} inputs "
                f"({', '.join(heads[:3])}). Fine-tune it with such a classifier."
            )
        raise ModelError(
            f"{name} has no classifier (a Linear of {place.anatomy.features} inputs): it is a "
            "backbone. Fine-tune it first."
        )
    if head is not None:
        target = place.anatomy.head
        for ending in ("weight", "bias"):
            if head + ending in own:
                body[f"{target}.{ending}"] = own.pop(head + ending)
    outputs = body[f"{place.anatomy.head}.weight"].shape[0] if head is not None else 0
    colours = [key for key in beside if key in own and _is_of_colours(key, own[key])]
    normalisation = {key: tuple(own.pop(key).flatten().tolist()) for key in colours}
    beside = [key for key in beside if key in own]
    strange = [key for key in beside if _belongs(key, own[key], place, head, outputs)]
    if strange:
        raise ModelError(
            f"{name} is not a {place.architecture}: it has tensors that it should not ({len(strange)}, the "
            f"first is {strange[0]})."
        )
    if beside:
        remarks.append(
            f"Left out of {name}, for which a {place.architecture} has no place: {', '.join(beside[:3])}"
            f"{f' and {len(beside) - 3} more' if len(beside) > 3 else ''}."
        )
    return Found(place.architecture, body, tuple(remarks), normalisation)


def _is_of_colours(key: str, value: torch.Tensor) -> bool:
    """Whether a tensor is a mean or a deviation of three colours."""
    plain = value.is_floating_point() and value.layout == torch.strided and not value.is_meta
    return plain and value.numel() == 3 and bool(_NORMALISATION.match(key))


def _plain(key: str) -> str:
    return _OLD_DENSENET.sub(r"\1\2", _WRAPPER.sub("", key))


def _words_of(prefix: str) -> str:
    """In small letters; emaModel as ema_model."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", prefix).lower()


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


def _spellings(parts: Anatomy) -> tuple[dict[str, str], ...]:
    """How a body's tensors may be called without their prefix, each with the library's name: by the library,
    or by the position of each part where the body was put into a Sequential.
    """
    position = {name: str(index) for index, name in enumerate(parts.parts)}
    names = {key.removeprefix(parts.body): key for key in parts.names}

    def numbered(key: str) -> str:
        first, _, rest = key.partition(".")
        return f"{position[first]}.{rest}"

    if not all(key.split(".")[0] in position for key in names):
        # Parameters of its own: no Sequential holds them.
        return (names,)
    by_position = {numbered(key): own for key, own in names.items()}
    return (names,) if by_position == names else (names, by_position)


def _places(state: State, architecture: str, options: Options) -> Iterator[_Place]:
    parts = anatomy(architecture, options)
    shapes = parts.names
    signature = (
        SIGNATURES[architecture][0]
        if architecture in SIGNATURES
        else max(shapes, key=lambda key: math.prod(shapes[key]))
    )
    for names in _spellings(parts):
        mark = next(spelled for spelled, own in names.items() if own == signature)
        for key, value in state.items():
            if tuple(value.shape) == shapes[signature] and (key == mark or key.endswith(f".{mark}")):
                yield _Place(architecture, parts, key.removesuffix(mark), names)


def _find_head(own: State, place: _Place, name: str, *, several: bool) -> str | None:
    """What stands before ``weight`` in the classifier's name; None where there is none."""
    fitting = [
        key.removesuffix("weight")
        for key, value in own.items()
        if key.split(".")[-1] == "weight" and value.ndim == 2 and value.shape[1] == place.anatomy.features
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
    words, last = _words_of(key), key.split(".")[-1]
    if value.is_floating_point() and (_PARTS.search(words) or (last == "p" and value.numel() == 1)):
        # p is the exponent of a generalised mean, by which features are pooled.
        return True
    if not value.is_floating_point() or value.ndim == 0:
        return False
    if value.shape[-1] == place.anatomy.features and not _OF_TRAINING.search(words):
        return True
    rest = key.removeprefix(place.prefix) if key.startswith(place.prefix) else None
    if rest is not None:
        family = {re.sub(r"\d+$", "", own.split(".")[0]) for own in place.names}
        if re.sub(r"\d+$", "", rest.split(".")[0]) in family:
            return True
    if head and key.startswith(head):
        # Such as LoRA's, which are added to the classifier's weight.
        return True
    parent = head and ".".join(head.split(".")[:-2])
    if parent and key.startswith(f"{parent}.") and not place.prefix.startswith(f"{parent}."):
        return True
    return last in ("weight", "bias") and value.numel() > max(outputs, 2)
