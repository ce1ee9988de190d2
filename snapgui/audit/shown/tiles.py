"""The pictures that an audit kept, one tile each, and how tiles are sorted and chosen."""

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Literal

from snapgui.audit.choose import measured_rows
from snapgui.audit.read import FinishedAudit
from snapgui.audit.settings import SNAP, conditions_of
from snapgui.engine.detector.linear import shipped_detector
from snapgui.engine.visibility.naturalness import Naturalness

Outcome = Literal["all", "fooled", "not fooled"]
# Names that tell their slide: a field's place at their end, or a slide of Camelyon or TCGA within them.
_PLACED = re.compile(r"(.+?)[_-]x[_-]?\d+[_-]y[_-]?\d+.*", re.IGNORECASE)
_NAMED = re.compile(
    r"(patient_\d+_node_\d+|(?:tumor|normal|test)_\d{3}(?!\d)|TCGA-[A-Z0-9]{2}-[A-Z0-9]{4}(?:-[A-Z0-9]+)*)",
    re.IGNORECASE,
)
# The controls that no gradient has seen: where one of these fools the model too, SNAP was not needed.
FILLINGS = ("fill", "sham")


@dataclass(frozen=True)
class Tile:
    """One picture that SNAP altered, as it was stored.

    Attributes:
        position: among the audited patches.
        slide: empty where its name tells none.
        picture: name of its file.
        p_before, p_after: the model's probability of the true class.
        visibility: mean CIEDE2000 in the mask.
        others: the other conditions that fooled the model on this image, by their names in the table; drawn
            anew, at least once.
        row: all that was measured.
    """

    position: int
    id: str
    slide: str
    label: int
    picture: str
    fooled: bool
    p_before: float
    p_after: float
    visibility: float
    others: frozenset[str]
    row: Mapping[str, Any]


SORTS: dict[str, Callable[[Tile], float]] = {
    "Most surely fooled first": lambda tile: tile.p_after,
    "Hardest to fool first": lambda tile: -tile.p_after,
    "Least visible first": lambda tile: tile.visibility,
    "Most visible first": lambda tile: -tile.visibility,
    "Model surest before, first": lambda tile: -tile.p_before,
    "Model least sure before, first": lambda tile: tile.p_before,
}


def slide_of(name: str) -> str:
    """The slide that the name of a patch tells, without folders; empty where it tells none."""
    stem = PurePath(name).name
    named = _NAMED.search(stem)
    placed = _PLACED.fullmatch(stem)
    return named[1] if named else placed[1] if placed else ""


def tiles_of(audit: FinishedAudit) -> list[Tile]:
    """Every picture that the audit kept, in the order of its patches."""
    snap = measured_rows(audit, SNAP)
    fooled = audit.rows[(audit.rows["status"] == "measured") & (audit.rows["flipped"] == 1)]
    others: dict[int, set[str]] = {}
    for position, name in zip(fooled["position"], fooled["condition"], strict=True):
        if name != SNAP:
            others.setdefault(int(position), set()).add(str(name))
    return [
        Tile(
            position=int(row["position"]),
            id=str(row["id"]),
            slide=slide_of(str(row["id"])),
            label=int(row["label"]),
            picture=str(row["picture"]),
            fooled=bool(row["flipped"]),
            p_before=float(row["p_label_before"]),
            p_after=float(row["p_label_after"]),
            visibility=float(row["mean_de00_mask"]),
            others=frozenset(others.get(int(row["position"]), ())),
            row=row,
        )
        for row in snap[snap["picture"].notna()].to_dict("records")
    ]


def slides_of(tiles: Iterable[Tile]) -> list[str]:
    """The slides of the tiles, sorted; none where names tell no groups, or each image one of its own."""
    named = [tile.slide for tile in tiles if tile.slide]
    slides = sorted(set(named))
    return slides if 1 < len(slides) < len(named) else []


def filling_names(audit: FinishedAudit) -> tuple[str, ...]:
    """The audit's conditions that fill SNAP's cells without optimising them, by their names in the table."""
    return tuple(condition.name for condition in conditions_of(audit.settings) if condition.kind in FILLINGS)


def pick_tiles(
    tiles: Sequence[Tile],
    *,
    sort: str,
    outcome: Outcome = "all",
    label: int | None = None,
    slide: str = "",
    also: str = "",
    never: Sequence[str] = (),
) -> list[Tile]:
    """The tiles that are asked for, in the order asked for; what cannot be compared comes last.

    Args:
        tiles: of one audit.
        sort: a key of `SORTS`.
        outcome: whether SNAP fooled the model.
        label: true class; None takes all.
        slide: name of one; empty takes all.
        also: a condition that fooled the model as well; empty takes all.
        never: conditions that must not have fooled it.
    """
    key = SORTS[sort]
    kept = [
        tile
        for tile in tiles
        if (outcome == "all" or tile.fooled == (outcome == "fooled"))
        and (label is None or tile.label == label)
        and (not slide or tile.slide == slide)
        and (not also or also in tile.others)
        and not tile.others.intersection(never)
    ]
    return sorted(kept, key=lambda tile: (math.isnan(key(tile)), key(tile)))


def naturalness_of_tile(tile: Tile) -> Naturalness | None:
    """What the audit measured of a picture's naturalness; None in audits of before it was measured."""
    row = tile.row
    if any(_missing(row.get(name)) for name in ("cells", "picked_out", "picked_out_before")):
        return None
    detector = shipped_detector()
    beyond = row["beyond_stains"]
    return Naturalness(
        mean_de00_mask=tile.visibility,
        cells=int(row["cells"]),
        picked_out=int(row["picked_out"]),
        picked_out_before=int(row["picked_out_before"]),
        expected=int(row["cells"]) * detector.false_alarm_rate,
        beyond_stains=None if _missing(beyond) else float(beyond),
        own_beyond_stains=float(row["own_beyond_stains"]),
        detector=detector.sha256,
    )


def _missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))
