"""How strong each spatial frequency is, and fine grain brought down to that of others."""

import torch

# Waves per side from which structure counts as grain: periods of 8 px and less on a side of 96.
GRAIN = 12


def rings(height: int, width: int) -> torch.Tensor:
    """For each frequency of ``fft2`` the number of waves along the shorter side, rounded, int64 ``(H, W)``."""
    radius = torch.hypot(torch.fft.fftfreq(height)[:, None], torch.fft.fftfreq(width)[None])
    return (radius * min(height, width)).round().long()


def mean_amplitudes(fields: torch.Tensor) -> torch.Tensor:
    """Root mean power of each frequency of fields ``(N, C, H, W)``, the same in all directions, ``(C, H, W)``.

    A Hann window keeps the jump from edge to edge out; the result is scaled to noise of variance 1.
    """
    height, width = fields.shape[-2:]
    window = torch.outer(torch.hann_window(height), torch.hann_window(width))
    fields = fields - fields.mean(dim=(2, 3), keepdim=True)
    power = torch.fft.fft2(fields * window).abs().square().mean(dim=0)
    ring = rings(height, width)
    count = torch.bincount(ring.flatten()).clamp_min(1)
    means = torch.stack([torch.bincount(ring.flatten(), weights=p.flatten()) / count for p in power])
    even = means[:, ring]
    even[:, 0, 0] = 0
    return (even / even.mean(dim=(1, 2), keepdim=True)).sqrt().float()


def soften_grain(fields: torch.Tensor, amplitudes: torch.Tensor) -> torch.Tensor:
    """Fields ``(C, H, W)`` whose fine grain is no stronger than ``amplitudes`` ``(C, H, W)``; coarser structure stays."""
    gain = (amplitudes / mean_amplitudes(fields[None]).clamp_min(1e-6)).clamp_max(1)
    gain = torch.where(rings(*fields.shape[-2:]) < GRAIN, torch.ones(()), gain)
    return torch.fft.ifft2(torch.fft.fft2(fields) * gain).real
