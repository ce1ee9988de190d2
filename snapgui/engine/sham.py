"""Sham: the edit without the attack."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage

from snapgui.engine.attack.stained import inner_share
from snapgui.engine.cells.outlines import Mask
from snapgui.engine.images import to_image
from snapgui.engine.settings import TextureName
from snapgui.engine.stains import fit_stains, optical_density_of, stain_amounts
from snapgui.engine.victim.victim import Victim

Pixels = NDArray[np.uint8]
SHAM_ATTEMPTS = 64
# Of these so many leave each cell its own patch.
_WITHIN_CELLS = 16
# An exchange between cells that leaves the change more than this share from SNAP's is no sham.
_MOST_GAP = 0.01
_LARGE_CELL_PX = 400
# What rounding to 8 bits does to the optical density of a pixel of middling brightness.
_ROUNDING_DENSITY = 0.005
# The ways in which a cell's patch is turned or mirrored, as matrices on (row, column): first those that keep
# an upright cell upright.
_MOVES = tuple(
    np.array(matrix)
    for matrix in (
        ((-1, 0), (0, -1)),
        ((1, 0), (0, -1)),
        ((-1, 0), (0, 1)),
        ((0, 1), (1, 0)),
        ((0, -1), (-1, 0)),
        ((0, 1), (-1, 0)),
        ((0, -1), (1, 0)),
    )
)


@dataclass(frozen=True)
class Source:
    """An image and what was made of it.

    Attributes:
        name: for the investigator; never shown.
        pixels: uint8 ``(H, W, 3)``, untouched.
        snap: the same after SNAP.
        mask: bool ``(H, W)``, where it may differ.
        truth: class, where it is known.
        others: further conditions by name.
        texture: what SNAP's patch is made of.
    """

    name: str
    pixels: Pixels
    snap: Pixels
    mask: Mask
    truth: int | None = None
    others: dict[str, Pixels] = field(default_factory=dict)
    texture: TextureName = "free"


@dataclass(frozen=True)
class Sham:
    """A sham: its pixels, how far its mean absolute change is from SNAP's (levels), whether it and the first
    one made fool a victim (None: not asked), and how many were made before the one that was taken.
    """

    pixels: Pixels
    gap_levels: float
    fooled: bool | None
    first_fooled: bool | None
    attempt: int


def change_levels(source: Source, pixels: Pixels) -> float:
    """Mean absolute change inside the mask, in levels of 255."""
    difference = np.abs(pixels.astype(np.int64) - source.pixels)[source.mask]
    return float(difference.mean()) if difference.size else 0.0


def make_sham(
    source: Source, *, seed: int, victim: Victim | None = None, attempts: int = SHAM_ATTEMPTS
) -> Sham:
    """The same edit without the attack: what SNAP made of each cell, mirrored or turned within that cell.

    Mask, texture, roughness and total absolute change agree with SNAP's; what is lost is the one thing that
    was optimised, what stands where. A reader who finds SNAP but not the sham sees the attack; one who finds
    both sees that something was edited. Of free colours each cell keeps exactly its patch's own; of a retouch
    what moves is how much stronger or weaker the stains became, and it is applied to the pixels where it
    arrives. (Moving the *changes* of free colours would leave the gamut and so be easier to see than SNAP.)

    The first attempts mirror all cells in one way, later ones each cell in a way of its own, drawn with the
    seed; the last exchange patches between two cells as well, and go on from whatever left the victim surest
    of the untouched picture's class: some patches fool it wherever they are turned in their own cell. With a
    victim, the first attempt that does not fool it is taken; if all do, the last, and ``fooled`` says so:
    leave such a source out. Without one, the first is taken and ``fooled`` is None.
    """
    places = _places(source.mask)
    remake = _retouched if source.texture == "retouch" else _recoloured
    rng = np.random.default_rng([seed, *source.name.encode()])
    ends = np.cumsum([len(rows) for rows, _ in places])
    own = [np.arange(end - len(rows), end) for end, (rows, _) in zip(ends, places, strict=True)]
    wanted = change_levels(source, source.snap)
    made: Sham | None = None
    best, most = own, -1.0
    for attempt in range(attempts if victim is not None else 1):
        if attempt < _WITHIN_CELLS:
            # Upright mirrors for all cells first.
            ways = [attempt] * len(places) if attempt < 3 else rng.integers(0, len(_MOVES), len(places))
            orders = [
                each[_moved(*place, _MOVES[way])] for each, place, way in zip(own, places, ways, strict=True)
            ]
        else:
            orders = _exchanged(best, places, rng)
        pixels = remake(source, places, orders)
        gap = abs(change_levels(source, pixels) - wanted)
        if attempt >= _WITHIN_CELLS and gap > _MOST_GAP * wanted:
            continue
        if victim is None:
            return Sham(pixels, gap, None, None, attempt)
        answers = victim.predict(torch.stack([to_image(each) for each in (source.pixels, pixels)]))
        before, after = answers.argmax(dim=1).tolist()
        fooled = before != after
        made = Sham(pixels, gap, fooled, fooled if made is None else made.first_fooled, attempt)
        if not fooled:
            return made
        if float(answers[1, before]) > most:
            best, most = orders, float(answers[1, before])
    assert made is not None, "at least one attempt is made"
    return replace(made, attempt=attempt)


_Place = tuple[NDArray[np.int64], NDArray[np.int64]]
# Of each cell, which of all masked pixels each of its pixels takes after, counted through the cells.
_Orders = list[NDArray[np.int64]]


def _places(mask: Mask) -> list[_Place]:
    """Rows and columns of each cell's pixels; a very large cell counts as several, to bound the time."""
    cells, count = ndimage.label(mask, structure=np.ones((3, 3)))
    found: list[_Place] = []
    for cell in range(1, count + 1):
        found += _halved(*np.nonzero(cells == cell))
    return found


def _halved(rows: NDArray[np.int64], columns: NDArray[np.int64]) -> list[_Place]:
    """A place in parts of at most `_LARGE_CELL_PX`, cut across its longer side."""
    if len(rows) <= _LARGE_CELL_PX:
        return [(rows, columns)]
    along = rows if np.ptp(rows) >= np.ptp(columns) else columns
    order = np.argsort(along, kind="stable")
    first, second = np.sort(order[: len(order) // 2]), np.sort(order[len(order) // 2 :])
    return [*_halved(rows[first], columns[first]), *_halved(rows[second], columns[second])]


def _moved(rows: NDArray[np.int64], columns: NDArray[np.int64], move: NDArray[np.int64]) -> NDArray[np.int64]:
    """Which pixel of a cell each of its pixels takes after, so that the whole is moved: an order, each pixel
    once, as near as the cell's shape allows to where the move brings it.
    """
    from scipy.optimize import linear_sum_assignment

    at = _about_middle(rows, columns)
    distance = (((at @ move.T)[:, None] - at[None]) ** 2).sum(axis=2)
    return np.asarray(linear_sum_assignment(distance)[1])


def _about_middle(rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.float64]:
    at = np.stack([rows, columns], axis=1).astype(float)
    return at - (at.max(axis=0) + at.min(axis=0)) / 2


def _exchanged(orders: _Orders, places: list[_Place], rng: np.random.Generator) -> _Orders:
    """The same with the patches of two cells exchanged, and each of these turned or mirrored in its new cell;
    what has no room in the smaller cell stays where it was.
    """
    from scipy.optimize import linear_sum_assignment

    new = list(orders)
    pair: list[int] = rng.permutation(len(places))[:2].tolist()
    if len(pair) == 2:
        at = np.concatenate([_about_middle(*places[cell]) for cell in pair])
        cell_of = np.repeat([0, 1], [len(places[cell][0]) for cell in pair])
        distance = ((at[:, None] - at[None]) ** 2).sum(axis=2)
        distance += distance.max() * len(at) * (cell_of[:, None] == cell_of[None])
        pooled = np.concatenate([orders[cell] for cell in pair])[linear_sum_assignment(distance)[1]]
        for place, cell in enumerate(pair):
            new[cell] = pooled[cell_of == place]
    for cell in pair:
        new[cell] = new[cell][_moved(*places[cell], _MOVES[rng.integers(len(_MOVES))])]
    return new


@dataclass
class _Patch:
    """A cell's own colours ``(P, 3)``, those that it takes on, in which order, and who are neighbours."""

    own: NDArray[np.int64]
    colours: NDArray[np.int64]
    order: NDArray[np.int64]
    beside: NDArray[np.int64]

    def change(self) -> NDArray[np.int64]:
        """Absolute change of each pixel by each colour of the patch, ``(P, P)``."""
        return _apart(self.own, self.colours)

    def roughness(self, order: NDArray[np.int64]) -> int:
        """Sum of the absolute differences between neighbours, each pair counted twice."""
        shown = self.colours[order]
        return int((self.beside * _apart(shown, shown)).sum())


def _apart(first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.asarray(np.abs(first[:, None] - second[None]).sum(axis=2))


def _recoloured(source: Source, places: list[_Place], orders: _Orders) -> Pixels:
    """The patches' own colours in another order, such that the total absolute change is SNAP's and the
    differences between neighbours are as large as SNAP's.
    """
    painted = np.concatenate([source.snap[place] for place in places]).astype(np.int64)
    patches, gap, excess = [], 0, 0
    for (rows, columns), order in zip(places, orders, strict=True):
        near = (np.abs(rows[:, None] - rows) + np.abs(columns[:, None] - columns) == 1).astype(np.int64)
        own, before = (image[rows, columns].astype(np.int64) for image in (source.pixels, source.snap))
        as_is = np.arange(len(order))
        snap, patch = _Patch(own, before, as_is, near), _Patch(own, painted[order], as_is.copy(), near)
        gap += int(snap.change().trace() - patch.change().trace())
        excess += patch.roughness(as_is) - snap.roughness(as_is)
        patches.append(patch)
    for weight in (1, 0):
        for patch in patches:
            gap, excess = _match(patch, gap, excess, weight)
    pixels = source.pixels.copy()
    for (rows, columns), patch in zip(places, patches, strict=True):
        pixels[rows, columns] = patch.colours[patch.order]
    return pixels


def _match(patch: _Patch, gap: int, excess: int, weight: int) -> tuple[int, int]:
    """Exchange pairs of a patch's pixels as long as the change that is missing, and by a weight the excess of
    roughness, come nearer to nothing; gives both as they are then.
    """
    change, order = patch.change(), patch.order
    for _ in range(len(order)):
        now = change[:, order]
        gain = now + now.T - np.diag(now)[:, None] - np.diag(now)[None]
        shown = patch.colours[order]
        apart = _apart(shown, shown)
        against = patch.beside @ apart
        rougher = against + against.T - np.diag(against)[:, None] - np.diag(against)[None]
        # A pair of neighbours stays a pair. Each difference counts twice.
        rougher = 2 * (rougher + 2 * patch.beside * apart)
        left = np.abs(gap - gain) + weight * np.abs(excess + rougher)
        i, j = np.unravel_index(left.argmin(), left.shape)
        if left[i, j] >= abs(gap) + weight * abs(excess):
            break
        order[[i, j]] = order[[j, i]]
        gap, excess = gap - int(gain[i, j]), excess + int(rougher[i, j])
    return gap, excess


def _retouched(source: Source, places: list[_Place], orders: _Orders) -> Pixels:
    """Each cell's own stains made stronger or weaker as SNAP did elsewhere, with its rim and the mean
    absolute change of SNAP.
    """
    stains = fit_stains(source.pixels)
    amounts, left = stain_amounts(source.pixels / 255, stains)
    inner = inner_share(source.mask)
    field = _field_of(source, stains, amounts) / np.maximum(inner, 0.25)[..., None]
    moved, made = np.zeros_like(field), np.concatenate([field[place] for place in places])
    for place, order in zip(places, orders, strict=True):
        moved[place] = made[order]
    moved *= (inner * source.mask)[..., None]

    def shown(scale: float) -> Pixels:
        density = (amounts * (1 + np.clip(scale * moved, -1, 1))) @ stains + left
        colours = np.clip(np.rint(np.exp(-density) * 255), 0, 255).astype(np.uint8)
        return np.where(source.mask[..., None], colours, source.pixels)

    low, high, wanted = 0.0, 4.0, change_levels(source, source.snap)
    for _ in range(24):
        middle = (low + high) / 2
        low, high = (middle, high) if change_levels(source, shown(middle)) < wanted else (low, middle)
    return shown(min(low, high, key=lambda scale: abs(change_levels(source, shown(scale)) - wanted)))


def _field_of(
    source: Source, stains: NDArray[np.float64], amounts: NDArray[np.float64]
) -> NDArray[np.float64]:
    """By which share SNAP changed each stain of each pixel, ``(H, W, 2)``: the smallest shares that explain
    the change of optical density but for rounding.
    """
    change = optical_density_of(source.snap / 255) - optical_density_of(source.pixels / 255)
    each = amounts[..., None] * stains
    square = each @ each.swapaxes(-1, -2) + _ROUNDING_DENSITY**2 * np.eye(2)
    return np.asarray(np.linalg.solve(square, each @ change[..., None])[..., 0])


def is_fooled(victim: Victim, before: Pixels, after: Sequence[Pixels]) -> list[bool]:
    """Whether the victim's class of each picture differs from that of the untouched one."""
    classes = victim.predict(torch.stack([to_image(pixels) for pixels in (before, *after)])).argmax(dim=1)
    return [bool(seen != classes[0]) for seen in classes[1:]]
