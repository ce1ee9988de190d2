"""Colours of one image brought to the distribution of others."""

import torch


def match_colours(
    image: torch.Tensor, colours: torch.Tensor, *, generator: torch.Generator, rounds: int = 24,
) -> torch.Tensor:
    """The image ``(3, H, W)`` with the distribution of ``colours`` ``(M, 3)``, each pixel moved as little as that takes.

    Sliced matching: along random orthogonal axes, one set after another, the sorted values take the places of the
    target's quantiles (Pitie, Kokaram and Dahyot 2007).
    """
    values = image.flatten(1).T.clone()
    count = len(values)
    picks = torch.linspace(0, len(colours) - 1, count).round().long()
    for _ in range(rounds):
        axes = torch.linalg.qr(torch.randn(3, 3, generator=generator)).Q
        turned, target = values @ axes, (colours @ axes).sort(dim=0).values[picks]
        order = turned.argsort(dim=0)
        values = torch.zeros_like(turned).scatter_(0, order, target) @ axes.T
    return values.T.reshape(image.shape).clamp(0, 1)
