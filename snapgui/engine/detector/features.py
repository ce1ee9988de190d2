"""What a crop looks like in some sixty numbers: densities, stains, gradients and spectra."""

import cv2
import numpy as np
from numpy.typing import NDArray

from snapgui.engine.stains import FIXED_STAINS, optical_density_of, stain_amounts

_CHANNELS = ("red", "green", "blue", "haematoxylin", "eosin")
_OF_CHANNEL = ("mean", "deviation", "5th", "95th", "change across", "change down", "curvature")
# Rings of spatial frequency, in cycles a pixel.
_RINGS = ((0.0, 0.07), (0.07, 0.14), (0.14, 0.22), (0.22, 0.32), (0.32, 0.45), (0.45, 0.8))
FEATURES = (
    *(f"{channel} {what}" for channel in _CHANNELS for what in _OF_CHANNEL),
    "unexplained deviation",
    "unexplained mean",
    "stains together",
    "inner haematoxylin",
    "inner eosin",
    "inner haematoxylin deviation",
    "inner eosin deviation",
    *(f"{stain} ring {ring}" for stain in _CHANNELS[3:] for ring in range(len(_RINGS))),
)


def crop_features(crops: NDArray[np.uint8]) -> NDArray[np.float64]:
    """`FEATURES` of crops uint8 ``(K, S, S, 3)``: float64 ``(K, 54)``, finite.

    Densities are natural optical densities; stains are the fixed vectors' and not the image's own, so that a
    colour which the stains cannot make is seen as such.
    """
    if not len(crops):
        return np.empty((0, len(FEATURES)))
    colours = crops / 255
    amounts, left = stain_amounts(colours, FIXED_STAINS)
    channels = np.concatenate([optical_density_of(colours), amounts], axis=3)
    columns = [_of_channel(channels[..., channel]) for channel in range(len(_CHANNELS))]
    first, second = amounts[..., 0], amounts[..., 1]
    quarter = crops.shape[1] // 4
    inner = amounts[:, quarter:-quarter, quarter:-quarter]
    columns.append(
        np.stack(
            [
                left.std(axis=(1, 2, 3)),
                np.abs(left).mean(axis=(1, 2, 3)),
                _correlation(first, second),
                inner[..., 0].mean(axis=(1, 2)) - first.mean(axis=(1, 2)),
                inner[..., 1].mean(axis=(1, 2)) - second.mean(axis=(1, 2)),
                inner[..., 0].std(axis=(1, 2)),
                inner[..., 1].std(axis=(1, 2)),
            ],
            axis=1,
        )
    )
    columns += [_spectrum(stain) for stain in (first, second)]
    return np.concatenate(columns, axis=1)


def pooled_features(crops: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Mean and deviation of the features over the crops of one picture: ``(108,)``."""
    features = crop_features(crops)
    return np.concatenate([features.mean(axis=0), features.std(axis=0)])


def _of_channel(values: NDArray[np.float64]) -> NDArray[np.float64]:
    axes = (1, 2)
    curvature = np.array([cv2.Laplacian(value, cv2.CV_64F).std() for value in values])
    low, high = np.percentile(values, [5, 95], axis=axes)
    return np.stack(
        [
            values.mean(axis=axes),
            values.std(axis=axes),
            low,
            high,
            np.abs(np.diff(values, axis=2)).mean(axis=axes),
            np.abs(np.diff(values, axis=1)).mean(axis=axes),
            curvature,
        ],
        axis=1,
    )


def _correlation(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of each pair; 0 where one of them is flat."""
    a = first - first.mean(axis=(1, 2), keepdims=True)
    b = second - second.mean(axis=(1, 2), keepdims=True)
    spread = np.sqrt((a**2).sum(axis=(1, 2)) * (b**2).sum(axis=(1, 2)))
    return np.where(spread > 1e-12, (a * b).sum(axis=(1, 2)) / np.maximum(spread, 1e-12), 0.0)


def _spectrum(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Logarithm of the power in each ring of frequencies."""
    size = values.shape[1]
    centred = values - values.mean(axis=(1, 2), keepdims=True)
    power = np.abs(np.fft.fft2(centred)) ** 2
    radius = np.hypot(*np.meshgrid(np.fft.fftfreq(size), np.fft.fftfreq(size)))
    rings = [power[:, (radius > low) & (radius <= high)].sum(axis=1) for low, high in _RINGS]
    return np.log(np.stack(rings, axis=1) + 1e-9)
