"""What the figures of a study share: black on white, told apart by marks and dashes, so that they can be
read in print.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

Values = Mapping[str, Any]
DPI = 200
FAINT = "0.6"
# Mark, filled or not, line: SNAP first, sham second, then the others in their order.
LOOKS: tuple[dict[str, Any], ...] = (
    {"marker": "o", "markerfacecolor": "black", "linestyle": "-"},
    {"marker": "s", "markerfacecolor": "white", "linestyle": "--"},
    {"marker": "^", "markerfacecolor": "0.6", "linestyle": ":"},
    {"marker": "D", "markerfacecolor": "white", "linestyle": "-."},
    {"marker": "v", "markerfacecolor": "black", "linestyle": (0, (5, 1))},
)
WORDS = {"auc": "area under the ROC curve", "right": "share right"}


def new_figure(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    _tidy(axes)
    return figure, axes


def new_panels(count: int) -> tuple[Figure, list[Axes]]:
    columns = min(count, 2)
    rows = -(-count // columns)
    figure = Figure(figsize=(3.7 * columns, 3.0 * rows), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    grid = [figure.add_subplot(rows, columns, place + 1) for place in range(count)]
    for axes in grid:
        _tidy(axes)
    figure.subplots_adjust(
        left=0.55 / (3.7 * columns),
        right=0.98,
        bottom=0.45 / (3.0 * rows),
        top=1 - 0.42 / (3.0 * rows),
        hspace=0.5,
        wspace=0.28,
    )
    return figure, grid


def _tidy(axes: Axes) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.tick_params(labelsize=8)
    axes.xaxis.label.set_fontsize(9)
    axes.yaxis.label.set_fontsize(9)


def draw_bar(
    axes: Axes,
    estimate: float,
    interval: Sequence[float],
    place: float,
    look: dict[str, Any],
    *,
    label: str | None = None,
) -> None:
    """A mark with a bar from end to end, lying."""
    axes.plot(interval, [place, place], color="black", linewidth=1.2, solid_capstyle="butt")
    axes.plot([estimate], [place], color="black", markersize=6, label=label, **(look | {"linestyle": "none"}))


def escape(text: str) -> str:
    """A name in which dollar signs start no formula."""
    return text.replace("$", r"\$")
