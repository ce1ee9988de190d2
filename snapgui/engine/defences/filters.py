"""Baselines: the picture is filtered before the classifier sees it (feature squeezing and its kin)."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from skimage.restoration import denoise_tv_chambolle
from torchvision.io import ImageReadMode, decode_jpeg, encode_jpeg
from torchvision.transforms.functional import gaussian_blur

from snapgui.engine.defences.defended import mean_vote, straight_through
from snapgui.engine.victim.victim import Victim


@dataclass(frozen=True)
class Jpeg:
    """JPEG compression (Dziugaite et al., arXiv 1608.00853); its gradient is passed straight through."""

    quality: int = 75
    draws: ClassVar[int] = 0

    @property
    def name(self) -> str:
        return f"JPEG {self.quality}"

    def __call__(self, victim: Victim, images: torch.Tensor, chance: torch.Generator) -> torch.Tensor:
        stored = (images.detach().clamp(0, 1) * 255).round().to(torch.uint8).cpu()
        read = [decode_jpeg(encode_jpeg(image, self.quality), ImageReadMode.RGB) for image in stored]
        return victim(straight_through(images, (torch.stack(read).to(images) / 255)))


@dataclass(frozen=True)
class Median:
    """Median of each channel over a square of ``side`` px (feature squeezing: Xu et al., arXiv
    1704.01155).
    """

    side: int = 3
    draws: ClassVar[int] = 0

    @property
    def name(self) -> str:
        return f"median {self.side} x {self.side}"

    def __call__(self, victim: Victim, images: torch.Tensor, chance: torch.Generator) -> torch.Tensor:
        count, channels, height, width = images.shape
        padded = F.pad(images, [self.side // 2] * 4, mode="reflect")
        windows = F.unfold(padded, self.side).view(count, channels, self.side**2, height, width)
        return victim(windows.median(2).values)


@dataclass(frozen=True)
class BitDepth:
    """So many bits a channel (feature squeezing); its gradient is passed straight through."""

    bits: int = 4
    draws: ClassVar[int] = 0

    @property
    def name(self) -> str:
        return f"{self.bits} bits"

    def __call__(self, victim: Victim, images: torch.Tensor, chance: torch.Generator) -> torch.Tensor:
        steps = 2**self.bits - 1
        return victim(straight_through(images, (images * steps).round() / steps))


@dataclass(frozen=True)
class Gaussian:
    """Gaussian blur of this standard deviation in px."""

    sigma: float = 1.0
    draws: ClassVar[int] = 0

    @property
    def name(self) -> str:
        return f"Gaussian {self.sigma:g} px"

    def __call__(self, victim: Victim, images: torch.Tensor, chance: torch.Generator) -> torch.Tensor:
        side = 2 * int(np.ceil(3 * self.sigma)) + 1
        return victim(gaussian_blur(images, [side, side], [self.sigma, self.sigma]))


@dataclass(frozen=True)
class TotalVariation:
    """Total-variation denoising (Guo et al., arXiv 1711.00117) by Chambolle's method; its gradient is passed
    straight through.
    """

    weight: float = 0.05
    draws: ClassVar[int] = 0

    @property
    def name(self) -> str:
        return f"total variation {self.weight:g}"

    def __call__(self, victim: Victim, images: torch.Tensor, chance: torch.Generator) -> torch.Tensor:
        calm = [
            denoise_tv_chambolle(image.permute(1, 2, 0).cpu().numpy(), weight=self.weight, channel_axis=2)
            for image in images.detach()
        ]
        changed = torch.from_numpy(np.stack(calm)).permute(0, 3, 1, 2).to(images)
        return victim(straight_through(images, changed))


@dataclass(frozen=True)
class ShiftVote:
    """The mean answer to the picture and its neighbours shifted by ``pixels``, nine in all."""

    pixels: int = 1
    draws: ClassVar[int] = 0

    @property
    def name(self) -> str:
        return f"{self.pixels} px shift vote"

    def __call__(self, victim: Victim, images: torch.Tensor, chance: torch.Generator) -> torch.Tensor:
        side = self.pixels
        height, width = images.shape[-2:]
        padded = F.pad(images, [side] * 4, mode="replicate")
        answers = [
            victim(padded[..., down : down + height, right : right + width])
            for down in (0, side, 2 * side)
            for right in (0, side, 2 * side)
        ]
        return mean_vote(torch.stack(answers))
