"""How like the image's own nuclei the cells of a patch are: shape, stain and rim."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.color import rgb2hed, rgb2lab
from skimage.measure import label, regionprops

from snapgui.engine.cells.outlines import fill
from snapgui.engine.nuclei import find_nuclei

TRAITS = ("area_px", "solidity", "eccentricity", "haematoxylin", "eosin", "rim_gradient")
LEAST_NUCLEI = 8
_CROSS = ndimage.generate_binary_structure(2, 1)


@dataclass(frozen=True)
class CellScore:
    """One cell: a connected part of the mask (cells that touch count as one).

    Attributes:
        x_px, y_px: its centre of mass on the native grid.
        traits: by name of `TRAITS`, as measured in the altered picture; a rim that the image's edge swallows
            is None.
        z: robust z-scores of the same; None where they cannot be had.
    """

    x_px: float
    y_px: float
    traits: dict[str, float | None]
    z: dict[str, float | None]


@dataclass(frozen=True)
class NucleusScores:
    """The cells against the nuclei of the original picture.

    Attributes:
        nuclei: how many nuclei were found.
        cells: one score a cell, in reading order of their first pixels.
        own: the nuclei's median of each trait; empty with fewer than 8 nuclei.
        own_beyond_3: share of the nuclei themselves that lie beyond 3 robust deviations, by trait: shapes are
            skewed, so a few always do; empty with fewer than 8 nuclei.
        rim_ratio: mean rim gradient of the cells over the nuclei's median; None with fewer than 8 nuclei.
        sentence: why z-scores are missing; None where they are not.
    """

    nuclei: int
    cells: tuple[CellScore, ...]
    own: dict[str, float]
    own_beyond_3: dict[str, float]
    rim_ratio: float | None
    sentence: str | None


def colour_gradient(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Change of colour per px, float64 ``(H, W)``: length of the CIELAB gradient by central differences."""
    slopes = np.gradient(np.asarray(rgb2lab(pixels), dtype=np.float64), axis=(0, 1))
    return np.asarray(np.sqrt(sum((slope**2).sum(axis=2) for slope in slopes)))


def measure_traits(pixels: NDArray[np.uint8], labels: NDArray[np.int32]) -> NDArray[np.float64]:
    """`TRAITS` of K labelled regions of uint8 ``(H, W, 3)``: float64 ``(K, 6)``; NaN where there is no rim.

    Area, solidity and eccentricity of the ellipse of equal second moments; mean haematoxylin and eosin
    (Ruifrok and Johnston 2001); mean colour gradient, in CIELAB units per px, of the pixels on both sides of
    the rim. The image's edge is no rim.
    """
    stains, gradient = rgb2hed(pixels), colour_gradient(pixels)
    rows = []
    for region in regionprops(labels):
        inside = labels == region.label
        rim = ndimage.binary_dilation(inside, _CROSS) & ~ndimage.binary_erosion(
            inside, _CROSS, border_value=1
        )
        slope = gradient[rim].mean() if rim.any() else np.nan
        rows.append(
            (region.area, region.solidity, region.eccentricity, *stains[inside][:, :2].mean(axis=0), slope)
        )
    return np.array(rows, dtype=np.float64).reshape(-1, len(TRAITS))


def robust_z(values: NDArray[np.float64], own: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance of ``(M, D)`` from the median of ``own`` ``(K, D)`` in robust deviations, 1.4826 x MAD
    (Iglewicz, Hoaglin 1993).

    Where half of ``own`` are equal, 1.2533 x mean absolute deviation; NaN where all are equal.
    """
    middle = np.median(own, axis=0)
    away = np.abs(own - middle)
    typical = 1.4826 * np.median(away, axis=0)
    spread = np.where(typical > 0, typical, 1.2533 * away.mean(axis=0))
    return np.asarray((values - middle) / np.where(spread > 0, spread, np.nan))


def score_cells(
    original: NDArray[np.uint8], altered: NDArray[np.uint8], mask: NDArray[np.bool_]
) -> NucleusScores:
    """The cells of a mask, as the altered picture shows them, against the nuclei of the original.

    Pictures are uint8 ``(H, W, 3)``, the mask bool ``(H, W)``; nuclei under the mask count, since a patch may
    cover them.
    """
    outlines = find_nuclei(original)
    nuclei = np.zeros(mask.shape, dtype=np.int32)
    for number, outline in enumerate(outlines, start=1):
        nuclei[fill(outline, mask.shape) > 0] = number
    own = measure_traits(original, nuclei)
    labels = label(mask, connectivity=2).astype(np.int32)
    cells = measure_traits(altered, labels)
    enough = len(own) >= LEAST_NUCLEI
    scores = robust_z(cells, own) if enough else np.full(cells.shape, np.nan)
    middle = np.median(own, axis=0) if enough else np.full(len(TRAITS), np.nan)
    beyond = (np.abs(robust_z(own, own)) > 3).mean(axis=0) if enough else middle
    rims = cells[:, -1][np.isfinite(cells[:, -1])]
    places = [region.centroid for region in regionprops(labels)]
    return NucleusScores(
        nuclei=len(own),
        cells=tuple(
            CellScore(float(x), float(y), _named(traits), _named(z))
            for (y, x), traits, z in zip(places, cells, scores, strict=True)
        ),
        own=dict(zip(TRAITS, middle.tolist(), strict=True)) if enough else {},
        own_beyond_3=dict(zip(TRAITS, beyond.tolist(), strict=True)) if enough else {},
        rim_ratio=float(rims.mean() / middle[-1]) if enough and len(rims) and middle[-1] > 0 else None,
        sentence=None
        if enough
        else (
            f"Cells are compared with the image's own nuclei from {LEAST_NUCLEI} nuclei on; here "
            f"{len(own)} were found."
        ),
    )


def z_over_cells(scores: NucleusScores, trait: str) -> tuple[float | None, float | None]:
    """Median z-score of a trait over the cells, and the one farthest from 0; None where there is none."""
    known = [z for cell in scores.cells if (z := cell.z[trait]) is not None]
    return (float(np.median(known)), max(known, key=abs)) if known else (None, None)


def _named(values: NDArray[np.float64]) -> dict[str, float | None]:
    return {
        name: float(value) if np.isfinite(value) else None for name, value in zip(TRAITS, values, strict=True)
    }
