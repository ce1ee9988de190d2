"""Altered cells are found by a small network and painted over before the classifier sees the picture."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from snapgui import shipped
from snapgui.engine.defences.defended import straight_through
from snapgui.engine.defences.weights import trained
from snapgui.engine.images import to_image, to_pixels
from snapgui.engine.victim.victim import Victim

# Fewer pixels than a small cell has are no finding: an alarm needs so many above the threshold.
LEAST_PX = 16
# What is found is grown by so many pixels, so that no rim of a cell is painted back in; Telea's reach.
GROWN_PX, REACH_PX = 1, 3
# How soft the border between found and not found is where its gradient is asked, in logits.
SOFT = 2.0


class LocaliserNetwork(nn.Module):
    """A plain U-Net of three levels, some 120,000 weights: pictures to a logit a pixel, above the threshold
    where a cell was altered.
    """

    threshold: torch.Tensor

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.register_buffer("threshold", torch.zeros(()))
        self.fine = _two_convolutions(6, width)
        self.middle = _two_convolutions(width, 2 * width)
        self.coarse = _two_convolutions(2 * width, 4 * width)
        self.up_middle = _two_convolutions(6 * width, 2 * width)
        self.up_fine = _two_convolutions(3 * width, width)
        self.last = nn.Conv2d(width, 1, 1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits ``(N, 1, H, W)`` of images ``(N, 3, H, W)`` in [0, 1], of any size."""
        height, width = images.shape[-2:]
        fine = self.fine(F.pad(seen_of(images), (0, -width % 4, 0, -height % 4), mode="replicate"))
        middle = self.middle(F.max_pool2d(fine, 2))
        coarse = self.coarse(F.max_pool2d(middle, 2))
        middle = self.up_middle(torch.cat([F.interpolate(coarse, scale_factor=2), middle], 1))
        fine = self.up_fine(torch.cat([F.interpolate(middle, scale_factor=2), fine], 1))
        logits: torch.Tensor = self.last(fine)
        return logits[..., :height, :width]


def _two_convolutions(before: int, after: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for width in (before, after):
        layers += [nn.Conv2d(width, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
    return nn.Sequential(*layers)


def seen_of(images: torch.Tensor) -> torch.Tensor:
    """What the network looks at, ``(N, 6, H, W)``: the optical density of each channel, and what a small blur
    leaves of it, where a texture that was added pixel by pixel stands first.
    """
    density = -torch.log(images.clamp_min(1 / 255))
    around = F.avg_pool2d(F.pad(density, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    return torch.cat([density - 0.5, 8 * (density - around)], 1)


def picture_scores(logits: torch.Tensor) -> torch.Tensor:
    """How surely each picture is altered, ``(N,)``: the `LEAST_PX`-th highest logit of its pixels, so that it
    is above the threshold where just so many are.
    """
    flat = logits.flatten(1)
    return flat.topk(min(LEAST_PX, flat.shape[1]), dim=1).values[:, -1]


@dataclass(frozen=True)
class Localiser:
    """A small U-Net, trained on SNAP of all textures against untouched patches, finds altered cells, and
    Telea's inpainting (2004) covers them with what lies around.

    A picture in which less than a small cell is found stays as it is. An attacker who knows gets the gradient
    of the covered picture straight through (BPDA), and that of the border between found and not found, which
    tells how to stay unfound.
    """

    path: Path = shipped.DEFENCES / "localiser.safetensors"
    draws: ClassVar[int] = 0

    @property
    def name(self) -> str:
        return "localiser"

    def __call__(self, victim: Victim, images: torch.Tensor, chance: torch.Generator) -> torch.Tensor:
        with torch.no_grad():
            found = self.find(images)
        covered = cover(images.detach(), found)
        seen = straight_through(images, covered)
        if torch.is_grad_enabled() and images.requires_grad:
            network = self._network(images)
            border = torch.sigmoid((network(images) - network.threshold) / SOFT)
            # All that is covered or nearly so, as it would be then.
            would = cover(images.detach(), border.detach() > 0.25) - images.detach()
            seen = seen + would * (border - border.detach())
        return victim(seen)

    def find(self, images: torch.Tensor) -> torch.Tensor:
        """Where cells were altered, bool ``(N, 1, H, W)``; nowhere in a picture with less than `LEAST_PX`."""
        network = self._network(images)
        logits = network(images)
        alarm = picture_scores(logits) > network.threshold
        return (logits > network.threshold) & alarm[:, None, None, None]

    @torch.no_grad()
    def alarms(self, victim: Victim, images: torch.Tensor) -> torch.Tensor:
        """Bool ``(N,)``: whether anything is covered."""
        return self.find(images.to(victim.mean.device)).flatten(1).any(1).cpu()

    def sha256(self) -> str:
        return trained(LocaliserNetwork, self.path)[1]

    def _network(self, images: torch.Tensor) -> LocaliserNetwork:
        return trained(LocaliserNetwork, self.path)[0].to(images.device)


def cover(images: torch.Tensor, found: torch.Tensor) -> torch.Tensor:
    """Images ``(N, 3, H, W)`` with what was found, bool ``(N, 1, H, W)``, grown by `GROWN_PX` and painted
    over by Telea's method; all else is untouched.
    """
    covered = images.clone()
    ring = np.ones((2 * GROWN_PX + 1,) * 2, np.uint8)
    for n in torch.nonzero(found.flatten(1).any(1))[:, 0].tolist():
        mask = cv2.dilate(found[n, 0].cpu().numpy().astype(np.uint8), ring)
        painted = cv2.inpaint(to_pixels(images[n]), mask, REACH_PX, cv2.INPAINT_TELEA)
        inside = torch.from_numpy(mask > 0).to(images.device)
        covered[n] = torch.where(inside, to_image(painted.astype(np.uint8)).to(images), images[n])
    return covered
