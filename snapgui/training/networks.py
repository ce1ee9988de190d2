"""Networks that can be trained here, their starting weights, and their features after each of four stages."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import torchvision
from torch import nn

from snapgui.engine.victim.checkpoints import decode_tensors, read_checkpoint
from snapgui.engine.victim.networks import VIT, make_network
from snapgui.engine.victim.search import find_network
from snapgui.errors import ModelError

ARCHITECTURES = ("resnet50", "densenet121", "mobilenet_v2", VIT)
STAGE_CHANNELS = {"resnet50": (256, 512, 1024, 2048), "densenet121": (256, 512, 1024, 1024)}


def build_network(
    architecture: str, *, classes: int = 2, input_size_px: int = 224, blocks: int = 12, drop_path: float = 0.0
) -> nn.Module:
    """A network with a fresh classifier of ``classes`` outputs; raises ModelError for one not known here.

    Args:
        architecture: one of `ARCHITECTURES`.
        classes: outputs.
        input_size_px, blocks, drop_path: side of the images, number of blocks and share of blocks left out in
            training (stochastic depth, arXiv 1603.09382); of a transformer only.
    """
    if architecture not in ARCHITECTURES:
        raise ModelError(f"“{architecture}” cannot be trained here; choose {' or '.join(ARCHITECTURES)}.")
    options: dict[str, dict[str, Any]] = {
        "resnet50": {"zero_init_residual": True},
        VIT: {"img_size": input_size_px, "depth": blocks, "drop_path_rate": drop_path},
    }
    return make_network(architecture, classes, **options.get(architecture, {}))


def load_start(network: nn.Module, architecture: str, start: str) -> bool:
    """Fill ``network`` from a start: ``imagenet`` (published weights, fetched by torchvision; by timm for the
    transformer, which was trained without labels) or a checkpoint file.

    A classifier of another shape, or none, leaves the fresh one. Returns whether the classifier came along.

    Raises:
        ModelError: the weights cannot be fetched, or the file does not belong to this architecture.
    """
    if start == "imagenet":
        try:
            state = _published_weights(architecture)
        except OSError as error:
            raise ModelError(
                f"The published weights of {architecture} could not be fetched ({str(error)[:200]}). "
                "Connect to a network, or start from a file with --init FILE or --teacher FILE."
            ) from error
    else:
        path = Path(start)
        found = find_network(decode_tensors(read_checkpoint(path), path.name), path.name, need_head=False)
        if found.architecture != architecture:
            raise ModelError(f"{start} does not hold a {architecture} but a {found.architecture}.")
        state = {key: value.float() for key, value in found.state.items()}
    own = network.state_dict()
    if architecture == VIT:
        state = _fitted_transformer(state, own)
    head = [key for key in own if key.startswith(("fc.", "classifier.", "head."))]
    has_head = all(key in state and state[key].shape == own[key].shape for key in head)
    state = {
        k: v
        for k, v in state.items()
        if (has_head or k not in head) and not k.endswith("num_batches_tracked")
    }
    wrong = [key for key, value in state.items() if key not in own or own[key].shape != value.shape]
    missing = [k for k in own if k not in state and k not in head and not k.endswith("num_batches_tracked")]
    if wrong or missing:
        raise ModelError(
            f"{start} does not hold a {architecture}: {len(wrong)} of its tensors do not fit and "
            f"{len(missing)} are missing (the first is {(wrong + missing)[0]})."
        )
    network.load_state_dict(state, strict=False)
    if architecture == VIT and not has_head:
        # Its features are large: a random classifier begins with a loss of 8, which drives the first steps.
        torch.nn.init.zeros_(network.get_parameter("head.weight"))
    return has_head


def _published_weights(architecture: str) -> dict[str, torch.Tensor]:
    if architecture == VIT:
        import timm

        return dict(timm.create_model(VIT, pretrained=True, num_classes=0).state_dict())
    weights = torchvision.models.get_model_weights(architecture).DEFAULT
    return dict(weights.get_state_dict(progress=True, check_hash=True))


def _fitted_transformer(
    state: dict[str, torch.Tensor], own: dict[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """Weights of a transformer for one with fewer blocks or other images: the first blocks, and positions
    resampled as timm does it.
    """
    from timm.layers.pos_embed import resample_abs_pos_embed

    kept = {key: value for key, value in state.items() if key in own or not key.startswith("blocks.")}
    side = round((own["pos_embed"].shape[1] - 1) ** 0.5)
    kept["pos_embed"] = resample_abs_pos_embed(kept["pos_embed"], [side, side], num_prefix_tokens=1)
    return kept


def copy_stem(teacher: Any, student: Any) -> None:
    """Give a ResNet the DenseNet's 7 x 7 convolution and its normalisation: both networks begin with the same
    stem.
    """
    student.conv1.load_state_dict(teacher.features.conv0.state_dict())
    student.bn1.load_state_dict(teacher.features.norm0.state_dict())


def stages(network: Any, x: torch.Tensor) -> tuple[list[torch.Tensor], torch.Tensor]:
    """Features ``(N, C, h, w)`` after each of the four stages, and logits ``(N, K)``."""
    features = list(
        _densenet_stages(network, x) if hasattr(network, "features") else _resnet_stages(network, x)
    )
    if hasattr(network, "features"):
        pooled = torch.relu(network.features.norm5(features[-1])).mean((2, 3))
        return features, network.classifier(pooled)
    return features, network.fc(features[-1].mean((2, 3)))


def _resnet_stages(net: Any, x: torch.Tensor) -> Iterator[torch.Tensor]:
    x = net.maxpool(net.relu(net.bn1(net.conv1(x))))
    for layer in (net.layer1, net.layer2, net.layer3, net.layer4):
        x = layer(x)
        yield x


def _densenet_stages(net: Any, x: torch.Tensor) -> Iterator[torch.Tensor]:
    for name, layer in net.features.named_children():
        if name == "norm5":
            break
        x = layer(x)
        if name.startswith("denseblock"):
            yield x
