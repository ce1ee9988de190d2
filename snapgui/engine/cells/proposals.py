"""Where cells lie: scattered on tissue, over the image's own nuclei, or where a map says that they matter."""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from snapgui.engine.cells.outlines import (
    Mask,
    centre_mask,
    draw_mask,
    fill,
    generate_outline,
    total_area,
)
from snapgui.engine.images import UM_PER_PX
from snapgui.engine.nuclei import Outline, find_nuclei, tissue_mask
from snapgui.engine.settings import CellSettings
from snapgui.errors import MaskError

# Nuclear diameters in lymph node: lymphocytes about 7 um, tumour nuclei up to 16 um.
SMALL_UM, LARGE_UM = 7.0, 16.0
# A nucleus enlarged by this takes a rim of its cytoplasm with it.
WITH_CYTOPLASM = 1.6
# Cells are never enlarged by more to cover an area.
MOST_ENLARGED = 1.3


def propose_cells(
    pixels: NDArray[np.uint8], settings: CellSettings, *, gain: NDArray[np.float32] | None = None
) -> list[Outline]:
    """Cells for an image uint8 ``(H, W, 3)`` whose mask covers the area asked to within half a cell.

    Cells lie on tissue, inside the field, apart from each other; outside the central 32 px where that is
    excluded. ``scattered`` puts generated cells anywhere; ``gain`` puts each where the map ``gain`` float32
    ``(H, W)`` has most under it; ``nuclei`` takes the image's own nuclei, resized by one common factor, and
    adds generated cells only where these do not cover the area; ``all_nuclei`` takes every nucleus with a rim
    of cytoplasm, less of it where the area would be exceeded. ``trim`` needs an attack: see
    `placement.place_cells`.

    Raises:
        MaskError: no tissue, no nuclei where they are asked for, a budget too small for one cell, or no room
            for it.
    """
    if (settings.placement in ("gain", "trim")) != (gain is not None):
        raise ValueError(
            f"placement “{settings.placement}” {'takes no' if gain is not None else 'needs a'} map of gain"
        )
    if settings.placement == "all_nuclei":
        return _every_nucleus(pixels, settings)
    shape = (pixels.shape[0], pixels.shape[1])
    rng = np.random.default_rng(settings.seed)
    budget_px = settings.area * shape[0] * shape[1]
    if budget_px / settings.count < 4:
        raise MaskError(
            f"{settings.area:.2%} of the image is {budget_px:.0f} px for {settings.count} cells, less than "
            "4 px each. Raise the area or ask for fewer cells."
        )
    forbidden = ~tissue_mask(pixels)
    if settings.centre == "excluded":
        forbidden |= centre_mask(shape)
    if (~forbidden).sum() < budget_px:
        raise MaskError(
            f"Only {(~forbidden).mean():.0%} of the image is tissue open to cells; {settings.area:.0%} is "
            "asked. Lower the area, open the centre or choose another image."
        )
    if settings.placement != "nuclei":
        return _scatter(settings.count, budget_px, forbidden, settings.gap_px, rng, gain)
    own = _own_nuclei(pixels, settings, budget_px, rng)
    mask = draw_mask(own, shape)
    left_px = budget_px - mask.sum()
    mean_px = budget_px / settings.count
    if left_px > mean_px / 2:
        blocked = forbidden | mask
        own = own + _scatter(max(1, round(left_px / mean_px)), left_px, blocked, settings.gap_px, rng)
    return own


def shared_cells(shape: tuple[int, int], settings: CellSettings) -> list[Outline]:
    """Generated cells scattered over a whole field, whatever it shows: one set for many images; raises
    MaskError if there is no room.
    """
    forbidden = centre_mask(shape) if settings.centre == "excluded" else np.zeros(shape, dtype=bool)
    budget_px = settings.area * shape[0] * shape[1]
    return _scatter(
        settings.count, budget_px, forbidden, settings.gap_px, np.random.default_rng(settings.seed)
    )


def _every_nucleus(pixels: NDArray[np.uint8], settings: CellSettings) -> list[Outline]:
    nuclei = _open_nuclei(pixels, settings, WITH_CYTOPLASM)
    if not nuclei:
        where = "" if settings.centre == "open" else " outside the centre"
        raise MaskError(
            f"No nuclei were found in the image{where}, so none can be retouched. Choose another image, or "
            "another placement."
        )
    shape = (pixels.shape[0], pixels.shape[1])
    most_px = settings.area * shape[0] * shape[1]

    def sized(factor: float) -> list[Outline]:
        return [resize(outline, factor) for outline in nuclei]

    if draw_mask(sized(WITH_CYTOPLASM), shape).sum() <= most_px:
        return sized(WITH_CYTOPLASM)
    factor = bisect(lambda f: float(draw_mask(sized(f), shape).sum()), most_px, low=0.1, high=WITH_CYTOPLASM)
    while draw_mask(sized(factor), shape).sum() > most_px:
        factor *= 0.99
    return sized(factor)


def _open_nuclei(pixels: NDArray[np.uint8], settings: CellSettings, factor: float) -> list[Outline]:
    """The image's nuclei that leave the centre alone where it is excluded, also when enlarged by a factor."""
    shape = (pixels.shape[0], pixels.shape[1])
    centre = centre_mask(shape)
    return [
        outline
        for outline in find_nuclei(pixels)
        if settings.centre == "open" or not (draw_mask([resize(outline, factor)], shape) & centre).any()
    ]


def move_onto_nuclei(
    cells: list[Outline], pixels: NDArray[np.uint8], settings: CellSettings, gain: NDArray[np.float32]
) -> list[Outline]:
    """Cells of an image uint8 ``(H, W, 3)``, but in place of those that touch nuclei the nucleus that each
    touches most: one that is painted beside a nucleus, or over half of one, is seen by where it lies.

    Cells with most of the map ``gain`` float32 ``(H, W)`` under them come first; what lies nearer to one
    before than the gap is left out. Where fewer remain than are asked for, nothing is moved.
    """
    shape = (pixels.shape[0], pixels.shape[1])
    # The hull, since thin parts of an outline would come off as cells of their own when it is resized.
    hulls = [
        np.asarray(cv2.convexHull(outline)[:, 0], np.float32)
        for outline in _open_nuclei(pixels, settings, MOST_ENLARGED)
    ]
    nuclei = [draw_mask([hull], shape) for hull in hulls]
    masks = [draw_mask([cell], shape) for cell in cells]
    blocked = np.zeros(shape, dtype=bool)
    moved: list[Outline] = []
    for i in np.argsort([-float(gain[mask].sum()) for mask in masks]):
        shared = [int((masks[i] & nucleus).sum()) for nucleus in nuclei]
        most = int(np.argmax(shared)) if any(shared) else None
        outline, mask = (cells[i], masks[i]) if most is None else (hulls[most], nuclei[most])
        if not (mask & blocked).any():
            moved.append(outline)
            near = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
            blocked |= near <= settings.gap_px
    return moved if len(moved) >= settings.count else cells


def _own_nuclei(
    pixels: NDArray[np.uint8], settings: CellSettings, budget_px: float, rng: np.random.Generator
) -> list[Outline]:
    shape = (pixels.shape[0], pixels.shape[1])
    nuclei = _open_nuclei(pixels, settings, MOST_ENLARGED)
    chosen = [nuclei[i] for i in rng.permutation(len(nuclei))[: settings.count]]
    if not chosen:
        return []

    return resize_to_area(chosen, budget_px, shape)


def resize_to_area(cells: list[Outline], budget_px: float, shape: tuple[int, int]) -> list[Outline]:
    """Cells resized by one common factor, at most by `MOST_ENLARGED`, so that their mask comes nearest to an
    area.
    """

    def sized(factor: float) -> list[Outline]:
        return [resize(outline, factor) for outline in cells]

    factor = bisect(lambda f: float(draw_mask(sized(f), shape).sum()), budget_px, low=0.3, high=MOST_ENLARGED)
    return sized(factor)


def resize(outline: Outline, factor: float) -> Outline:
    middle = outline.mean(axis=0)
    return ((outline - middle) * factor + middle).astype(np.float32)


def bisect(area_of: Callable[[float], float], wanted: float, *, low: float, high: float) -> float:
    """The factor at which a growing area comes nearest to the one wanted."""
    for _ in range(24):
        middle = (low + high) / 2
        low, high = (middle, high) if area_of(middle) < wanted else (low, middle)
    return low if abs(area_of(low) - wanted) < abs(area_of(high) - wanted) else high


def _scatter(
    count: int,
    budget_px: float,
    forbidden: Mask,
    gap_px: float,
    rng: np.random.Generator,
    gain: NDArray[np.float32] | None = None,
) -> list[Outline]:
    """Generated cells of real relative sizes, the largest placed first, each anywhere that leaves the gap, or
    where most gain is.
    """
    shape = forbidden.shape
    diameters = np.exp(rng.uniform(np.log(SMALL_UM), np.log(LARGE_UM), count)) / UM_PER_PX
    shapes = [generate_outline(diameter, rng) for diameter in np.sort(diameters)[::-1]]
    middle = np.array([shape[1] // 2, shape[0] // 2], dtype=np.float32)

    def total(factor: float) -> float:
        return float(total_area([outline * np.float32(factor) + middle for outline in shapes], shape))

    factor = np.float32(bisect(total, budget_px, low=0.05, high=6.0))
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
                f"Only {len(placed)} of {count} cells found room at this area. Lower the area, the number "
                "of cells or the gap, or open the centre."
            )
        place = (
            rng.integers(len(free))
            if gain is None
            else int(np.argmax(_under(cell, gain)[free[:, 1], free[:, 0]]))
        )
        placed.append(cell + free[place].astype(np.float32))
        blocked |= draw_mask(placed[-1:], shape)
    return placed


def _free_places(cell: Outline, blocked: Mask, gap_px: float) -> NDArray[np.int64]:
    """Every whole-pixel place (x, y) where the cell lies inside the field and ``gap_px`` from all that is
    blocked.
    """
    stamp = _stamp(cell, gap_px)
    if gap_px:
        far = cv2.distanceTransform((1 - stamp).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        wide = (far <= gap_px).astype(np.float32)
    else:
        wide = stamp.astype(np.float32)
    hit = cv2.filter2D(blocked.astype(np.float32), -1, wide, borderType=cv2.BORDER_CONSTANT) > 0.5
    outside = cv2.filter2D(
        np.ones(blocked.shape, np.float32), -1, stamp.astype(np.float32), borderType=cv2.BORDER_CONSTANT
    )
    inside = outside > stamp.sum() - 0.5
    y, x = np.nonzero(~hit & inside)
    return np.stack([x, y], axis=1)


def _stamp(cell: Outline, gap_px: float = 0.0) -> NDArray[np.uint8]:
    """A cell around (0, 0) drawn in the middle of a square of odd side that leaves room for the gap."""
    reach = int(np.ceil(np.abs(cell).max() + gap_px)) + 1
    return fill(cell + np.float32(reach), (2 * reach + 1, 2 * reach + 1))


def _under(cell: Outline, gain: NDArray[np.float32]) -> NDArray[np.float32]:
    """What a map ``(H, W)`` sums to under the cell at each place."""
    return np.asarray(cv2.filter2D(gain, -1, _stamp(cell).astype(np.float32), borderType=cv2.BORDER_CONSTANT))
