"""Which real patches a synthetic one learns from: groups of like stain and texture within a class."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

BANDS_PX = (1.0, 2.0, 4.0)
GLASS_DENSITY = 0.12
MAX_GLASS = 0.12
STAIN_WEIGHT = 2.0


def optical_density(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Optical density ``-log10((v + 1) / 256)`` of uint8 pixels of any shape; 0 where white."""
    table = -np.log10((np.arange(256) + 1) / 256)
    return table.astype(np.float32)[pixels]


def describe_patches(pixels: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Stain and texture of patches uint8 ``(N, H, W, 3)``, and which of them are evenly filled with tissue.

    Returns:
        float32 ``(N, 9)``: mean and standard deviation of each channel's optical density, then the logarithm
        of how much its grey mean varies at 1, 2 and 4 px (small dark nuclei against large pale ones); and
        bool ``(N,)``: little glass or fat, in focus, and much the same in all four quarters.
    """
    descriptors = np.empty((len(pixels), 9), dtype=np.float32)
    even = np.empty(len(pixels), dtype=bool)
    for i, patch in enumerate(pixels):
        density = optical_density(patch)
        grey = density.mean(axis=2)
        levels = [grey, *(gaussian_filter(grey, sigma) for sigma in BANDS_PX)]
        bands = np.stack([fine - coarse for fine, coarse in pairwise(levels)])
        texture = np.log(bands.std(axis=(1, 2)) + 1e-4)
        descriptors[i] = *density.mean(axis=(0, 1)), *density.std(axis=(0, 1)), *texture
        quarters = [
            np.array([grey[rows, columns].mean(), *np.log(bands[:, rows, columns].std(axis=(1, 2)) + 1e-4)])
            for half in [grey.shape[0] // 2]
            for rows in (slice(None, half), slice(half, None))
            for columns in (slice(None, half), slice(half, None))
        ]
        spread = np.ptp(np.stack(quarters), axis=0) / np.array([grey.mean(), 1, 1, 1])
        glass = gaussian_filter(grey, 1.0) < GLASS_DENSITY
        even[i] = (
            glass.mean() < MAX_GLASS
            and texture[0] > np.log(0.02)
            and spread[0] < 0.3
            and spread[1:].max() < 0.45
        )
    return descriptors, even


def choose_groups(
    descriptors: NDArray[np.float32],
    *,
    groups: int,
    size: int,
    generator: np.random.Generator,
) -> NDArray[np.int64]:
    """Groups of like patches that together show the variety there is.

    Anchors are spread by k-means++ seeding over standardised descriptors (patches far from all their
    neighbours are not chosen); each takes its nearest patches.

    Args:
        descriptors: float32 ``(N, D)`` with ``N >= size``.
        groups: how many groups.
        size: patches in a group.
        generator: of the random choices.

    Returns:
        int64 ``(groups, size)``, positions in ``descriptors``; groups may overlap.
    """
    scaled = (descriptors - descriptors.mean(axis=0)) / (descriptors.std(axis=0) + 1e-6)
    scaled[:, :3] *= STAIN_WEIGHT
    distance = np.sqrt(np.maximum(((scaled[:, None] - scaled[None]) ** 2).sum(axis=2), 0))
    nearest = np.argsort(distance, axis=1, kind="stable")[:, :size]
    tightness = np.take_along_axis(distance, nearest, axis=1).mean(axis=1)
    common = np.flatnonzero(tightness <= np.quantile(tightness, 0.8))
    anchors = [int(generator.choice(common))]
    while len(anchors) < groups:
        gap = distance[common][:, anchors].min(axis=1) ** 2
        share = gap / gap.sum() if gap.sum() > 0 else np.full(len(common), 1 / len(common))
        anchors.append(int(generator.choice(common, p=share)))
    return nearest[anchors].astype(np.int64)


def even_stain(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Patches uint8 ``(N, H, W, 3)`` of one group, brought to its mean stain.

    Each channel's optical density gets the group's mean and standard deviation: otherwise the differences
    between the slides would turn into blotches within the synthetic patch.
    """
    density = optical_density(pixels)
    mean, std = density.mean(axis=(1, 2), keepdims=True), density.std(axis=(1, 2), keepdims=True) + 1e-6
    density = (density - mean) / std * std.mean(axis=0) + mean.mean(axis=0)
    levels: NDArray[np.uint8] = np.clip(np.rint(256 * 10.0**-density - 1), 0, 255).astype(np.uint8)
    return levels
