"""Cells: closed outlines of nuclear shape, and the mask that they make."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from snapgui.engine.cells.imagej import is_imagej, rings_of
from snapgui.engine.cells.mask_files import marked_pixels
from snapgui.engine.cells.qupath import is_geojson, polygons_of
from snapgui.engine.nuclei import Outline
from snapgui.errors import MaskError

CENTRE_PX = 32
# Spread of the logarithm of the ratio of a cell's axes: eccentricity then has the spread that found nuclei
# have.
ELONGATION = 0.45
# A drawn outline has few, one of another program may have a million.
EDGES_AT_ONCE = 1024
Mask = NDArray[np.bool_]


def centre_mask(shape: tuple[int, int]) -> Mask:
    """The central square of 32 px, on which an HCD or PCam label rests: bool ``(H, W)``."""
    height, width = shape
    mask = np.zeros(shape, dtype=bool)
    top, left = (height - CENTRE_PX) // 2, (width - CENTRE_PX) // 2
    mask[max(top, 0) : top + CENTRE_PX, max(left, 0) : left + CENTRE_PX] = True
    return mask


def touches_centre(mask: Mask) -> bool:
    """Whether any masked pixel lies in the central 32 px."""
    return bool((mask & centre_mask(mask.shape)).any())


def area_fraction(mask: Mask) -> float:
    """Masked share of the pixels."""
    return float(mask.mean())


def generate_outline(diameter_px: float, rng: np.random.Generator) -> Outline:
    """A nucleus-like outline around (0, 0): an ellipse bent by random harmonics 2 to 6, of the area of its
    diameter.
    """
    angle = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    order = np.arange(2, 7)
    amplitude = rng.normal(0, 0.45 / order**2)
    phase = rng.uniform(0, 2 * np.pi, len(order))
    radius = np.maximum(
        1 + (amplitude[:, None] * np.cos(order[:, None] * angle + phase[:, None])).sum(axis=0), 0.4
    )
    radius *= diameter_px / 2 / np.sqrt(np.mean(radius**2))
    # Cut nuclei are rarely round: one axis is longer by about a third, sometimes by more.
    stretch, turn = np.exp(abs(rng.normal(0, ELONGATION)) / 2), rng.uniform(0, np.pi)
    x, y = radius * np.cos(angle) * stretch, radius * np.sin(angle) / stretch
    return np.stack(
        [x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)], axis=1
    ).astype(np.float32)


def draw_mask(outlines: list[Outline], shape: tuple[int, int]) -> Mask:
    """The union of filled outlines on a grid: bool ``(H, W)``; a pixel belongs where its centre lies
    inside.
    """
    mask = np.zeros(shape, dtype=np.uint8)
    for outline in outlines:
        mask |= fill(outline, shape)
    return mask.astype(bool)


def fill(outline: Outline, shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Fill by the crossing rule at pixel centres, those on a rim to the left or above inside, to the right or
    below outside.

    cv2.fillPoly draws the whole rim, which makes small cells far too large; skimage.draw.polygon takes every
    centre that lies on it, as those of found nuclei often do.
    """
    canvas = np.zeros(shape, dtype=np.uint8)
    edge = np.array((shape[1], shape[0]))
    low = np.floor(np.clip(outline.min(axis=0), 0, edge)).astype(int)
    high = np.minimum(np.ceil(np.clip(outline.max(axis=0), -1, edge)).astype(int) + 1, edge)
    if (high <= low).any():
        return canvas
    x, y = np.arange(low[0], high[0]), np.arange(low[1], high[1])
    ends = np.roll(outline, -1, axis=0)
    crossed = np.zeros((len(y), len(x)), dtype=np.int64)
    for some in range(0, len(outline), EDGES_AT_ONCE):
        crossed += _crossings(outline[some : some + EDGES_AT_ONCE], ends[some : some + EDGES_AT_ONCE], x, y)
    canvas[low[1] : high[1], low[0] : high[0]] = crossed % 2
    return canvas


def _crossings(start: Outline, end: Outline, x: NDArray[np.int64], y: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many edges lie to the left of each pixel's centre, or on it."""
    # Rows cross an edge half-open, so that a vertex is counted once.
    crosses = (start[:, 1, None] <= y) != (end[:, 1, None] <= y)
    rise = np.where(end[:, 1] == start[:, 1], 1, end[:, 1] - start[:, 1])[:, None]
    at = start[:, 0, None] + (y - start[:, 1, None]) * ((end[:, 0] - start[:, 0])[:, None] / rise)
    left_of: NDArray[np.int64] = ((at[:, :, None] <= x) & crosses[:, :, None]).sum(axis=0)
    return left_of


def outlines_of(mask: Mask) -> list[Outline]:
    """The outer outline of each connected part of a mask; a part within a hole of another counts too."""
    contours, tree = cv2.findContours(mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    outer = [] if tree is None else [one for one, node in zip(contours, tree[0], strict=True) if node[3] < 0]
    return [contour[:, 0, :].astype(np.float32) for contour in outer]


def read_mask(data: bytes, *, shape: tuple[int, int], name: str = "The mask") -> Mask:
    """A mask from an encoded picture, GeoJSON or ImageJ's regions, see `understand_mask`."""
    return understand_mask(data, shape=shape, name=name)[0]


def understand_mask(data: bytes, *, shape: tuple[int, int], name: str = "The mask") -> tuple[Mask, str]:
    """A mask bool ``(H, W)`` from an encoded picture, QuPath's GeoJSON or ImageJ's regions, and what was
    taken for marked, in words.

    Raises:
        ImageError: not a picture.
        MaskError: another size than the image, or nothing marked.
    """
    if is_geojson(data):
        mask = np.zeros(shape, dtype=bool)
        for outer, *holes in polygons_of(data, name):
            mask |= draw_mask([outer], shape) & ~draw_mask(holes, shape)
        words = "the inside of its polygons"
    elif is_imagej(data):
        mask = np.zeros(shape, dtype=bool)
        for rings in rings_of(data, name):
            mask |= np.bitwise_xor.reduce([draw_mask([ring], shape) for ring in rings])
        words = "the inside of its regions"
    else:
        mask, words = marked_pixels(data, name)
    if mask.shape != shape:
        raise MaskError(
            f"{name} is {mask.shape[1]} x {mask.shape[0]} px and the image {shape[1]} x {shape[0]} px; "
            "they must be of one size. Draw it on this image or choose another."
        )
    if not mask.any():
        raise MaskError(
            f"{name} marks no pixel: white marks where pixels may change. Draw at least one cell."
        )
    return mask, words


def load_mask(path: Path, *, shape: tuple[int, int]) -> Mask:
    """A mask from a file; raises as `understand_mask` does."""
    return load_understood_mask(path, shape=shape)[0]


def load_understood_mask(path: Path, *, shape: tuple[int, int]) -> tuple[Mask, str]:
    """What `understand_mask` gives, of a file; raises as that does."""
    try:
        if path.exists() and not path.is_file():
            # A named pipe would never end.
            raise MaskError(
                f"{path} is not a file but a folder or a device. Give a mask picture of the image's size."
            )
        data = path.read_bytes()
    except OSError as error:
        raise MaskError(
            f"{path} cannot be read ({error.strerror}). Give a mask picture of the image's size."
        ) from error
    return understand_mask(data, shape=shape, name=path.name)
