"""Masked pixels taken apart into the two stains of their image and what these leave unexplained."""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from snapgui.engine.attack.gamut import stain_vectors
from snapgui.engine.attack.packing import Packed, flatten

# Over this many pixels an altered cell fades into what surrounds it.
RIM_PX = 2.0


@dataclass(frozen=True)
class Stained:
    """What P masked pixels consist of.

    Attributes:
        rows: int64 ``(P,)``, the image of each.
        stains: ``(N, 2, 3)``, the images' stain vectors.
        amounts: ``(P, 2)``, how much of each stain.
        left: ``(P, 3)``, the optical density that these leave unexplained.
    """

    rows: torch.Tensor
    stains: torch.Tensor
    amounts: torch.Tensor
    left: torch.Tensor

    def colours(self, amounts: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
        """Colours ``(p, 3)`` of the pixels int64 ``chosen`` ``(p,)`` with other amounts ``(p, 2)`` of the
        stains; what was unexplained stays.
        """
        density = torch.einsum("pk,pkc->pc", amounts, self.stains[self.rows[chosen]])
        return torch.exp(-(density + self.left[chosen]))


def divide(images: torch.Tensor, pixels: Packed) -> Stained:
    """The masked pixels of images ``(N, 3, H, W)`` by the stains of each, see `stains.fit_stains`."""
    stains = stain_vectors("own", images)
    density = -torch.log(flatten(images)[pixels.places].clamp_min(1 / 255))
    amounts = torch.einsum("pc,pck->pk", density, torch.linalg.pinv(stains)[pixels.rows])
    left = density - torch.einsum("pk,pkc->pc", amounts, stains[pixels.rows])
    return Stained(pixels.rows, stains, amounts, left)


def inner_share(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """How much of a change each pixel of a mask ``(H, W)`` takes: 1 inside, less over the outermost
    `RIM_PX`.
    """
    distance = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.clip(distance / np.float32(RIM_PX), 0, 1)
