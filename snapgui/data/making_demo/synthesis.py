"""Synthetic patches: noise shaped until a network's feature statistics are those of a group of real patches.

Source: Gatys, Ecker and Bethge 2015, *Texture synthesis using convolutional neural networks*, with
    DenseNet-121 in place
of VGG-19, average in place of maximum pooling, and statistics averaged over several patches, so that no one
is copied.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
import torchvision
from numpy.typing import NDArray
from torch import nn

from snapgui.engine.images import to_image
from snapgui.engine.victim.checkpoints import read_state
from snapgui.engine.victim.victim import IMAGENET_MEAN, IMAGENET_STD
from snapgui.errors import ModelError, SettingsError

LAYERS = ("relu0", "denseblock1", "denseblock2", "transition2")
SURROUNDINGS_PX = 5
LOSS_SCALE, BOUND_WEIGHT = 100.0, 10.0


@dataclass(frozen=True)
class SynthesisSettings:
    """How a patch is synthesised.

    Attributes:
        iterations: of L-BFGS.
        enlarged_px: side to which patches are enlarged before the network.
    """

    iterations: int = 200
    enlarged_px: int = 192

    def __post_init__(self) -> None:
        for name, low, high in (("iterations", 1, 10_000), ("enlarged_px", 32, 1024)):
            if not low <= getattr(self, name) <= high:
                raise SettingsError(f"{name} is {getattr(self, name)}; it must be from {low} to {high}.")


@dataclass(frozen=True)
class Statistics:
    """What a group of patches has in common.

    Attributes:
        scales: mean and standard deviation ``(1, C, 1)`` of each layer's features.
        grams: mean Gram matrix ``(C + 1, C + 1)`` of each layer's features so standardised.
        colours: every pixel of the group, float32 ``(M, 3)`` in [0, 1].
        axes: ``(3, 3)``, principal axes of these colours, each as long as its standard deviation.
        amplitudes: ``(3, H, W)``, mean amplitude of each frequency along each axis.
    """

    scales: tuple[tuple[torch.Tensor, torch.Tensor], ...]
    grams: tuple[torch.Tensor, ...]
    colours: torch.Tensor
    axes: torch.Tensor
    amplitudes: torch.Tensor


def load_backbone(path: Path) -> nn.Module:
    """The first half of a DenseNet-121, frozen, with average pooling; raises ModelError if the file holds
    none.
    """
    state = {key: value for key, value in read_state(path).items() if key.startswith("features.")}
    return texture_network(state, name=Path(path).name)


def texture_network(state: dict[str, torch.Tensor] | None, *, name: str = "The backbone") -> nn.Module:
    """DenseNet-121 up to ``transition2`` with these weights (None: as torchvision initialises them)."""
    features = torchvision.models.densenet121(weights=None).features
    if state is not None:
        own = features.state_dict()
        state = {key.removeprefix("features."): value for key, value in state.items()}
        wrong = [
            k
            for k in own
            if not k.endswith("num_batches_tracked") and (k not in state or state[k].shape != own[k].shape)
        ]
        if wrong:
            raise ModelError(
                f"{name} is no DenseNet-121: {len(wrong)} of its tensors are missing or of another shape "
                f"(the first is {wrong[0]}). Give a DenseNet-121 backbone with torchvision's names."
            )
        features.load_state_dict({key: value for key, value in state.items() if key in own}, strict=False)
    kept = nn.Sequential()
    for label, layer in features.named_children():
        kept.add_module(
            label,
            nn.AvgPool2d(3, stride=2, padding=1, count_include_pad=False) if label == "pool0" else layer,
        )
        if label == LAYERS[-1]:
            break
    return kept.eval().requires_grad_(False).to(memory_format=torch.channels_last)


def layer_features(network: nn.Module, images: torch.Tensor, *, enlarged_px: int) -> list[torch.Tensor]:
    """Features ``(N, C, M)`` of images ``(N, 3, H, W)`` in [0, 1]: each pixel's own surroundings, then each
    of `LAYERS`.
    """
    mean = torch.tensor(IMAGENET_MEAN, device=images.device).view(1, 3, 1, 1)
    std = torch.tensor(IMAGENET_STD, device=images.device).view(1, 3, 1, 1)
    features = [F.unfold(images, SURROUNDINGS_PX)]
    x = F.interpolate(images, size=(enlarged_px, enlarged_px), mode="bilinear", align_corners=False)
    x = ((x - mean) / std).contiguous(memory_format=torch.channels_last)
    for name, layer in network.named_children():
        x = layer(x)
        if name in LAYERS:
            features.append(x.flatten(2))
    return features


def gram_matrix(features: torch.Tensor, mean: torch.Tensor, std: torch.Tensor) -> torch.Tensor:
    """Mean Gram matrix ``(C + 1, C + 1)`` of standardised features ``(N, C, M)`` and a constant, which keeps
    their means.
    """
    scaled = (features - mean) / std
    scaled = torch.cat([scaled, torch.ones_like(scaled[:, :1])], dim=1)
    return (scaled @ scaled.transpose(1, 2)).mean(dim=0) / scaled.shape[2]


def learn_statistics(network: nn.Module, pixels: NDArray[np.uint8], *, enlarged_px: int) -> Statistics:
    """Statistics of a group of patches uint8 ``(N, H, W, 3)``."""
    images = torch.stack([to_image(patch) for patch in pixels])
    scales, grams = [], []
    with torch.no_grad():
        for features in layer_features(network, images, enlarged_px=enlarged_px):
            mean, std = features.mean(dim=(0, 2)).view(1, -1, 1), features.std(dim=(0, 2)).view(1, -1, 1)
            std = std.clamp_min(1e-2 * float(std.mean()) + 1e-6)
            scales.append((mean, std))
            grams.append(gram_matrix(features, mean, std))
    colours = images.permute(0, 2, 3, 1).reshape(-1, 3)
    values, vectors = torch.linalg.eigh(torch.cov(colours.T))
    axes = vectors * values.clamp_min(1e-8).sqrt()
    white = torch.einsum("kc,nchw->nkhw", torch.linalg.inv(axes), images - colours.mean(dim=0).view(3, 1, 1))
    return Statistics(tuple(scales), tuple(grams), colours, axes, mean_amplitudes(white))


def synthesise(
    network: nn.Module,
    statistics: Statistics,
    settings: SynthesisSettings,
    *,
    generator: torch.Generator,
    report: Callable[[int, float], None] | None = None,
) -> torch.Tensor:
    """A new image ``(3, H, W)`` in [0, 1] with these statistics, as large as the patches they come from.

    The unknowns are noise whose frequencies are weighted by the group's: what the network does not see keeps
    the strength that it has in real patches, instead of the full strength of white noise. Colour grain that
    is left in the end (real patches have none, their pictures were compressed) is softened.
    """
    noise = torch.randn(statistics.amplitudes.shape, generator=generator).requires_grad_(True)
    centre = statistics.colours.mean(dim=0).view(3, 1, 1)
    optimiser = torch.optim.LBFGS(
        [noise],
        lr=1.0,
        max_iter=settings.iterations,
        max_eval=settings.iterations * 5 // 4,
        history_size=20,
        tolerance_grad=0,
        tolerance_change=0,
        line_search_fn="strong_wolfe",
    )
    steps = 0

    def fields_of(unknowns: torch.Tensor) -> torch.Tensor:
        return torch.fft.ifft2(torch.fft.fft2(unknowns) * statistics.amplitudes).real

    def image_of(fields: torch.Tensor) -> torch.Tensor:
        return torch.einsum("ck,khw->chw", statistics.axes, fields) + centre

    def closure() -> torch.Tensor:
        nonlocal steps
        optimiser.zero_grad()
        image = image_of(fields_of(noise))
        features = layer_features(network, image[None], enlarged_px=settings.enlarged_px)
        misfits = [
            (gram_matrix(f, *scale) - gram).square().sum() / gram.square().sum()
            for f, scale, gram in zip(features, statistics.scales, statistics.grams, strict=True)
        ]
        outside = (image - image.clamp(0, 1)).square().mean()
        loss: torch.Tensor = LOSS_SCALE * (torch.stack(misfits).sum() + BOUND_WEIGHT * outside)
        loss.backward()
        steps += 1
        if report is not None:
            report(steps, loss.item())
        return loss

    optimiser.step(closure)
    return image_of(soften_grain(fields_of(noise.detach()), statistics.amplitudes)).clamp(0, 1)


def match_colours(
    image: torch.Tensor,
    colours: torch.Tensor,
    *,
    generator: torch.Generator,
    rounds: int = 24,
) -> torch.Tensor:
    """The image ``(3, H, W)`` with the distribution of ``colours`` ``(M, 3)``, each pixel moved as little as
    that takes.

    Sliced matching: along random orthogonal axes, one set after another, the sorted values take the places of
    the target's quantiles (Pitie, Kokaram and Dahyot 2007).
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


# Waves per side from which structure counts as grain: periods of 8 px and less on a side of 96.
GRAIN = 12


def rings(height: int, width: int) -> torch.Tensor:
    """For each frequency of ``fft2`` the number of waves along the shorter side, rounded, int64 ``(H,
    W)``.
    """
    radius = torch.hypot(torch.fft.fftfreq(height)[:, None], torch.fft.fftfreq(width)[None])
    return (radius * min(height, width)).round().long()


def mean_amplitudes(fields: torch.Tensor) -> torch.Tensor:
    """Root mean power of each frequency of fields ``(N, C, H, W)``, the same in all directions, ``(C, H,
    W)``.

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
    """Fields ``(C, H, W)`` whose fine grain is no stronger than ``amplitudes`` ``(C, H, W)``; coarser
    structure stays.
    """
    gain = (amplitudes / mean_amplitudes(fields[None]).clamp_min(1e-6)).clamp_max(1)
    gain = torch.where(rings(*fields.shape[-2:]) < GRAIN, torch.ones(()), gain)
    return torch.fft.ifft2(torch.fft.fft2(fields) * gain).real
