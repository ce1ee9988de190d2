"""The figure of success against naturalness."""

from collections.abc import Sequence

import plotly.graph_objects as go

from snapgui.naturalness.frontier import Axis, Frontier, Point, Reading, success
from snapgui.naturalness.words import HEAD, condition_cells
from snapgui.ui.parts.charts import FAINT, INK, style_figure
from snapgui.ui.parts.text import chart_text

# By family: colour (Okabe and Ito) and mark, so that print without colour can be read.
LOOKS = {
    "SNAP": ("#0072b2", "circle"),
    "peer": ("#d55e00", "square"),
    "control": (INK, "x-thin-open"),
}
# Where the numbers of points go that lie upon each other: beside the bars first.
_PLACES = (
    "top right",
    "bottom left",
    "top left",
    "bottom right",
    "top center",
    "bottom center",
    "middle right",
    "middle left",
)
# Points nearer than this, in shares of the axes, count as lying upon each other.
_NEAR = (0.03, 0.06)


def drawn_points(frontier: Frontier, axis: Axis) -> list[tuple[int, Point, Reading, Reading]]:
    """Number, point, place on the axis and success of those that have both; numbers are by the list."""
    found = []
    for number, point in enumerate(frontier.points, start=1):
        x, y = axis.read(point.numbers), success(point.numbers)
        if x is not None and y is not None:
            found.append((number, point, x, y))
    return found


def frontier_chart(frontier: Frontier, axis: Axis, *, opened: str = "") -> go.Figure:
    """Class flips against one way to say how natural, with intervals both ways; ``customdata`` holds the name
    of each point, a ring marks the one opened.
    """
    figure, drawn = go.Figure(), drawn_points(frontier, axis)
    places = label_places([(x.value, y.value) for _, _, x, y in drawn], axis)
    for (number, point, x, y), place in zip(drawn, places, strict=True):
        colour, symbol = LOOKS.get(point.family, LOOKS["control"])
        figure.add_scatter(
            x=[x.value],
            y=[y.value * 100],
            mode="markers+text",
            name=f"{number} {chart_text(point.short)}",
            marker={
                "color": colour,
                "symbol": symbol,
                "size": 11,
                "line": {"width": 2.5, "color": colour},
            },
            error_x=_bars(x, 1, colour),
            error_y=_bars(y, 100, colour),
            text=[str(number)],
            textposition=place,
            textfont={"size": 13, "color": INK},
            customdata=[[point.name]],
            hovertext=[hover_words(number, point)],
            hoverinfo="text",
            unselected={"marker": {"opacity": 1}, "textfont": {"color": INK}},
        )
        if point.name == opened:
            figure.add_scatter(
                x=[x.value],
                y=[y.value * 100],
                mode="markers",
                showlegend=False,
                hoverinfo="skip",
                marker={"symbol": "circle-open", "size": 26, "color": INK, "line": {"width": 2}},
            )
    style_figure(figure, height=430, x_title=axis.title, y_title="class flips, per cent")
    if axis.chance:
        figure.add_vline(
            x=axis.chance,
            line={"color": FAINT, "dash": "dot", "width": 1.5},
            annotation={"text": "chance", "font": {"size": 12}},
            annotation_position="bottom right",
        )
    ends = [axis.chance, *(reading for _, _, x, _ in drawn for reading in (x.low, x.high))]
    margin = 0.04 * (max(ends) - min(ends) or 1)
    figure.update_xaxes(range=[min(ends) - margin, max(ends) + margin])
    figure.update_yaxes(range=[-6, 108], tickvals=[0, 20, 40, 60, 80, 100])
    figure.update_layout(
        showlegend=True,
        legend={"bgcolor": "rgba(0,0,0,0)", "font": {"size": 13}},
        clickmode="event+select",
        dragmode=False,
    )
    return figure


def label_places(points: Sequence[tuple[float, float]], axis: Axis) -> list[str]:
    """Where the number of each point goes: points that lie upon each other have theirs on different sides."""
    width = max([axis.chance, *(x for x, _ in points)]) - min([axis.chance, *(x for x, _ in points)])
    near = (_NEAR[0] * (width or 1), _NEAR[1])
    places = []
    for index, (x, y) in enumerate(points):
        upon = sum(abs(x - other) < near[0] and abs(y - height) < near[1] for other, height in points[:index])
        places.append(_PLACES[upon % len(_PLACES)])
    return places


def hover_words(number: int, point: Point) -> str:
    """All numbers of a point, a line each."""
    cells = condition_cells(point.words, dict(point.numbers))
    lines = [f"{head}: {cell}" for head, cell in zip(HEAD[1:], cells[1:], strict=True)]
    return "<br>".join([f"<b>{number} {point.words}</b>", *lines])


def _bars(reading: Reading, scale: float, colour: str) -> dict[str, object]:
    return {
        "type": "data",
        "array": [(reading.high - reading.value) * scale],
        "arrayminus": [(reading.value - reading.low) * scale],
        "thickness": 1,
        "width": 3,
        "color": colour,
    }
