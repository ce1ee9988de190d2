"""The classifier under attack: weights, preprocessing and names in one frozen module."""

import copy
import hashlib
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
import torchvision
from torch import nn
from torch.fx.experimental.optimization import fuse

from snapgui.engine.victim.checkpoints import decode_state, read_checkpoint
from snapgui.engine.victim.rectifiers import with_rectifiers
from snapgui.errors import ModelError, SettingsError

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
# A tensor that only this architecture has, with its shape: how a checkpoint without a card is recognised.
SIGNATURES = {
    "resnet50": ("layer4.2.conv3.weight", (2048, 512, 1, 1)),
    "densenet121": ("features.denseblock4.denselayer16.conv2.weight", (32, 128, 3, 3)),
}


@dataclass(frozen=True)
class ModelCard:
    """What a victim is; read from the JSON file beside its weights, or assumed where there is none.

    Attributes:
        name: for people.
        architecture: torchvision's name.
        classes: names in the order of the outputs.
        input_size_px: side to which images are resized before the network.
        mean, std: per-channel normalisation.
        sha256: of the weights file.
        details: the whole card as written.
    """

    name: str
    architecture: str
    classes: tuple[str, ...] = ("normal", "metastasis")
    input_size_px: int = 224
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD
    sha256: str = ""
    details: dict[str, Any] | None = None


class Victim(nn.Module):
    """A frozen network with its preprocessing: images in, logits out.

    Images are float32 ``(N, 3, H, W)`` in [0, 1] on their native grid; resize and normalisation happen
    inside, so a gradient reaches the native pixels. The network is a copy: weights need no gradient, memory
    is channels-last, ReLUs can be made to leak, see `engine.victim.rectifiers`; `load` folds batch norm.
    """

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, network: nn.Module, card: ModelCard) -> None:
        super().__init__()
        self.card = card
        network = with_rectifiers(copy.deepcopy(network)).eval().requires_grad_(False)
        self.network = network.to(memory_format=torch.channels_last)
        self.register_buffer("mean", torch.tensor(card.mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(card.std).view(1, 3, 1, 1))
        self.eval()

    @classmethod
    def load(
        cls, path: Path, *, card: ModelCard | None = None, device: str | torch.device = "cpu"
    ) -> "Victim":
        """Load safetensors or a pickled state dict (read with ``weights_only``).

        The card is ``card``, else the JSON of the same name beside the file, else guessed from the tensors. A
        single output ``z`` (sigmoid) becomes the two logits ``(0, z)``.

        Raises:
            ModelError: in one sentence, what does not fit.
        """
        path = Path(path)
        data = read_checkpoint(path)
        state, digest = decode_state(data, path.name), hashlib.sha256(data).hexdigest()
        card = card or read_card(path, state)
        if card.sha256 and card.sha256 != digest:
            raise ModelError(
                f"{path.name} is not the file its model card describes (sha256 {digest[:12]}, card "
                f"{card.sha256[:12]}). Fetch both again, or remove the card to load the weights without it."
            )
        card = ModelCard(**{**card.__dict__, "sha256": digest})
        return cls(_build(state, card, path.name), card).to(device)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits ``(N, K)`` of images ``(N, 3, H, W)`` in [0, 1]."""
        size = self.card.input_size_px
        if images.shape[-2:] != (size, size):
            images = F.interpolate(images, size=(size, size), mode="bilinear", align_corners=False)
        inputs = (images - self.mean) / self.std
        logits: torch.Tensor = self.network(inputs.contiguous(memory_format=torch.channels_last))
        return logits

    @torch.no_grad()
    def predict(self, images: torch.Tensor) -> torch.Tensor:
        """Probabilities ``(N, K)`` in float32."""
        device = self.mean.device
        return self(images.to(device)).float().softmax(dim=1)


def read_card(path: Path, state: dict[str, torch.Tensor]) -> ModelCard:
    """The card beside the weights, or one guessed from the tensors; raises ModelError if neither works."""
    card_path = path.with_suffix(".json")
    if card_path.is_file():
        try:
            values = json.loads(card_path.read_text(encoding="utf-8"))
            return ModelCard(
                name=str(values.get("name", path.stem)),
                architecture=str(values["architecture"]),
                classes=tuple(values.get("classes", ModelCard.classes)),
                input_size_px=int(values["input_size_px"]),
                mean=tuple(map(float, values.get("mean", IMAGENET_MEAN))),
                std=tuple(map(float, values.get("std", IMAGENET_STD))),
                sha256=str(values.get("sha256", "")),
                details=values,
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ModelError(
                f"{card_path.name} is not a model card ({error}); it needs architecture and input_size_px."
            ) from error
    for architecture, (key, shape) in SIGNATURES.items():
        if key in state and tuple(state[key].shape) == shape:
            return ModelCard(name=path.stem, architecture=architecture)
    raise ModelError(
        f"{path.name} is none of the known networks ({', '.join(SIGNATURES)}). "
        "Put a model card (JSON with architecture and input_size_px) of the same name beside it."
    )


def _build(state: dict[str, torch.Tensor], card: ModelCard, name: str) -> nn.Module:
    if card.architecture not in SIGNATURES:
        raise ModelError(
            f"The card of {name} names “{card.architecture}”; known are {', '.join(SIGNATURES)}."
        )
    head = next((k for k in ("fc.weight", "classifier.weight") if k in state and state[k].ndim == 2), None)
    if head is None:
        raise ModelError(
            f"{name} has no classifier (fc.weight or classifier.weight): it is a backbone. "
            "Fine-tune it first."
        )
    outputs = state[head].shape[0]
    if outputs == 1:
        # sigmoid(z) is the softmax of (0, z): the same probabilities, and logits that every objective
        # understands.
        for key in (head, head.replace("weight", "bias")):
            if key in state:
                state[key] = torch.cat([torch.zeros_like(state[key]), state[key]])
    if max(outputs, 2) != len(card.classes):
        raise ModelError(
            f"{name} has {outputs} outputs where 1 or {len(card.classes)} are needed "
            f"({', '.join(card.classes)})."
        )
    network = torchvision.models.get_model(card.architecture, weights=None, num_classes=len(card.classes))
    own = network.state_dict()
    state = {key: value for key, value in state.items() if not key.endswith("num_batches_tracked")}
    unknown = [key for key in state if key not in own]
    missing = [key for key in own if key not in state and not key.endswith("num_batches_tracked")]
    shapes = [key for key in state if key in own and state[key].shape != own[key].shape]
    for label, keys in (
        ("has tensors that it should not", unknown),
        ("lacks tensors", missing),
        ("has tensors of another shape", shapes),
    ):
        if keys:
            raise ModelError(
                f"{name} is not a {card.architecture}: it {label} ({len(keys)}, the first is {keys[0]})."
            )
    broken = next((key for key, value in state.items() if not torch.isfinite(value).all()), None)
    if broken:
        raise ModelError(
            f"{name} holds values that are not finite (in {broken}). It was damaged or its training diverged."
        )
    network.load_state_dict(state, strict=False)
    return fuse(network.eval())


def choose_device(name: str = "auto") -> torch.device:
    """``auto`` takes CUDA where there is one; raises SettingsError for a device that is not there."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:
        raise SettingsError(f"The device “{name}” is not there. Choose auto, cpu or cuda.") from error


def logit(p: float) -> float:
    """The log odds of a probability; with two classes, the logit margin at which a class reaches it."""
    return math.log(p / (1 - p))
