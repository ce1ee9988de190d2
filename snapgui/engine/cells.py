"""Cells: closed outlines of nuclear shape, where they lie, and the mask that they make."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from snapgui.engine.images import UM_PER_PX, decode_pixels
from snapgui.engine.nuclei import Outline, find_nuclei, tissue_mask
from snapgui.engine.settings import CellSettings
from snapgui.errors import MaskError

CENTRE_PX = 32
# Nuclear diameters in lymph node: lymphocytes about 7 um, tumour nuclei up to 16 um.
SMALL_UM, LARGE_UM = 7.0, 16.0
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
    """A nucleus-like outline around (0, 0): a circle bent by random harmonics 2 to 6, of the area of its diameter."""
    angle = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    order = np.arange(2, 7)
    amplitude = rng.normal(0, 0.45 / order**2)
    phase = rng.uniform(0, 2 * np.pi, len(order))
    radius = np.maximum(1 + (amplitude[:, None] * np.cos(order[:, None] * angle + phase[:, None])).sum(axis=0), 0.4)
    radius *= diameter_px / 2 / np.sqrt(np.mean(radius**2))
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1).astype(np.float32)


def draw_mask(outlines: list[Outline], shape: tuple[int, int]) -> Mask:
    """The union of filled outlines on a grid: bool ``(H, W)``; a pixel belongs where its centre lies inside."""
    mask = np.zeros(shape, dtype=np.uint8)
    for outline in outlines:
        mask |= _fill(outline, shape)
    return mask.astype(bool)


def _fill(outline: Outline, shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Fill by the crossing rule at pixel centres: cv2.fillPoly also draws the rim, which makes small cells far too large."""
    canvas = np.zeros(shape, dtype=np.uint8)
    low = np.maximum(np.floor(outline.min(axis=0)).astype(int), 0)
    high = np.minimum(np.ceil(outline.max(axis=0)).astype(int) + 1, (shape[1], shape[0]))
    if (high <= low).any():
        return canvas
    x, y = np.arange(low[0], high[0]), np.arange(low[1], high[1])
    start, end = outline, np.roll(outline, -1, axis=0)
    # Rows cross an edge half-open, so that a vertex is counted once.
    crosses = (start[:, 1, None] <= y) != (end[:, 1, None] <= y)
    rise = np.where(end[:, 1] == start[:, 1], 1, end[:, 1] - start[:, 1])[:, None]
    at = start[:, 0, None] + (y - start[:, 1, None]) * ((end[:, 0] - start[:, 0])[:, None] / rise)
    left_of = (at[:, :, None] <= x) & crosses[:, :, None]
    canvas[low[1] : high[1], low[0] : high[0]] = left_of.sum(axis=0) % 2
    return canvas


def outlines_of(mask: Mask) -> list[Outline]:
    """The outer outline of each connected part of a mask."""
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return [contour[:, 0, :].astype(np.float32) for contour in contours]


def read_mask(data: bytes, *, shape: tuple[int, int], name: str = "The mask") -> Mask:
    """A mask from an encoded picture: bool ``(H, W)``, true where it is brighter than half.

    Raises:
        ImageError: not a picture.
        MaskError: another size than the image, or nothing marked.
    """
    pixels = decode_pixels(data, name=name)
    if pixels.shape[:2] != shape:
        raise MaskError(
            f"{name} is {pixels.shape[1]} x {pixels.shape[0]} px and the image {shape[1]} x {shape[0]} px; "
            "they must be of one size. Draw it on this image or choose another."
        )
    mask = pixels.mean(axis=2) > 127.5
    if not mask.any():
        raise MaskError(f"{name} marks no pixel: white marks where pixels may change. Draw at least one cell.")
    return np.asarray(mask)


def load_mask(path: Path, *, shape: tuple[int, int]) -> Mask:
    """A mask from a picture file; raises as `read_mask` does."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise MaskError(f"{path} cannot be read ({error.strerror}). Give a mask picture of the image's size.") from error
    return read_mask(data, shape=shape, name=path.name)


def propose_cells(pixels: NDArray[np.uint8], settings: CellSettings) -> list[Outline]:
    """Cells for an image uint8 ``(H, W, 3)`` whose mask covers the area asked to within half a cell.

    Cells lie on tissue, inside the field, apart from each other; outside the central 32 px where that is excluded.
    ``nuclei`` takes the image's own nuclei, resized by one common factor, and adds generated cells only where these
    do not cover the area.

    Raises:
        MaskError: no tissue, a budget too small for one cell, or no room for it.
    """
    shape = (pixels.shape[0], pixels.shape[1])
    rng = np.random.default_rng(settings.seed)
    budget_px = settings.area * shape[0] * shape[1]
    if budget_px / settings.count < 4:
        raise MaskError(
            f"{settings.area:.2%} of the image is {budget_px:.0f} px for {settings.count} cells, less than 4 px each. "
            "Raise the area or ask for fewer cells."
        )
    forbidden = ~tissue_mask(pixels)
    if settings.centre == "excluded":
        forbidden |= centre_mask(shape)
    if (~forbidden).sum() < budget_px:
        raise MaskError(
            f"Only {(~forbidden).mean():.0%} of the image is tissue open to cells; {settings.area:.0%} is asked. "
            "Lower the area, open the centre or choose another image."
        )
    if settings.placement == "scattered":
        return _scatter(settings.count, budget_px, forbidden, settings.gap_px, rng)
    own = _own_nuclei(pixels, settings, budget_px, rng)
    mask = draw_mask(own, shape)
    left_px = budget_px - mask.sum()
    mean_px = budget_px / settings.count
    if left_px > mean_px / 2:
        blocked = forbidden | mask
        own = own + _scatter(max(1, round(left_px / mean_px)), left_px, blocked, settings.gap_px, rng)
    return own


def _own_nuclei(
    pixels: NDArray[np.uint8], settings: CellSettings, budget_px: float, rng: np.random.Generator
) -> list[Outline]:
    shape = (pixels.shape[0], pixels.shape[1])
    centre = centre_mask(shape)
    nuclei = [
        outline for outline in find_nuclei(pixels)
        if settings.centre == "open" or not (draw_mask([_resize(outline, 1.3)], shape) & centre).any()
    ]
    chosen = [nuclei[i] for i in rng.permutation(len(nuclei))[: settings.count]]
    if not chosen:
        return []

    def sized(factor: float) -> list[Outline]:
        return [_resize(outline, factor) for outline in chosen]

    factor = _bisect(lambda f: float(draw_mask(sized(f), shape).sum()), budget_px, low=0.3, high=1.3)
    return sized(factor)


def _resize(outline: Outline, factor: float) -> Outline:
    middle = outline.mean(axis=0)
    return ((outline - middle) * factor + middle).astype(np.float32)


def _bisect(area_of: Callable[[float], float], wanted: float, *, low: float, high: float) -> float:
    """The factor at which a growing area comes nearest to the one wanted."""
    for _ in range(24):
        middle = (low + high) / 2
        low, high = (middle, high) if area_of(middle) < wanted else (low, middle)
    return low if abs(area_of(low) - wanted) < abs(area_of(high) - wanted) else high


def _scatter(count: int, budget_px: float, forbidden: Mask, gap_px: float, rng: np.random.Generator) -> list[Outline]:
    """Generated cells of real relative sizes, the largest placed first, each anywhere that leaves the gap."""
    shape = forbidden.shape
    diameters = np.exp(rng.uniform(np.log(SMALL_UM), np.log(LARGE_UM), count)) / UM_PER_PX
    shapes = [generate_outline(diameter, rng) for diameter in np.sort(diameters)[::-1]]
    middle = np.array([shape[1] // 2, shape[0] // 2], dtype=np.float32)

    def total(factor: float) -> float:
        return float(sum(_fill(outline * np.float32(factor) + middle, shape).sum() for outline in shapes))

    factor = np.float32(_bisect(total, budget_px, low=0.05, high=6.0))
    placed: list[Outline] = []
    blocked = forbidden.copy()
    for outline in shapes:
        cell = outline * factor
        for gap in (gap_px, gap_px / 2, 0.0):
            free = _free_places(cell, blocked, gap)
            if len(free):
                break
        else:
            raise MaskError(
                f"Only {len(placed)} of {count} cells found room at this area. Lower the area, the number of cells or the "
                "gap, or open the centre."
            )
        placed.append(cell + free[rng.integers(len(free))].astype(np.float32))
        blocked |= draw_mask(placed[-1:], shape)
    return placed


def _free_places(cell: Outline, blocked: Mask, gap_px: float) -> NDArray[np.int64]:
    """Every whole-pixel place (x, y) where the cell lies inside the field and ``gap_px`` from all that is blocked."""
    reach = int(np.ceil(np.abs(cell).max() + gap_px)) + 1
    stamp = _fill(cell + np.float32(reach), (2 * reach + 1, 2 * reach + 1))
    if gap_px:
        far = cv2.distanceTransform((1 - stamp).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        wide = (far <= gap_px).astype(np.float32)
    else:
        wide = stamp.astype(np.float32)
    hit = cv2.filter2D(blocked.astype(np.float32), -1, wide, borderType=cv2.BORDER_CONSTANT) > 0.5
    outside = cv2.filter2D(np.ones(blocked.shape, np.float32), -1, stamp.astype(np.float32), borderType=cv2.BORDER_CONSTANT)
    inside = outside > stamp.sum() - 0.5
    y, x = np.nonzero(~hit & inside)
    return np.stack([x, y], axis=1)
