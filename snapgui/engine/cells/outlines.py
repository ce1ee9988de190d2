"""Cells: closed outlines of nuclear shape, and the mask that they make."""

from collections.abc import Iterable
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
# What people keep outlines in that is none of the forms that are read, by its first bytes.
_NO_MASKS = {
    b"<": "a file of XML (ASAP, Aperio, SVG) or HTML",
    b"\x1f\x8b": "a file packed with gzip",
    b"\x93NUMPY": "an array of NumPy",
    b"\x89HDF": "an HDF5 file",
}
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
    row, first, end = _spans(outlines, shape)
    width = shape[1] + 1
    begun = np.bincount(row * width + first, minlength=shape[0] * width)
    ended = np.bincount(row * width + end, minlength=shape[0] * width)
    return (begun - ended).reshape(shape[0], width).cumsum(axis=1)[:, :-1] > 0


def fill(outline: Outline, shape: tuple[int, int]) -> NDArray[np.uint8]:
    """One filled outline, uint8 ``(H, W)`` of 0 and 1."""
    return draw_mask([outline], shape).astype(np.uint8)


def total_area(outlines: list[Outline], shape: tuple[int, int]) -> int:
    """Pixels of a grid that filled outlines have, each counted for itself."""
    _, first, end = _spans(outlines, shape)
    return int((end - first).sum())


def _spans(outlines: list[Outline], shape: tuple[int, int]) -> tuple[NDArray[np.int64], ...]:
    """What filled outlines cover of the rows of a grid: row, first column, and the column after the last."""
    if not outlines:
        return (np.zeros(0, dtype=np.int64),) * 3
    start = np.concatenate(outlines)
    end = np.concatenate([np.roll(outline, -1, axis=0) for outline in outlines])
    owner = np.repeat(np.arange(len(outlines)), [len(outline) for outline in outlines])
    edge, row, column = _crossings(start, end, shape)
    # Along a row an outline is inside from its first crossing to its second, from its third to its fourth ...
    order = np.lexsort((column, row, owner[edge]))
    return row[order][::2], column[order][::2], column[order][1::2]


def _crossings(
    start: Outline, end: Outline, shape: tuple[int, int]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Where edges cross the rows of a grid: of each crossing its edge, its row, and the first column whose
    centre lies to the right of it or on it.

    The crossing rule at pixel centres: those on a rim to the left or above are inside, to the right or below
    outside. cv2.fillPoly draws the whole rim, which makes small cells far too large; skimage.draw.polygon
    takes every centre that lies on it, as those of found nuclei often do.
    """
    # Rows cross an edge half-open, so that a vertex is counted once, and a closed outline evenly.
    top, bottom = np.minimum(start[:, 1], end[:, 1]), np.maximum(start[:, 1], end[:, 1])
    first = np.clip(np.ceil(top), 0, shape[0]).astype(np.int64)
    count = np.clip(np.ceil(bottom), 0, shape[0]).astype(np.int64) - first
    edge = np.repeat(np.arange(len(start)), count)
    row = np.arange(len(edge)) - np.repeat(count.cumsum() - count, count) + first[edge]
    (x0, y0), (x1, y1) = start[edge].T, end[edge].T
    at = x0 + (row - y0) * ((x1 - x0) / (y1 - y0))
    return edge, row, np.clip(np.ceil(at), 0, shape[1]).astype(np.int64)


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
    advice = (
        f"all that it encloses lies outside the {shape[1]} x {shape[0]} px of the image, or between its "
        "pixels. Coordinates count from the image's own corner, not from a slide's."
    )
    if is_geojson(data):
        parts = (
            draw_mask([outer], shape) & ~draw_mask(holes, shape) for outer, *holes in polygons_of(data, name)
        )
        mask, words = _union(parts, shape, "polygons")
    elif is_imagej(data):
        parts = (
            np.bitwise_xor.reduce([draw_mask([ring], shape) for ring in rings])
            for rings in rings_of(data, name)
        )
        mask, words = _union(parts, shape, "regions")
    elif what := next((what for start, what in _NO_MASKS.items() if data.startswith(start)), ""):
        raise MaskError(
            f"{name} is {what}, which is not read as a mask. Give a mask picture, QuPath's GeoJSON or "
            "ImageJ's regions (.roi, .zip)."
        )
    else:
        mask, words = marked_pixels(data, name)
        advice = "white marks where pixels may change. Draw at least one cell."
    if mask.shape != shape:
        raise MaskError(
            f"{name} is {mask.shape[1]} x {mask.shape[0]} px and the image {shape[1]} x {shape[0]} px; "
            "they must be of one size. Draw it on this image or choose another."
        )
    if not mask.any():
        raise MaskError(f"{name} marks no pixel: {advice}")
    return mask, words


def _union(parts: Iterable[Mask], shape: tuple[int, int], what: str) -> tuple[Mask, str]:
    """What any of some filled outlines marks, and in words whether all of them mark something."""
    mask, count, marking = np.zeros(shape, dtype=bool), 0, 0
    for part in parts:
        mask |= part
        count, marking = count + 1, marking + bool(part.any())
    if marking == count:
        return mask, f"the inside of its {what}"
    return mask, (
        f"the inside of {marking:,} of its {count:,} {what} (the others enclose no pixel of the image)"
    )


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
