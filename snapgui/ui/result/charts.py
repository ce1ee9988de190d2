"""Charts of a run beside its alternatives."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from snapgui.runs.alternatives import Alternative
from snapgui.runs.records import RunResult
from snapgui.ui.parts.charts import INK, style_figure
from snapgui.words import as_set, per_cent


@dataclass(frozen=True)
class MatchedPoint:
    """One way to alter an image: how visible it is (``x``), and the target class's probability (``y``)."""

    name: str
    place: int
    words: str
    family: str
    x: float
    y: float
    area: float


# How visible an alternative is, on one axis.
AXES: dict[str, tuple[str, Callable[[Alternative], float]]] = {
    "Colour difference where altered": (
        "mean CIEDE2000 of the pixels that could change",
        lambda it: it.visibility.regions["mask"].de00.mean,
    ),
    "Colour difference, whole image": (
        "mean CIEDE2000 of the whole image",
        lambda it: it.visibility.regions["whole"].de00.mean,
    ),
    "FLIP, whole image": (
        "mean FLIP of the whole image as displayed",
        lambda it: it.visibility.regions["whole"].flip.mean,
    ),
    "FLIP, worst place": (
        "greatest FLIP of any pixel as displayed",
        lambda it: it.visibility.regions["whole"].flip.worst,
    ),
}


def matched_points(found: Sequence[Alternative], result: RunResult, axis: str) -> list[MatchedPoint]:
    """One point an alternative, numbered as on its card."""
    _, read = AXES[axis]
    return [
        MatchedPoint(it.name, place, it.words, it.family, read(it), it.p[result.target], it.area_fraction)
        for place, it in enumerate(found, start=1)
    ]


# By family: colour (Okabe and Ito) and mark, so that print without colour can be read.
FAMILY_LOOKS = {
    "SNAP": ("#0072b2", "circle"),
    "same cells, any colour": ("#56b4e9", "circle-open"),
    "square": ("#d55e00", "square"),
    "whole image": ("#009e73", "diamond"),
    "control": (INK, "x-thin-open"),
}


def matched_chart(
    points: Sequence[MatchedPoint], *, goal: float, x_title: str, y_title: str, opened: str = ""
) -> go.Figure:
    """Confidence against visibility, a series for each family; ``customdata`` holds the name of each point,
    a ring marks the one opened.
    """
    figure = go.Figure()
    for family, (colour, symbol) in FAMILY_LOOKS.items():
        members = [point for point in points if point.family == family]
        if members:
            figure.add_scatter(
                x=[point.x for point in members],
                y=[point.y * 100 for point in members],
                mode="markers+text",
                name=family,
                marker={
                    "color": colour,
                    "symbol": symbol,
                    "size": 13,
                    "line": {"width": 2.5, "color": colour},
                },
                text=[str(point.place) for point in members],
                textposition="top center",
                textfont={"size": 12, "color": INK},
                customdata=[[point.name] for point in members],
                hovertext=[
                    f"{point.words}: {per_cent(point.y)}, visibility {point.x:.3g}, "
                    f"area {per_cent(point.area)}"
                    for point in members
                ],
                hoverinfo="text",
                unselected={"marker": {"opacity": 0.55}, "textfont": {"color": INK}},
            )
    for point in points:
        if point.name == opened:
            figure.add_scatter(
                x=[point.x],
                y=[point.y * 100],
                mode="markers",
                showlegend=False,
                hoverinfo="skip",
                marker={"symbol": "circle-open", "size": 26, "color": INK, "line": {"width": 2}},
            )
    figure.add_hline(y=goal * 100, line={"color": INK, "dash": "dash", "width": 1})
    figure.add_annotation(
        x=1.0, xref="paper", xanchor="left", y=goal * 100, text=f" goal {as_set(goal)}", showarrow=False
    )
    style_figure(figure, height=360, x_title=x_title, y_title=y_title)
    figure.update_xaxes(rangemode="tozero")
    figure.update_yaxes(range=[-4, 112], tickvals=[0, 20, 40, 60, 80, 100])
    figure.update_layout(
        showlegend=True,
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "bgcolor": "rgba(0,0,0,0)"},
        uirevision="keep",
        clickmode="event+select",
        dragmode=False,
        margin_r=80,
    )
    return figure
