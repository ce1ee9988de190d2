"""The classifier under attack: weights, preprocessing and names in one frozen module."""

import copy
import gc
import hashlib
import math
from dataclasses import replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn
from torch.fx.experimental.optimization import fuse

from snapgui.engine.victim.card import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    ModelCard,
    card_beside,
    order_of_classes,
)
from snapgui.engine.victim.checkpoints import decode_tensors, read_checkpoint
from snapgui.engine.victim.networks import SIGNATURES, anatomy, frozen_options, make_empty, options_of
from snapgui.engine.victim.rectifiers import with_rectifiers
from snapgui.engine.victim.scripted import TORCHSCRIPT, open_program
from snapgui.engine.victim.search import Found, find_network
from snapgui.errors import ModelError, SettingsError

__all__ = ["IMAGENET_MEAN", "IMAGENET_STD", "SIGNATURES", "ModelCard", "Victim", "choose_device"]


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
        network = let_go(with_rectifiers(copy.deepcopy(network)).eval().requires_grad_(False))
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
        card, digest = card or card_beside(path), hashlib.sha256(data).hexdigest()
        if card.sha256 and card.sha256 != digest:
            raise ModelError(
                f"{path.name} is not the file its model card describes (sha256 {digest[:12]}, card "
                f"{card.sha256[:12]}). Fetch both again, or remove the card to load the weights without it."
            )
        if card.architecture == TORCHSCRIPT:
            network = open_program(data, card, path.name)
            return cls(network, replace(_in_order(card, path.name)[0], sha256=digest)).to(device)
        found = find_network(
            decode_tensors(data, path.name),
            path.name,
            architecture=card.architecture,
            options=frozen_options(card.options),
        )
        card = replace(card, architecture=card.architecture or found.architecture)
        own = normalisation_words(found, card, path.name)
        card = replace(card, sha256=digest, assumed=(*card.assumed, *found.remarks, *own))
        return cls(*_build(found, card, path.name)).to(device)

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
        """Probabilities ``(N, K)`` in float32; raises ModelError where the network gives none."""
        return self.probabilities(self(images.to(self.mean.device)))

    def probabilities(self, logits: torch.Tensor) -> torch.Tensor:
        """Probabilities ``(N, K)`` in float32 of logits; raises ModelError where these are not numbers."""
        p: torch.Tensor = logits.float().softmax(dim=1)
        if not bool(torch.isfinite(p).all()):
            raise ModelError(
                f"{self.card.name} answers with values that are not numbers. Check its weights, and mean "
                "and std of its card."
            )
        return p


def _build(found: Found, card: ModelCard, name: str) -> tuple[nn.Module, ModelCard]:
    """The network with its outputs in the order normal, metastasis, and the card that says so."""
    if card.architecture != found.architecture:
        raise ModelError(
            f"The card of {name} names “{card.architecture}”; its tensors are those of a "
            f"{found.architecture}. Known are {', '.join(SIGNATURES)}."
        )
    options = {**card.options, **options_of(found.state)}
    side = options.get("img_size", card.input_size_px)
    if card.details and "input_size_px" in card.details and side != card.input_size_px:
        raise ModelError(
            f"The positions of {name} belong to images of {side} px; its card says {card.input_size_px}. "
            f"Correct the card, or resample the positions."
        )
    card = replace(card, input_size_px=side)
    network = make_empty(card.architecture, len(card.classes), **options)
    counters = {key: value for key, value in network.state_dict().items() if not value.is_floating_point()}
    own = {key: value.shape for key, value in network.state_dict().items() if key not in counters}
    head = f"{anatomy(card.architecture, frozen_options(card.options)).head}."
    outputs = found.state[f"{head}weight"].shape[0]
    if max(outputs, 2) != len(card.classes):
        imagenet = ", the classes of ImageNet," if outputs == 1000 else ""
        raise ModelError(
            f"{name} has {outputs:,} outputs{imagenet} where 1 or {len(card.classes)} are needed "
            f"({', '.join(card.classes)}). Fine-tune it on these classes, or name its own in a model card."
        )
    state = dict(found.state)
    # A Linear may do without a bias.
    state.setdefault(f"{head}bias", torch.zeros(outputs))
    missing = [key for key in own if key not in state]
    shapes = [
        key
        for key, value in state.items()
        if value.shape != ((outputs, *own[key][1:]) if key.startswith(head) else own[key])
    ]
    for label, keys in (("lacks tensors", missing), ("has tensors of another shape", shapes)):
        if keys:
            raise ModelError(
                f"{name} is not a {card.architecture}: it {label} ({len(keys)}, the first is {keys[0]})."
            )
    state = {key: _numbers(key, value, name) for key, value in state.items()}
    if outputs == 1:
        # sigmoid(z) is the softmax of (0, z): the same probabilities, and logits that every objective
        # understands.
        for key in (f"{head}weight", f"{head}bias"):
            state[key] = torch.cat([torch.zeros_like(state[key]), state[key]])
    card, order = _in_order(card, name)
    for key in (f"{head}weight", f"{head}bias"):
        state[key] = state[key][list(order)]
    broken = next((key for key, value in state.items() if not _are_finite(key, value)), None)
    if broken:
        raise ModelError(
            f"{name} holds values that are not finite (in {broken}). It was damaged or its training diverged."
        )
    if any(value.is_meta for value in network.state_dict().values()):
        network = network.to_empty(device="cpu")
        counters = {key: torch.zeros_like(value, device="cpu") for key, value in counters.items()}
    network.load_state_dict(state | counters)
    return _folded(network.eval()), card


def normalisation_words(found: Found, card: ModelCard, name: str) -> tuple[str, ...]:
    """What a checkpoint's own normalisation is, and whether it is the one that is used, in a sentence."""
    if not found.normalisation:
        return ()
    agree = all(
        math.isclose(one, other, abs_tol=5e-4)
        for key, values in found.normalisation.items()
        for one, other in zip(values, card.std if key.endswith("std") else card.mean, strict=True)
    )
    spoken = "; ".join(f"{key} {_three(values)}" for key, values in found.normalisation.items())
    if agree:
        return (f"{name} holds a normalisation of its own ({spoken}), the same as is used.",)
    said = card.details or {}
    source = "its card says" if {"mean", "std"} <= set(said) else "what was assumed is"
    return (
        f"{name} holds a normalisation of its own ({spoken}), and {source} mean {_three(card.mean)} and "
        f"deviation {_three(card.std)}, which is used. If it was trained with its own, write that into its "
        "card as mean and std, for pictures in [0, 1].",
    )


def _three(values: tuple[float, ...]) -> str:
    return ", ".join(f"{value:.4g}" for value in values)


def _in_order(card: ModelCard, name: str) -> tuple[ModelCard, tuple[int, ...]]:
    """The card with its classes in the order normal, metastasis, and which output each is."""
    order = order_of_classes(card.classes)
    if order:
        return replace(card, classes=tuple(card.classes[i] for i in order)), order
    said = (
        f"Which class of {name} is metastasis cannot be told from the names {' and '.join(card.classes)}; "
        "assumed: the second."
    )
    return replace(card, assumed=(*card.assumed, said)), tuple(range(len(card.classes)))


def _folded(network: nn.Module) -> nn.Module:
    """The network with its batch normalisations folded into the convolutions before them; as it is where it
    has none, or takes decisions that cannot be traced.
    """
    if not any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in network.modules()):
        return network
    try:
        folded = let_go(fuse(network))
    except (torch.fx.proxy.TraceError, TypeError, ValueError, RuntimeError):
        return network
    # What was traced on the way lies in circles of its own, with all weights.
    del network
    gc.collect()
    return folded


def let_go(network: nn.Module) -> nn.Module:
    """A traced network that its graph does not hold in turn: in a circle, its weights would stay in memory
    until Python looks for circles, 100 MB each time that a model is loaded.
    """
    if isinstance(network, torch.fx.GraphModule):
        network.graph.owning_module = None
    return network


def _numbers(key: str, value: torch.Tensor, name: str) -> torch.Tensor:
    """A tensor as plain float32; raises ModelError where it holds none."""
    kind = (
        "on no device (meta)"
        if value.is_meta
        else "quantised"
        if value.is_quantized
        else "sparse"
        if value.layout is not torch.strided
        else f"of {value.dtype}"
        # Numbers of 8 bits stand for others by a scale that lies elsewhere.
        if not value.is_floating_point() or value.element_size() < 2
        else ""
    )
    if kind:
        raise ModelError(
            f"{name} holds weights that are {kind} (the first is {key}), where plain floating-point numbers "
            "are needed. Save the network before it is converted."
        )
    return value.float()


def _are_finite(key: str, value: torch.Tensor) -> bool:
    # The root of a variance is taken.
    return bool(torch.isfinite(value).all()) and not (key.endswith("running_var") and bool((value < 0).any()))


def choose_device(name: str = "auto") -> torch.device:
    """``auto`` takes CUDA, else Apple's MPS, else the processor.

    Raises:
        SettingsError: the device is not there.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:
        raise SettingsError(f"The device “{name}” is not there. Choose auto, cpu, cuda or mps.") from error


def logit(p: float) -> float:
    """The log odds of a probability; with two classes, the logit margin at which a class reaches it."""
    return math.log(p / (1 - p))
