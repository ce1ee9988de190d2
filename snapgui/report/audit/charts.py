"""Charts of an audit for paper: intervals always drawn, series told apart by mark and dash as well as by
colour.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from snapgui.audit.choose import GoalCurve, Numbers
from snapgui.report.pages.canvas import add_box, new_figure, plain_axes, save_png
from snapgui.statistics import wilson_interval

FOOLED = "model fooled, per cent (95 % interval)"
LOOKS: tuple[dict[str, Any], ...] = (
    {"color": "black", "marker": "o", "linestyle": "-"},
    {"color": "#0072b2", "marker": "s", "linestyle": "--", "markerfacecolor": "white"},
)
CHART_DPI = 200


def dots_png(conditions: Sequence[Numbers], names: Mapping[str, str], text: dict[str, str]) -> bytes:
    """How often each condition fooled the model, a dot with its interval, in the order of the list."""
    height = 62 * max(len(conditions), 1)
    figure = new_figure(2000, 108 + height)
    axes = plain_axes(add_box(figure, 720, 30, 1230, height), x=FOOLED)
    for place, row in enumerate(conditions):
        axes.plot(_interval(row), [place, place], color="black", linewidth=1.1)
        axes.plot([_per_cent(row)], [place], "o", color="black", markersize=4)
    titles = [_words(names.get(row["condition"], row["condition"])) for row in conditions]
    axes.set_yticks(range(len(conditions)), titles, fontsize=7)
    axes.set_ylim(len(conditions) - 0.4, -0.6)
    axes.set_xlim(-2, 102)
    axes.grid(axis="x", color="0.88", linewidth=0.6)
    axes.set_axisbelow(True)
    return save_png(figure, text, dpi=CHART_DPI)


def area_png(series: Mapping[str, Sequence[Numbers]], text: dict[str, str]) -> bytes:
    """How often the model was fooled against the median area of the cells; the second series stands a little
    to the right.
    """
    figure = new_figure(2000, 800)
    axes = plain_axes(
        add_box(figure, 170, 50, 1780, 580), x="area of the cells, per cent of the pixels", y=FOOLED
    )
    for place, ((name, conditions), look) in enumerate(zip(series.items(), LOOKS, strict=False)):
        x = [row["medians"]["area"] * 100 + 0.12 * place for row in conditions]
        for at, row in zip(x, conditions, strict=True):
            axes.plot([at, at], _interval(row), color=look["color"], linewidth=1)
        axes.plot(x, list(map(_per_cent, conditions)), markersize=4, linewidth=1.2, label=name, **look)
    axes.set_ylim(-2, 102)
    axes.set_xlim(left=0)
    axes.grid(color="0.88", linewidth=0.6)
    axes.legend(fontsize=7, frameon=False, loc="lower right")
    return save_png(figure, text, dpi=CHART_DPI)


def goal_png(curves: Mapping[str, GoalCurve], text: dict[str, str]) -> bytes:
    """Share of the attacked images at the goal, or of another class, against steps, with its 95 % band."""
    figure = new_figure(2000, 700)
    axes = plain_axes(add_box(figure, 170, 50, 1780, 480), x="step", y="images, per cent")
    for (name, curve), look in zip(curves.items(), LOOKS, strict=False):
        at, of = np.arange(len(curve.shares)), curve.images
        band = np.array([wilson_interval(round(share * of), of) for share in curve.shares]) * 100
        axes.fill_between(
            at, band[:, 0], band[:, 1], step="post", color=look["color"], alpha=0.12, linewidth=0
        )
        axes.step(
            at,
            [share * 100 for share in curve.shares],
            where="post",
            color=look["color"],
            linestyle=look["linestyle"],
            linewidth=1.4,
            label=f"{name} ({of:,} images)",
        )
    axes.set_ylim(-2, 102)
    axes.set_xlim(0, max([1, *(len(curve.shares) - 1 for curve in curves.values())]))
    axes.grid(color="0.88", linewidth=0.6)
    axes.legend(fontsize=7, frameon=False, loc="upper left")
    return save_png(figure, text, dpi=CHART_DPI)


def _per_cent(row: Numbers) -> float:
    return float(row["flipped"]["share"]) * 100


def _interval(row: Numbers) -> list[float]:
    return [end * 100 for end in row["flipped"]["interval"]]


def _words(name: str) -> str:
    return name.replace("$", r"\$")
