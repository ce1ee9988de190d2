"""Random views of a batch of patches: stain, flips, quarter turns, small scale and rotation, in one
resampling.
"""

import math

import torch
import torch.nn.functional as F


def resize_patches(patches: torch.Tensor, size_px: int) -> torch.Tensor:
    """Batch ``(N, 3, H, W)`` in [0, 1] to ``size_px`` squares, bilinear."""
    return F.interpolate(patches, size=(size_px, size_px), mode="bilinear", align_corners=False)


def random_views(
    patches: torch.Tensor,
    *,
    size_px: int,
    generator: torch.Generator,
    window: float = 1.0,
    stain: float = 0.12,
    scale: float = 0.08,
    rotation_deg: float = 8.0,
) -> torch.Tensor:
    """One random view of each patch.

    Args:
        patches: ``(N, 3, H, W)`` in [0, 1].
        size_px: side of the result.
        generator: source of chance, on the CPU.
        window: share of the patch's side that is seen; below 1 the window lies anywhere inside the patch.
        stain: optical density is multiplied by 1 +- stain a channel and shifted by +- stain / 3.
        scale: enlargement by up to this share either way.
        rotation_deg: turn by up to this many degrees, on top of quarter turns and flips.

    Returns:
        ``(N, 3, size_px, size_px)`` in [0, 1].
    """
    count = len(patches)

    def chance(*shape: int) -> torch.Tensor:
        return torch.rand(count, *shape, generator=generator) * 2 - 1

    angle = torch.randint(0, 4, (count,), generator=generator) * (math.pi / 2) + chance() * math.radians(
        rotation_deg
    )
    zoom = window * (1 + chance() * scale)
    flip = torch.randint(0, 2, (count,), generator=generator) * 2.0 - 1
    cos, sin = torch.cos(angle) * zoom, torch.sin(angle) * zoom
    shift = chance(2) * max(0.0, 1 - window)
    rows = torch.stack([cos * flip, -sin, shift[:, 0], sin * flip, cos, shift[:, 1]], dim=1).view(count, 2, 3)
    grid = F.affine_grid(rows.to(patches), [count, 3, size_px, size_px], align_corners=False)
    views = F.grid_sample(patches, grid, mode="bilinear", padding_mode="reflection", align_corners=False)

    gain = (1 + chance(3, 1, 1) * stain).to(patches)
    offset = (chance(3, 1, 1) * (stain / 3)).to(patches)
    density = -torch.log((views * 255 + 1) / 256)
    return ((torch.exp(-(density * gain + offset)) * 256 - 1) / 255).clamp(0, 1)
