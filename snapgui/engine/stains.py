"""The two stains of an image: the colours of its haematoxylin and eosin, and how much of each lies where."""

import numpy as np
from numpy.typing import NDArray
from skimage.color import rgb_from_hed

# Haematoxylin and eosin of Ruifrok and Johnston 2001, unit rows (2, 3).
FIXED_STAINS: NDArray[np.float64] = rgb_from_hed[:2] / np.linalg.norm(rgb_from_hed[:2], axis=1, keepdims=True)
# Natural optical density below which a pixel is glass and says nothing about stains.
LEAST_DENSITY = 0.15
LEAST_TISSUE_PX = 500
LEAST_ANGLE_DEG = 8.0


def optical_density_of(colours: NDArray[np.float64]) -> NDArray[np.float64]:
    """Natural optical density of colours ``(..., 3)`` in [0, 1]; black counts as one level of 8 bits."""
    return np.asarray(-np.log(np.clip(colours, 1 / 255, 1)))


def fit_stains(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Unit stain vectors ``(2, 3)``, haematoxylin first, of uint8 ``(H, W, 3)`` in natural optical density.

    The plane of the two largest principal axes of the tissue's optical density, and in it the 1st and 99th
    percentile of the angle (Macenko et al., ISBI 2009). An image with fewer than 500 pixels of tissue, with
    less than 8 degrees between its stains, or whose vectors would let light through that was never there,
    gets `FIXED_STAINS`.
    """
    density = optical_density_of(pixels.reshape(-1, 3) / 255)
    tissue = density[(density > LEAST_DENSITY).all(axis=1)]
    if len(tissue) < LEAST_TISSUE_PX:
        return FIXED_STAINS
    _, axes = np.linalg.eigh(np.cov(tissue.T))
    plane = axes[:, [2, 1]]
    plane = plane * np.where(plane[0] < 0, -1, 1)
    along = tissue @ plane
    low, high = np.percentile(np.arctan2(along[:, 1], along[:, 0]), [1, 99])
    if np.degrees(high - low) < LEAST_ANGLE_DEG:
        return FIXED_STAINS
    ends = np.stack([plane @ [np.cos(angle), np.sin(angle)] for angle in (low, high)])
    # Haematoxylin, the blue stain, takes more of the red light.
    stains = ends[np.argsort(-ends[:, 0])]
    if (stains < -0.05).any():
        return FIXED_STAINS
    stains = np.clip(stains, 0, None)
    return np.asarray(stains / np.linalg.norm(stains, axis=1, keepdims=True))


def stain_amounts(
    colours: NDArray[np.float64], stains: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How much of each stain explains colours ``(..., 3)`` in [0, 1] best, ``(..., 2)``, and the optical
    density that it leaves unexplained, ``(..., 3)``.
    """
    density = optical_density_of(colours)
    amounts = density @ np.linalg.pinv(stains)
    return amounts, density - amounts @ stains
