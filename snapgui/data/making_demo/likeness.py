"""How near a synthetic patch is to real ones: the evidence that it is no copy."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage.feature import match_template

WINDOW_PX = 48
_BLOCK = 1000


def symmetries(pixels: NDArray[Any]) -> list[NDArray[Any]]:
    """The eight quarter turns and reflections of a square patch ``(H, H, ...)``."""
    turns = [np.rot90(pixels, k) for k in range(4)]
    return turns + [turn[:, ::-1] for turn in turns]


def rms_to_nearest(
    patches: NDArray[np.uint8],
    others: NDArray[np.uint8],
    *,
    skip: NDArray[np.int64] | None = None,
) -> NDArray[np.float64]:
    """Root mean square difference to the nearest other patch over its eight symmetries.

    Args:
        patches: uint8 ``(N, H, H, 3)``.
        others: uint8 ``(M, H, H, 3)``.
        skip: for each patch the position of itself among ``others``, which does not count.

    Returns:
        float64 ``(N,)`` in levels of 8 bits, 0 to 255.
    """
    views = (
        np.stack([view for patch in patches for view in symmetries(patch)])
        .reshape(len(patches) * 8, -1)
        .astype(np.float32)
    )
    views -= 128
    energy = (views.astype(np.float64) ** 2).sum(axis=1)
    least = np.full(len(patches), np.inf)
    for start in range(0, len(others), _BLOCK):
        block = others[start : start + _BLOCK].reshape(-1, views.shape[1]).astype(np.float32) - 128
        square = energy[:, None] - 2.0 * (views @ block.T) + (block.astype(np.float64) ** 2).sum(axis=1)
        square = square.reshape(len(patches), 8, -1).min(axis=1)
        if skip is not None:
            inside = np.flatnonzero((skip >= start) & (skip < start + square.shape[1]))
            square[inside, skip[inside] - start] = np.inf
        least = np.minimum(least, square.min(axis=1))
    return np.sqrt(np.maximum(least, 0) / views.shape[1])


def rms_between(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Root mean square difference of patches taken pair by pair, float64 ``(N,)`` in levels of 8 bits."""
    difference = first.astype(np.float64) - second
    return np.sqrt((difference**2).mean(axis=(1, 2, 3)))


def window_correlation(patch: NDArray[np.uint8], sources: Sequence[NDArray[np.uint8]]) -> float:
    """Greatest correlation of any quarter of a patch with any place of its sources, over shifts, turns and
    reflections.

    The quarters are windows of 48 px, compared in grey; 1 means that a quarter was copied outright.

    Args:
        patch: uint8 ``(H, H, 3)``, ``H`` at least 48.
        sources: uint8 ``(H, H, 3)`` each.

    Returns:
        Normalised cross-correlation, -1 to 1.
    """
    windows = quarters(patch)
    return max(
        float(match_template(view, window).max())
        for source in sources
        for view in symmetries(source.mean(axis=2))
        for window in windows
    )


def overlap(patch: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """Greatest correlation of any quarter of a patch with any place of another, unturned: near 1 where they
    overlap.
    """
    grey = other.mean(axis=2)
    return max(float(match_template(grey, window).max()) for window in quarters(patch))


def quarters(patch: NDArray[np.uint8]) -> list[NDArray[np.float64]]:
    """The grey windows of 48 px in the four corners of a patch uint8 ``(H, H, 3)``."""
    grey = patch.mean(axis=2)
    ends = (slice(None, WINDOW_PX), slice(-WINDOW_PX, None))
    return [grey[rows, columns] for rows in ends for columns in ends]
