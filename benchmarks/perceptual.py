"""PerC-AL, least colour difference once the class has flipped: a peer that knows CIEDE2000.

Zhao, Liu, Larson, "Towards Large yet Imperceptible Adversarial Image Perturbations with Perceptual Color
Distance", CVPR 2020, by the settings of its authors' own code, on a mask. (adv-lib has it without a mask, but
wants visdom, which does not build with today's setuptools.)
"""

import math

import torch
import torch.nn.functional as F
from skimage.color import xyz_tristimulus_values
from skimage.color.colorconv import xyz_from_rgb
from torch import nn

from snapgui.engine.images import round_to_8_bits

# The authors' code takes 1,000 iterations by default; on four images of val_random 300 left a mean CIEDE2000
# in the mask at most 0.05 below that of 100.
STEPS = 100
# The authors' lengths of a step: towards the class, towards the own colours. Both fall along a cosine, to a
# hundredth and to a tenth.
CLASS_STEP, COLOUR_STEP = 1.0, 0.5
_TINY = 1e-12


def lab_of(images: torch.Tensor) -> torch.Tensor:
    """CIELAB (D65) of sRGB images ``(N, 3, H, W)`` in [0, 1], differentiable."""
    linear = torch.where(
        images > 0.04045, ((images.clamp_min(0) + 0.055) / 1.055).clamp_min(_TINY) ** 2.4, images / 12.92
    )
    white = xyz_tristimulus_values(illuminant="D65", observer="2")
    matrix = torch.as_tensor(xyz_from_rgb / white[:, None]).to(images)
    share = torch.einsum("ij,njhw->nihw", matrix, linear)
    root = torch.where(share > 0.008856, share.clamp_min(0.008856) ** (1 / 3), 7.787 * share + 16 / 116)
    x, y, z = root.unbind(1)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], dim=1)


def ciede2000(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """CIEDE2000 of each pixel of two CIELAB pictures ``(N, 3, H, W)``: ``(N, H, W)``, with a gradient that is
    finite everywhere (Sharma, Wu, Dalal 2005).
    """
    (l1, a1, b1), (l2, a2, b2) = first.unbind(1), second.unbind(1)
    grey = 1.5 - 0.5 * _saturation((_length(a1, b1) + _length(a2, b2)) / 2)
    c1, c2 = _length(a1 * grey, b1), _length(a2 * grey, b2)
    h1, h2 = torch.atan2(b1, a1 * grey + _TINY), torch.atan2(b2, a2 * grey + _TINY)
    turn = torch.remainder(h2 - h1 + math.pi, 2 * math.pi) - math.pi
    lightness, chroma = (l1 + l2) / 2, (c1 + c2) / 2
    hue = torch.rad2deg(torch.remainder(h1 + turn / 2, 2 * math.pi))
    weights = ((1, 30, -0.17), (2, 0, 0.24), (3, -6, 0.32), (4, 63, -0.20))
    t = 1 + sum(weight * torch.cos(torch.deg2rad(times * hue - less)) for times, less, weight in weights)
    bend = torch.deg2rad(60 * torch.exp(-(((hue - 275) / 25) ** 2)))
    away = (lightness - 50) ** 2
    by_lightness = (l2 - l1) / (1 + 0.015 * away / (20 + away).sqrt())
    by_chroma = (c2 - c1) / (1 + 0.045 * chroma)
    by_hue = 2 * (c1 * c2).sqrt() * torch.sin(turn / 2) / (1 + 0.015 * chroma * t)
    squared = by_lightness**2 + by_chroma**2 + by_hue**2
    squared = squared - 2 * _saturation(chroma) * torch.sin(bend) * by_chroma * by_hue
    return squared.clamp_min(_TINY).sqrt()


def _length(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return (a**2 + b**2 + _TINY).sqrt()


def _saturation(chroma: torch.Tensor) -> torch.Tensor:
    return (chroma**7 / (chroma**7 + 25.0**7) + _TINY).sqrt()


def perc_al(
    network: nn.Module, images: torch.Tensor, masks: torch.Tensor, target: int, *, steps: int = STEPS
) -> torch.Tensor:
    """Images ``(N, 3, H, W)`` taken for the target with the least colour difference found, changed inside
    bool ``(N, 1, H, W)`` alone and rounded to 8 bits; where none was taken for it, the last one.

    An image that is not taken for the target yet takes a step down the class loss, the others one down the
    colour difference (Euclidean norm of CIEDE2000 over the pixels).
    """
    own, labels = lab_of(images), torch.full((len(images),), target, device=images.device)
    change, best = torch.zeros_like(images), images
    least = torch.full((len(images),), math.inf, device=images.device)
    fools = torch.zeros(len(images), dtype=torch.bool, device=images.device)
    for step in range(steps):
        falling = (1 + math.cos(step / steps * math.pi)) / 2
        change.requires_grad_(True)
        loss = torch.zeros((), device=images.device)
        if not fools.all():
            logits = network((images + change)[~fools])
            loss = F.cross_entropy(logits.float(), labels[~fools], reduction="sum")
        if fools.any():
            loss = loss + _distance(own[fools], (images + change)[fools]).sum()
        (slope,) = torch.autograd.grad(loss, change)
        change = change.detach()
        slope = slope * masks
        length = slope.flatten(1).norm(dim=1).clamp_min(_TINY).view(-1, 1, 1, 1)
        stride = torch.where(
            fools,
            COLOUR_STEP / 10 + 0.9 * COLOUR_STEP * falling,
            CLASS_STEP / 100 + 0.99 * CLASS_STEP * falling,
        ).view(-1, 1, 1, 1)
        change = (images + change - stride * slope / length).clamp(0, 1) - images
        with torch.no_grad():
            rounded = round_to_8_bits(images + change)
            fools = network(rounded).argmax(1) == labels
            distance = _distance(own, rounded)
        better = fools & (distance < least)
        least = torch.where(better, distance, least)
        kept = better | (least.isinf())
        best = torch.where(kept.view(-1, 1, 1, 1), rounded, best)
    return best


def _distance(own: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
    return ciede2000(own, lab_of(images)).flatten(1).norm(dim=1)
