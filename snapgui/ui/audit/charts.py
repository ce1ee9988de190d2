"""Charts of an audit: plain functions from figures to Plotly.

Marks and dashes differ too, so that they can be read in print.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from snapgui.audit.choose import GoalCurve, Numbers
from snapgui.ui.parts.charts import FAINT, INK, MAX_POINTS, style_figure
from snapgui.ui.parts.text import chart_text
from snapgui.words import per_cent, with_count

# Two series at most: ink and Okabe and Ito's blue, told apart by mark and dash as well.
LOOKS = (
    {"color": INK, "symbol": "circle", "dash": "solid"},
    {"color": "#0072b2", "symbol": "square-open", "dash": "dash"},
)
# Per cent of the pixels by which the second series stands to the right: at the same area the bars would hide
# each other.
APART = 0.2
FOOLED = "model fooled, per cent"


def goal_chart(curves: Mapping[str, GoalCurve]) -> go.Figure:
    """Share of the images at the goal, or of another class, against steps, a line for each condition."""
    figure = go.Figure()
    for (name, curve), look in zip(curves.items(), LOOKS, strict=False):
        shares = curve.shares
        # At every step where something happens, or evenly where there are too many.
        at = np.unique(np.linspace(0, len(shares) - 1, min(len(shares), MAX_POINTS)).round().astype(int))
        figure.add_scatter(
            x=at,
            y=[shares[step] * 100 for step in at],
            mode="lines",
            name=name,
            line={"color": look["color"], "dash": look["dash"], "width": 2.5, "shape": "hv"},
            hovertext=[f"{name}, step {step}: {per_cent(float(shares[step]))}" for step in at],
            hoverinfo="text",
        )
    style_figure(figure, height=330, x_title="step", y_title="images, per cent")
    figure.update_yaxes(range=[-2, 103])
    return _legend(figure)


def dots_chart(conditions: Sequence[Numbers], words: Mapping[str, str]) -> go.Figure:
    """How often each condition fooled the model, a dot with its interval, in the order of the list; ``words``
    are read for the names.
    """
    names = [chart_text(words.get(row["condition"], row["condition"])) for row in conditions]
    figure = go.Figure(
        go.Scatter(
            x=[row["flipped"]["share"] * 100 for row in conditions],
            y=names,
            mode="markers",
            marker={"color": INK, "size": 9},
            error_x=_bars(conditions),
            hovertext=[
                f"{name}: {with_count(row['flipped'])}" for name, row in zip(names, conditions, strict=True)
            ],
            hoverinfo="text",
        )
    )
    style_figure(figure, height=90 + 27 * max(len(conditions), 2), x_title=FOOLED, y_title="")
    figure.update_xaxes(range=[-3, 103])
    figure.update_yaxes(autorange="reversed", ticksuffix="  ")
    return figure


def area_chart(series: Mapping[str, Sequence[Numbers]]) -> go.Figure:
    """How often the model was fooled against the area of the cells, with intervals."""
    figure = _against(series, lambda row: row["medians"]["area"] * 100, apart=APART)
    style_figure(figure, height=330, x_title="area of the cells, per cent of the pixels", y_title=FOOLED)
    return _fooled_axis(figure)


def frontier_chart(series: Mapping[str, Sequence[Numbers]]) -> go.Figure:
    """How often the model was fooled against how visible that is; each point is one area."""
    figure = _against(series, lambda row: row["medians"]["mean_de00_whole"], labelled=True)
    style_figure(
        figure, height=330, x_title="colour difference of the whole image (mean CIEDE2000)", y_title=FOOLED
    )
    return _fooled_axis(figure)


def _against(
    series: Mapping[str, Sequence[Numbers]],
    x_of: Callable[[Numbers], float],
    *,
    labelled: bool = False,
    apart: float = 0.0,
) -> go.Figure:
    figure = go.Figure()
    for place, ((name, conditions), look) in enumerate(zip(series.items(), LOOKS, strict=False)):
        ordered = sorted(conditions, key=x_of)
        figure.add_scatter(
            x=[x_of(row) + place * apart for row in ordered],
            y=[row["flipped"]["share"] * 100 for row in ordered],
            name=name,
            mode="lines+markers",
            error_y=_bars(ordered) | {"color": look["color"]},
            marker={"color": look["color"], "symbol": look["symbol"], "size": 9},
            line={"color": look["color"], "dash": look["dash"], "width": 1.5},
            hovertext=[
                f"{name}, area {per_cent(row['medians']['area'])}, "
                f"colour difference {row['medians']['mean_de00_whole']:.2f}: {with_count(row['flipped'])}"
                for row in ordered
            ],
            hoverinfo="text",
        )
        # Areas are written at one series only: both have the same, and the words would lie on each other.
        if labelled and look is LOOKS[0]:
            for row in ordered:
                figure.add_annotation(
                    x=x_of(row),
                    y=row["flipped"]["share"] * 100,
                    text=per_cent(row["medians"]["area"]),
                    showarrow=False,
                    xanchor="left",
                    yanchor="top",
                    xshift=5,
                    yshift=-2,
                    font={"size": 11, "color": INK},
                )
    return _legend(figure)


def _bars(conditions: Sequence[Numbers]) -> dict[str, Any]:
    shares = [row["flipped"] for row in conditions]
    return {
        "type": "data",
        "symmetric": False,
        "thickness": 1.5,
        "width": 4,
        "color": INK,
        "array": [(row["interval"][1] - row["share"]) * 100 for row in shares],
        "arrayminus": [(row["share"] - row["interval"][0]) * 100 for row in shares],
    }


def _fooled_axis(figure: go.Figure) -> go.Figure:
    figure.update_yaxes(range=[-3, 103])
    figure.update_xaxes(rangemode="tozero")
    return _legend(figure)


def _legend(figure: go.Figure) -> go.Figure:
    figure.update_layout(
        showlegend=len(figure.data) > 1,
        legend={
            "orientation": "h",
            "x": 0,
            "y": 1.02,
            "yanchor": "bottom",
            "bgcolor": "rgba(0,0,0,0)",
            "bordercolor": FAINT,
        },
    )
    return figure
