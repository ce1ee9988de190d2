"""Where an image has tissue, and the outlines of its nuclei."""

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.color import rgb2hed
from skimage.feature import peak_local_max
from skimage.filters import threshold_otsu
from skimage.segmentation import watershed

# A closed outline: float32 (K, 2), x and y in px on the native grid, pixel centres at whole numbers.
Outline = NDArray[np.float32]

ENLARGEMENT = 3
TISSUE_DENSITY = 0.07
MIN_AREA_PX, MAX_AREA_PX = 12.0, 420.0
MIN_DISTANCE_PX = 2.5


def optical_density(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """-log10 of transmitted light a channel, float64 ``(H, W, 3)``; white glass is 0."""
    return -np.log10((pixels.astype(np.float64) + 1) / 256)


def tissue_mask(pixels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Where uint8 ``(H, W, 3)`` shows tissue and not glass or a black edge: bool ``(H, W)``."""
    density = cv2.GaussianBlur(optical_density(pixels).mean(axis=2), (0, 0), 1.5)
    return np.asarray((density > TISSUE_DENSITY) & (density < 1.6))


def haematoxylin(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Haematoxylin concentration float64 ``(H, W)`` by colour deconvolution (Ruifrok and Johnston 2001)."""
    return np.asarray(rgb2hed(pixels)[..., 0], dtype=np.float64)


def nuclear_mask(pixels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Where uint8 ``(H, W, 3)`` is dense with haematoxylin (smoothed, above Otsu's threshold): bool ``(H,
    W)``.
    """
    stain = cv2.GaussianBlur(haematoxylin(pixels), (0, 0), 0.7)
    if np.ptp(stain) < 1e-3:
        return np.zeros(stain.shape, dtype=bool)
    return np.asarray((stain > threshold_otsu(stain)) & tissue_mask(pixels))


def find_nuclei(pixels: NDArray[np.uint8]) -> list[Outline]:
    """Outlines of the nuclei of uint8 ``(H, W, 3)``, the largest first; none on glass.

    The field is enlarged three times, since a lymphocyte is only seven pixels wide; touching nuclei are
    parted by a watershed of the distance to the background.
    """
    height, width = pixels.shape[:2]
    large = cv2.resize(
        pixels, (width * ENLARGEMENT, height * ENLARGEMENT), interpolation=cv2.INTER_CUBIC
    ).astype(np.uint8)
    dense = nuclear_mask(large)
    dense = ndimage.binary_opening(dense, iterations=ENLARGEMENT // 2)
    dense = ndimage.binary_fill_holes(dense)
    if not dense.any():
        return []
    depth = cv2.GaussianBlur(ndimage.distance_transform_edt(dense), (0, 0), ENLARGEMENT / 2)
    peaks = peak_local_max(
        depth,
        min_distance=round(MIN_DISTANCE_PX * ENLARGEMENT),
        labels=dense.astype(np.int32),
        exclude_border=False,
    )
    seeds = np.zeros(dense.shape, dtype=np.int32)
    seeds[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    labels = watershed(-depth, seeds, mask=dense)
    outlines = []
    for label, place in enumerate(ndimage.find_objects(labels), start=1):
        if place is None:
            continue
        region = (labels[place] == label).astype(np.uint8)
        contours, _ = cv2.findContours(region, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        contour = max(contours, key=cv2.contourArea)[:, 0, :].astype(np.float32)
        area = cv2.contourArea(contour) / ENLARGEMENT**2
        if len(contour) >= 8 and MIN_AREA_PX <= area <= MAX_AREA_PX:
            corner = np.array([place[1].start, place[0].start], dtype=np.float32)
            outlines.append((area, (contour + corner + 0.5) / ENLARGEMENT - 0.5))
    return [outline.astype(np.float32) for _, outline in sorted(outlines, key=lambda item: -item[0])]
