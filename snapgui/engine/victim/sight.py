"""Where a network's answer comes from: Grad-CAM of convolutions, attention rollout of transformers.

A map says where the gradient of an answer, or the attention, lies; it does not say why.
"""

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import nn

from snapgui.engine.victim.scripted import Scripted
from snapgui.engine.victim.victim import Victim, let_go
from snapgui.errors import ModelError

GRAD_CAM, ROLLOUT = "Grad-CAM", "attention rollout"


@dataclass(frozen=True)
class Sight:
    """Where the weight of an answer lies.

    Attributes:
        maps: float32 ``(N, H, W)`` in [0, 1], on the images' grid; the heaviest place of each is 1. Nothing
            but 0 where no place speaks for the class.
        method: `GRAD_CAM`, or `ROLLOUT`, which is the same for all classes.
        places: ``(h, w)``, how many the network tells apart; the maps are interpolated between them.
    """

    maps: torch.Tensor
    method: str
    places: tuple[int, int]


def weight_maps(victim: Victim, images: torch.Tensor, of_class: int) -> Sight:
    """Attention rollout of a transformer, Grad-CAM of any other network.

    Args:
        victim: is left as it is; runs on other threads do not notice.
        images: ``(N, 3, H, W)`` in [0, 1].
        of_class: whose logit is followed; of no effect in a rollout.

    Raises:
        ModelError: the victim has no layers that can be seen, or none with places.
    """
    twin, images = _twin(victim), images.to(victim.mean.device)
    weights, method = _rolled(twin, images), ROLLOUT
    if weights is None:
        weights, method = grad_cam(_twin(victim), images, of_class), GRAD_CAM
    maps = F.interpolate(weights[:, None], size=images.shape[-2:], mode="bilinear", align_corners=False)[:, 0]
    top = maps.amax((1, 2), keepdim=True)
    # A map of nothing stays one.
    maps = (maps / torch.where(top > 0, top, 1)).clamp(0, 1)
    return Sight(maps.float().cpu(), method, (weights.shape[1], weights.shape[2]))


def share_within(weights: NDArray[Any], mask: NDArray[np.bool_]) -> float | None:
    """The share of a map's sum ``(H, W)`` inside ``mask`` ``(H, W)``; None for a map of nothing."""
    total = float(weights.sum(dtype=np.float64))
    return float(weights[mask].sum(dtype=np.float64)) / total if total > 0 else None


def grad_cam(victim: Victim, images: torch.Tensor, of_class: int) -> torch.Tensor:
    """The last features by place, each times the mean gradient that the class's logit has by it; of their sum
    what is positive: ``(N, h, w)`` (Selvaraju et al., arXiv 1610.02391). Adds hooks to the victim.

    Raises:
        ModelError: no module of the network gives features by place, or attention comes after them.
    """
    found: list[torch.Tensor] = []

    def note(module: nn.Module, _inputs: Any, output: Any) -> None:
        if _is_attention(module):
            found.clear()
        elif _is_map(output, len(images)):
            # The tensor itself: a DenseNet's last ReLU is no module and changes it in place.
            found[:] = [output]

    for module in victim.network.modules():
        module.register_forward_hook(note)
    with torch.enable_grad():
        logits = victim(images.detach().clone().requires_grad_())
    if not found:
        raise ModelError(
            f"{victim.card.name} has no last map of features by place, on which Grad-CAM rests, and no "
            "attention between patches that could be rolled out. Take a convolutional network or a vision "
            "transformer with a class token."
        )
    features = found[0]
    (gradient,) = torch.autograd.grad(logits[:, of_class].sum(), features, materialize_grads=True)
    # Channels come before the places, or in some transformers with windows after them.
    channels, places = (1, (2, 3)) if features.shape[2] == features.shape[3] else (3, (1, 2))
    weights = gradient.mean(places, keepdim=True)
    return (weights * features).sum(channels).relu().detach()


def attention_rollout(attention: list[torch.Tensor]) -> torch.Tensor:
    """How much of each token of the first block is in each of the last ``(N, T, T)``, rows sum to 1, by Abnar
    and Zuidema (arXiv 2005.00928): a block passes on half of the attention, averaged over its heads, and half
    of the residual connection.

    Args:
        attention: of each block in their order, ``(N, heads, T, T)``, rows sum to 1.
    """
    rolled = torch.eye(attention[0].shape[-1], device=attention[0].device).expand(attention[0][:, 0].shape)
    for weights in attention:
        rolled = (weights.float().mean(1) @ rolled + rolled) / 2
    return rolled


def _twin(victim: Victim) -> Victim:
    """A victim with modules of its own for hooks, and the weights of the first."""
    network = getattr(victim, "network", None)
    if network is None or isinstance(network, Scripted):
        raise ModelError(
            f"{victim.card.name} cannot be looked into: Grad-CAM and attention rollout need a network's "
            "layers, which neither a TorchScript program nor scores alone give. Load the network's weights."
        )
    same = {id(tensor): tensor for tensor in (*victim.parameters(), *victim.buffers())}
    twin = copy.deepcopy(victim, same)
    let_go(twin.network)
    return twin


@torch.no_grad()
def _rolled(victim: Victim, images: torch.Tensor) -> torch.Tensor | None:
    """What of each patch of the image is in the token that answers ``(N, h, w)``, or in the mean of those
    that do; None where the network is no transformer over a square of patches. Adds hooks to the victim.
    """
    network = victim.network
    # timm's transformers say it, torchvision's have a class token alone.
    prefix = getattr(network, "num_prefix_tokens", 1 if hasattr(network, "class_token") else None)
    if prefix is None:
        return None
    found: list[torch.Tensor] = []
    for module in filter(_is_attention, network.modules()):
        if isinstance(module, nn.MultiheadAttention):
            module.register_forward_pre_hook(_ask_for_weights, with_kwargs=True)
            module.register_forward_hook(lambda _module, _inputs, output: found.append(output[1]))
        elif isinstance(drop := getattr(module, "attn_drop", None), nn.Module):
            # Fused attention does not show its weights.
            module.fused_attn = False  # type: ignore[assignment]
            drop.register_forward_hook(lambda _module, _inputs, output: found.append(output))
        else:
            return None
    victim(images)
    tokens = found[0].shape[-1] if found else 0
    side = round(max(tokens - prefix, 0) ** 0.5)
    square = side > 1 and side**2 == tokens - prefix
    expected = (len(images), tokens, tokens)
    if not square or any(w.ndim != 4 or (len(w), *w.shape[2:]) != expected for w in found):
        return None
    rolled = attention_rollout(found)
    by_token = prefix > 0 and getattr(network, "global_pool", "token") == "token"
    answer = rolled[:, 0] if by_token else rolled[:, prefix:].mean(1)
    return answer[:, prefix:].reshape(-1, side, side)


def _ask_for_weights(
    _module: nn.Module, inputs: tuple[Any, ...], options: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    return inputs, options | {"need_weights": True, "average_attn_weights": False}


def _is_attention(module: nn.Module) -> bool:
    # timm's have a switch for the fused form.
    return isinstance(module, nn.MultiheadAttention) or hasattr(module, "fused_attn")


def _is_map(output: Any, images: int) -> bool:
    """Whether a module gave features by place, ``(N, C, h, w)`` or ``(N, h, w, C)``; images are square."""
    if not isinstance(output, torch.Tensor) or output.ndim != 4 or len(output) != images:
        return False
    return output.shape[2] == output.shape[3] > 1 or output.shape[1] == output.shape[2] > 1
