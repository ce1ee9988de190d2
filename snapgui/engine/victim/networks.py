"""The networks that can be victims: any of torchvision's or timm's, by name."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

import torch
import torchvision
from torch import nn

from snapgui.errors import ModelError

State = Mapping[str, torch.Tensor]
Options = tuple[tuple[str, Any], ...]
VIT = "vit_small_patch14_dinov2"
# A tensor that only this architecture has, with its shape: how a checkpoint without a card is recognised.
SIGNATURES = {
    "resnet50": ("layer4.2.conv3.weight", (2048, 512, 1, 1)),
    "densenet121": ("features.denseblock4.denselayer16.conv2.weight", (32, 128, 3, 3)),
    "mobilenet_v2": ("features.18.0.weight", (1280, 320, 1, 1)),
    VIT: ("patch_embed.proj.weight", (384, 3, 14, 14)),
}
# timm's name where torchvision has a network of the same name and other tensors.
_TIMM = "timm/"
# A Linear of so many outputs is the classifier, whatever it is called.
_MARK = 7


@dataclass(frozen=True)
class Anatomy:
    """Where the parts of a network are, in its tensors' names.

    Attributes:
        names: of all tensors but the classifier's, with their shapes.
        body: with what all of them begin (``features.``), or nothing.
        parts: the body's modules in their order.
        head: the classifier's module, a Linear.
        features: how many numbers go into the classifier.
    """

    names: Mapping[str, tuple[int, ...]]
    body: str
    parts: tuple[str, ...]
    head: str
    features: int


def make_network(architecture: str, classes: int, **options: Any) -> nn.Module:
    """A network with fresh weights and a classifier of ``classes`` outputs.

    Args:
        architecture: torchvision's name, else timm's; ``timm/NAME`` is timm's in any case.
        classes: how many outputs.
        options: what its maker takes (``depth``, ``img_size``).

    Raises:
        ModelError: neither library knows the name, or the maker does not take the options.
    """
    own = architecture.removeprefix(_TIMM)
    try:
        if own == architecture and own in torchvision.models.list_models(module=torchvision.models):
            return torchvision.models.get_model(own, weights=None, num_classes=classes, **options)
        # timm takes a second to import, and most victims do without it.
        import timm

        if not timm.is_model(own):
            raise ModelError(
                f"“{architecture}” is no network of torchvision or timm. Known by their tensors alone are "
                f"{', '.join(SIGNATURES)}; others need their name as “architecture” in a model card."
            )
        network: nn.Module = timm.create_model(own, pretrained=False, num_classes=classes, **options)
        return network
    except (TypeError, ValueError, RuntimeError, AssertionError) as error:
        raise ModelError(
            f"“{architecture}” cannot be built with {options or 'its own settings'} ({str(error)[:120]}). "
            "Correct its model card."
        ) from error


def make_empty(architecture: str, classes: int, **options: Any) -> nn.Module:
    """The network without storage where that goes well, else as `make_network` gives it: some makers
    calculate with their tensors.
    """
    if architecture not in SIGNATURES:
        return make_network(architecture, classes, **options)
    with torch.device("meta"):
        return make_network(architecture, classes, **options)


def options_of(state: State) -> dict[str, Any]:
    """What the maker of a transformer must be told so that the tensors ``state`` fit: how many blocks, and
    the side of the images that its positions belong to; nothing for networks without positions.
    """
    if "pos_embed" not in state or state["pos_embed"].ndim != 3:
        return {}
    blocks = {key.split(".")[1] for key in state if key.startswith("blocks.") and key.count(".") > 1}
    options: dict[str, Any] = {"depth": len(blocks)} if blocks else {}
    patch = state.get("patch_embed.proj.weight")
    if patch is not None and patch.ndim == 4:
        tokens = state["pos_embed"].shape[1]
        side = int(tokens**0.5)
        options["img_size"] = side * patch.shape[-1]
    return options


def frozen_options(options: Mapping[str, Any]) -> Options:
    """Options as a key of a cache; lists become tuples."""
    return tuple(
        (key, tuple(value) if isinstance(value, list) else value) for key, value in sorted(options.items())
    )


@cache
def anatomy(architecture: str, options: Options = ()) -> Anatomy:
    """The parts of a network as its library makes it; raises ModelError for an unknown one, and for one whose
    classifier is no Linear.
    """
    network = make_empty(architecture, _MARK, **dict(options))
    heads = [
        name
        for name, module in network.named_modules()
        if isinstance(module, nn.Linear) and module.out_features == _MARK
    ]
    if not heads:
        raise ModelError(
            f"The classifier of “{architecture}” is not a Linear layer, which is needed here. Give another "
            "network."
        )
    head = heads[-1]
    names = {
        key: tuple(value.shape)
        for key, value in network.state_dict().items()
        if value.is_floating_point() and not key.startswith(f"{head}.")
    }
    first = {key.split(".")[0] for key in names}
    body = f"{first.pop()}." if len(first) == 1 else ""
    parts = tuple(name for name, _ in network.get_submodule(body.rstrip(".")).named_children())
    features = network.get_submodule(head).in_features
    assert isinstance(features, int)
    return Anatomy(MappingProxyType(names), body, parts, head, features)
