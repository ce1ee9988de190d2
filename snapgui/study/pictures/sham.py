"""Sham: the edit without the attack."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage

from snapgui.engine.cells.outlines import Mask
from snapgui.engine.images import to_image
from snapgui.engine.victim.victim import Victim

Pixels = NDArray[np.uint8]
SHAM_ATTEMPTS = 8
_LARGE_CELL_PX = 1024


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
    """

    name: str
    pixels: Pixels
    snap: Pixels
    mask: Mask
    truth: int | None = None
    others: dict[str, Pixels] = field(default_factory=dict)


@dataclass(frozen=True)
class Sham:
    """A sham: its pixels, how far its mean absolute change is from SNAP's (levels), and whether a victim is
    fooled (None: not asked).
    """

    pixels: Pixels
    gap_levels: float
    fooled: bool | None
    attempt: int


def change_levels(source: Source, pixels: Pixels) -> float:
    """Mean absolute change inside the mask, in levels of 255."""
    difference = np.abs(pixels.astype(np.int64) - source.pixels)[source.mask]
    return float(difference.mean()) if difference.size else 0.0


def make_sham(
    source: Source, *, seed: int, victim: Victim | None = None, attempts: int = SHAM_ATTEMPTS
) -> Sham:
    """The same edit without the attack: SNAP's own colours, put in other places of the same cells.

    Each cell keeps exactly the pixels of its patch, so mask, colours, gamut and the mean colour of every cell
    agree with SNAP's; pairs are then exchanged until the total absolute change of the cell agrees as well.
    What is lost is the one thing that was optimised, which colour stands where. A reader who finds SNAP but
    not the sham sees the attack; one who finds both sees that something was edited. (Moving the *changes*
    instead of the colours would leave the gamut and so be easier to see than SNAP.)

    The first attempt turns each cell's patch end for end, the second reads it by columns, later ones shuffle
    it with the seed. With a victim, the first attempt that does not fool it is taken; if all do, the last,
    and ``fooled`` says so: leave such a source out. Without one, the first is taken and ``fooled`` is None.
    """
    places = _places(source.mask)
    rng = np.random.default_rng([seed, *source.name.encode()])
    made: list[Pixels] = []
    fooled: list[bool | None] = []
    for attempt in range(attempts if victim is not None else 1):
        pixels = source.pixels.copy()
        for rows, columns in places:
            patch, own = source.snap[rows, columns], source.pixels[rows, columns]
            order = (
                (np.arange(len(rows))[::-1], np.lexsort((rows, columns)))[attempt]
                if attempt < 2
                else rng.permutation(len(rows))
            )
            pixels[rows, columns] = patch[_match_change(own, patch, order)]
        made.append(pixels)
        fooled.append(None if victim is None else is_fooled(victim, source.pixels, [pixels])[0])
        if not fooled[-1]:
            break
    gap = abs(change_levels(source, made[-1]) - change_levels(source, source.snap))
    return Sham(made[-1], gap, fooled[-1], len(made) - 1)


def _places(mask: Mask) -> list[tuple[NDArray[np.int64], ...]]:
    """Rows and columns of each cell's pixels; a very large cell counts as several, to bound the memory."""
    cells, count = ndimage.label(mask, structure=np.ones((3, 3)))
    found: list[tuple[NDArray[np.int64], ...]] = []
    for cell in range(1, count + 1):
        rows, columns = np.nonzero(cells == cell)
        parts = -(-len(rows) // _LARGE_CELL_PX)
        found += zip(np.array_split(rows, parts), np.array_split(columns, parts), strict=True)
    return found


def _match_change(own: Pixels, patch: Pixels, order: NDArray[np.int64]) -> NDArray[np.int64]:
    """Exchange pairs of an order until ``sum |patch[order] - own|`` is what it is for the patch in its own
    place.
    """
    cost = np.abs(patch[None].astype(np.int64) - own[:, None]).sum(axis=2)
    order = np.array(order)
    wanted = int(cost.trace())
    for _ in range(len(order)):
        now = cost[:, order]
        gap = wanted - int(now.trace())
        if gap == 0:
            break
        gain = now + now.T - np.diag(now)[:, None] - np.diag(now)[None]
        i, j = np.unravel_index(np.abs(gap - gain).argmin(), gain.shape)
        if abs(gap - gain[i, j]) >= abs(gap):
            break
        order[[i, j]] = order[[j, i]]
    return order


def is_fooled(victim: Victim, before: Pixels, after: Sequence[Pixels]) -> list[bool]:
    """Whether the victim's class of each picture differs from that of the untouched one."""
    classes = victim.predict(torch.stack([to_image(pixels) for pixels in (before, *after)])).argmax(dim=1)
    return [bool(seen != classes[0]) for seen in classes[1:]]
