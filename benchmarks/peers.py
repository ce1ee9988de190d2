"""The same task done by IBM ART: masked PGD for each image.

Every peer gets images in [0, 1] on their native grid, resizing inside the network: what the victim itself
gets.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
import torchvision
from art.attacks.evasion import ProjectedGradientDescentPyTorch
from art.estimators.classification import PyTorchClassifier
from art.summary_writer import SummaryWriter
from torch import nn

from benchmarks.patches import TARGET, PatchBatch, read_plain
from snapgui.engine.victim.card import ModelCard


class PlainClassifier(nn.Module):
    """A checkpoint as a user of torchvision has it: weights that want gradients, batch norm as it is,
    contiguous memory.
    """

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, network: nn.Module, card: ModelCard) -> None:
        super().__init__()
        self.network = network.eval()
        self.size = card.input_size_px
        self.register_buffer("mean", torch.tensor(card.mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(card.std).view(1, 3, 1, 1))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        if images.shape[-2:] != (self.size, self.size):
            images = F.interpolate(images, size=(self.size, self.size), mode="bilinear", align_corners=False)
        logits: torch.Tensor = self.network((images - self.mean) / self.std)
        return logits


def load_plain(path: Path) -> PlainClassifier:
    """The network of a checkpoint with two outputs, as torchvision makes it."""
    state, card = read_plain(path)
    network = torchvision.models.get_model(card.architecture, weights=None, num_classes=len(card.classes))
    missing, unknown = network.load_state_dict(state, strict=False)
    if unknown or any(not name.endswith("num_batches_tracked") for name in missing):
        raise ValueError(f"{path.name} does not fit torchvision's {card.architecture}.")
    return PlainClassifier(network, card)


@dataclass(frozen=True)
class ArtRule:
    """How ART's PGD moves; its own defaults are a step of 0.1 and no momentum (``decay``)."""

    step: float = 0.1
    decay: float | None = None

    def text(self) -> str:
        return f"step {self.step:g}, {'no momentum' if self.decay is None else f'momentum {self.decay:g}'}"


class IterateHook(SummaryWriter):  # type: ignore[misc]
    """ART's own hook for watching a run, without TensorBoard: hands over every iterate before the step from
    it.
    """

    def __init__(self, on_iterate: Any) -> None:
        self._on_iterate = on_iterate

    def update(self, batch_id: int, global_step: int, *args: Any, x: Any = None, **kwargs: Any) -> None:
        """Called by ART once a step."""
        self._on_iterate(global_step, torch.from_numpy(x))

    def reset(self) -> None:
        """Called by ART at the end."""


def classifier(model: nn.Module, batch: PatchBatch) -> PyTorchClassifier:
    """ART's wrapper of a network."""
    return PyTorchClassifier(
        model,
        loss=nn.CrossEntropyLoss(),
        input_shape=tuple(batch.images.shape[1:]),
        nb_classes=2,
        clip_values=(0.0, 1.0),
        device_type="gpu" if batch.images.is_cuda else "cpu",
    )


def towards_target(count: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """The target class, one-hot: ``(N, 2)``."""
    wanted = np.zeros((count, 2), dtype=np.float32)
    wanted[:, TARGET] = 1
    return wanted


class Confined(nn.Module):
    """A network that reads a batch in coordinates of each image's own range: 0 is a channel's minimum, 1 its
    maximum.

    ART knows no colours of an image; behind this its box of [0, 1] is the `range` gamut. It holds for one
    batch, in its order.
    """

    def __init__(self, network: nn.Module, images: torch.Tensor) -> None:
        super().__init__()
        self.network = network
        self.low = images.amin((2, 3), keepdim=True)
        self.width = (images.amax((2, 3), keepdim=True) - self.low).clamp_min(1e-6)

    def colours(self, coordinates: torch.Tensor) -> torch.Tensor:
        """Images of coordinates, both ``(n, 3, H, W)``, ``n`` no more than the batch (ART also asks for the
        first alone).
        """
        return self.low[: len(coordinates)] + self.width[: len(coordinates)] * coordinates

    def coordinates(self, images: torch.Tensor) -> torch.Tensor:
        """Coordinates of images."""
        return (images - self.low) / self.width

    def forward(self, coordinates: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.network(self.colours(coordinates))
        return logits


class ArtPgd:
    """ART's masked PGD towards the target on the whole batch at once, epsilon 1.

    Every colour is allowed inside the mask, unless it is confined to each image's own range.
    """

    def __init__(self, model: nn.Module, batch: PatchBatch, *, confined: bool = False) -> None:
        self._box = Confined(model, batch.images) if confined else None
        self._classifier = classifier(self._box or model, batch)
        self._device = batch.images.device
        self._images = (self._box.coordinates(batch.images) if self._box else batch.images).cpu().numpy()
        self._masks = batch.masks.float().cpu().numpy()

    def __call__(self, steps: int, rule: ArtRule, *, hook: IterateHook | None = None) -> torch.Tensor:
        """Images after so many steps, from the unchanged image; ART's closing forward pass over the result is
        part of it.
        """
        pgd = ProjectedGradientDescentPyTorch(
            self._classifier,
            norm=np.inf,
            eps=1.0,
            eps_step=rule.step,
            decay=rule.decay,
            max_iter=steps,
            targeted=True,
            num_random_init=0,
            batch_size=len(self._images),
            summary_writer=hook or False,
            verbose=False,
        )
        found = pgd.generate(x=self._images, y=towards_target(len(self._images)), mask=self._masks)
        return self.images_of(torch.from_numpy(found))

    def images_of(self, iterate: torch.Tensor) -> torch.Tensor:
        """The images of an iterate of ART's."""
        iterate = iterate.to(self._device)
        return self._box.colours(iterate) if self._box else iterate


def largest_difference(one: nn.Module, other: nn.Module, images: torch.Tensor) -> float:
    """How far the logits of two networks lie apart on some images."""
    with torch.no_grad():
        return float((one(images) - other(images)).abs().max())
