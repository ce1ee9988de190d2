"""Alternatives at matched confidence in words and in numbers for the chart: plain functions."""

from collections.abc import Callable, Sequence

from snapgui.records import RunResult
from snapgui.runs.alternatives import Alternative
from snapgui.ui.charts import MatchedPoint
from snapgui.ui.widgets.visibility_words import difference, number
from snapgui.ui.words import per_cent

# How visible an alternative is, on one axis.
AXES: dict[str, tuple[str, Callable[[Alternative], float]]] = {
    "Colour difference where altered": ("mean CIEDE2000 of the pixels that could change", lambda one: one.visibility.regions["mask"].de00.mean),
    "Colour difference, whole image": ("mean CIEDE2000 of the whole image", lambda one: one.visibility.regions["whole"].de00.mean),
    "FLIP, whole image": ("mean FLIP of the whole image as displayed", lambda one: one.visibility.regions["whole"].flip.mean),
    "FLIP, worst place": ("greatest FLIP of any pixel as displayed", lambda one: one.visibility.regions["whole"].flip.worst),
}


def matched_points(found: Sequence[Alternative], result: RunResult, axis: str) -> list[MatchedPoint]:
    """One point an alternative, numbered as on its card."""
    _, read = AXES[axis]
    return [
        MatchedPoint(one.name, number_of, one.words, one.family, read(one), one.p[result.target], one.area_fraction)
        for number_of, one in enumerate(found, start=1)
    ]


def card_words(one: Alternative, result: RunResult, place: int) -> str:
    """What stands under a small picture, in Markdown."""
    inside, whole = one.visibility.regions["mask"], one.visibility.regions["whole"]
    lines = [
        f"**{place} {one.words}**",
        f"{result.classes[result.target]} {per_cent(one.p[result.target])}{_outcome(one)}",
        f"{per_cent(one.area_fraction)} of the pixels",
        f"CIEDE2000 {difference(inside.de00.mean)} there, {difference(whole.de00.mean)} overall",
        f"FLIP {number(inside.flip.mean, 3)} there, {number(whole.flip.mean, 3)} overall",
    ]
    return "  \n".join(lines)


def _outcome(one: Alternative) -> str:
    if one.reached_goal:
        return f", {one.steps} steps" if one.steps is not None else ", not optimised"
    return ", **goal not reached**" if one.steps is not None else ", not optimised"
