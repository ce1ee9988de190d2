"""Who falls: how often SNAP fooled the model in groups of images, each with its interval."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from snapgui.audit.shown.tiles import Tile, slides_of
from snapgui.statistics import share
from snapgui.words import per_cent

# Groups of equal size by a number: three are as many as a few dozen images bear.
PARTS = 3


@dataclass(frozen=True)
class Cohort:
    """Images that have something in common; ``fooled`` as `statistics.share` gives it."""

    name: str
    fooled: dict[str, Any]


def by_class(tiles: Sequence[Tile], classes: Sequence[str]) -> list[Cohort]:
    """A group for each true class; none where all are of one."""
    labels = sorted({tile.label for tile in tiles})
    if len(labels) < 2:
        return []
    return [_cohort(classes[label], [tile for tile in tiles if tile.label == label]) for label in labels]


def by_slide(tiles: Sequence[Tile]) -> list[Cohort]:
    """A group for each slide, those that fall most first; none where the names tell no slides."""
    slides = slides_of(tiles)
    if not slides:
        return []
    found = [_cohort(name, [tile for tile in tiles if tile.slide == name]) for name in slides]
    if nameless := [tile for tile in tiles if not tile.slide]:
        found.append(_cohort("no slide named", nameless))
    return sorted(found, key=lambda cohort: (-cohort.fooled["share"], -cohort.fooled["of"], cohort.name))


def by_sureness(tiles: Sequence[Tile]) -> list[Cohort]:
    """Thirds by how sure the model was of the true class before, the least sure first."""
    return _in_parts(tiles, [tile.p_before for tile in tiles], lambda value: per_cent(value))


def by_nuclei(tiles: Sequence[Tile], nuclei: Mapping[int, int]) -> list[Cohort]:
    """Thirds by the number of nuclei, the fewest first; ``nuclei`` counts them by position."""
    known = [tile for tile in tiles if tile.position in nuclei]
    return _in_parts(known, [nuclei[tile.position] for tile in known], lambda value: f"{value:g}")


def _in_parts(tiles: Sequence[Tile], values: Sequence[float], words: Callable[[float], str]) -> list[Cohort]:
    """Groups of nearly equal size; equal values stay together."""
    if not tiles:
        return []
    ordered = np.asarray(values, dtype=np.float64)
    # A value's group follows from how many are smaller, so that ties share one.
    ranks = np.searchsorted(np.sort(ordered), ordered, side="left")
    groups = ranks * PARTS // len(ordered)
    found = []
    for group in sorted(set(groups.tolist())):
        inside = np.flatnonzero(groups == group).tolist()
        low, high = words(float(ordered[inside].min())), words(float(ordered[inside].max()))
        name = low if low == high else f"{low} to {high}"
        found.append(_cohort(name, [tiles[i] for i in inside]))
    return found


def _cohort(name: str, tiles: Sequence[Tile]) -> Cohort:
    return Cohort(name, share(sum(tile.fooled for tile in tiles), len(tiles)))
