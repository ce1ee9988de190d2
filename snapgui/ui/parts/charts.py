"""Plotly charts: plain functions from numbers to drawings."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from snapgui.runs.records import CurvePoint
from snapgui.ui.parts.text import chart_text
from snapgui.words import as_set, per_cent

# Told apart by people with any kind of colour vision (Okabe and Ito 2008).
CLASS_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")
INK, FAINT, PAPER = "#161616", "#b4b4b4", "#f0f0f0"
MAX_POINTS = 200
FONT = "Source Sans, sans-serif"
CONFIG = {"displayModeBar": False}
GRID = "#d4d4d4"
# The greys of a chart, and Okabe and Ito's two darkest colours, on a dark page.
ON_DARK = {INK: "#e8e8e8", FAINT: "#565656", PAPER: "#2a2a2a", GRID: "#3c3c3c", "#0072b2": "#56b4e9"}


def decimate(points: Sequence[CurvePoint], *, keep: int = MAX_POINTS) -> list[CurvePoint]:
    """At most ``keep`` points, the first and the last among them."""
    if len(points) <= keep:
        return list(points)
    return [points[i] for i in np.linspace(0, len(points) - 1, keep).round().astype(int)]


def style_figure(figure: go.Figure, *, height: int, x_title: str, y_title: str) -> go.Figure:
    """The look that all charts share; changes the figure and gives it back."""
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor=PAPER,
        font={"color": INK, "size": 13, "family": FONT},
        showlegend=False,
    )
    axis = {
        "gridcolor": GRID,
        "zeroline": False,
        "linecolor": FAINT,
        "ticks": "outside",
        "automargin": True,
    }
    figure.update_xaxes(title={"text": x_title, "font": {"size": 13}}, **axis)
    figure.update_yaxes(title={"text": y_title, "font": {"size": 13}}, **axis)
    return figure


def confidence_chart(
    points: Sequence[CurvePoint],
    classes: Sequence[str],
    *,
    threshold: float,
    target: int,
    best_step: int | None = None,
    steps: int | None = None,
    before: Sequence[float] | None = None,
    height: int = 300,
) -> go.Figure:
    """Probability of each class at each step, in per cent; the threshold dashed, the step that was kept
    marked.

    ``before`` is of the untouched picture: the cells have another colour from step 0 on.
    """
    kept = decimate(points)
    # Names at the ends of the curves, at least a line of text apart.
    least = 14 * 105 / max(height - 70, 1)
    ends = sorted((kept[-1].p[index] * 100, index) for index in range(len(classes))) if kept else []
    middle = sum(end for end, _ in ends) / max(len(ends), 1)
    close = len(ends) > 1 and ends[-1][0] - ends[0][0] < least * (len(ends) - 1)
    heights = {
        index: middle + (place - (len(ends) - 1) / 2) * least if close else end
        for place, (end, index) in enumerate(ends)
    }
    last = max(points[-1].step if points else 1, 1)
    at = -max(1.0, 0.04 * last)
    figure = go.Figure()
    classes = [chart_text(name) for name in classes]
    for index, name in enumerate(classes):
        values = [point.p[index] * 100 for point in kept]
        figure.add_scatter(
            x=[point.step for point in kept],
            y=values,
            mode="lines+markers" if len(kept) < 2 else "lines",
            name=name,
            line={"color": CLASS_COLOURS[index % len(CLASS_COLOURS)], "width": 2.5},
            hovertext=[f"step {point.step}: {name} {per_cent(point.p[index])}" for point in kept],
            hoverinfo="text",
        )
        if before is not None:
            figure.add_scatter(
                x=[at, *(point.step for point in kept[:1])],
                y=[before[index] * 100, *values[:1]],
                mode="lines+markers",
                name=name,
                line={"color": CLASS_COLOURS[index % len(CLASS_COLOURS)], "width": 1.5, "dash": "dot"},
                marker={"size": [9, 0]},
                hovertext=[f"before: {name} {per_cent(before[index])}", ""],
                hoverinfo="text",
            )
        if kept:
            figure.add_annotation(
                x=1.0,
                xref="paper",
                xanchor="left",
                y=heights[index],
                text=f" {name}",
                showarrow=False,
                font={"color": CLASS_COLOURS[index % len(CLASS_COLOURS)]},
            )
    figure.add_hline(y=threshold * 100, line={"color": INK, "dash": "dash", "width": 1})
    # Above the plot: within it the curves may run anywhere.
    figure.add_annotation(
        x=1.0,
        y=1.0,
        xref="paper",
        yref="paper",
        xanchor="right",
        yanchor="bottom",
        text=f"– – goal: {classes[target]} {as_set(threshold)}",
        showarrow=False,
        font={"size": 12},
    )
    if best_step is not None:
        _mark_step(figure, points, best_step, target)
    if before is not None:
        figure.add_annotation(
            x=at, y=0.5, yref="paper", text="before", showarrow=False, textangle=-90, font={"size": 11}
        )
    style_figure(figure, height=height, x_title="step", y_title="per cent")
    end = max(last, 5) if steps is None else max(min(steps, last * 1.25), 5)
    every = next(n * 10**power for power in range(9) for n in (1, 2, 5) if n * 10**power * 6 > end)
    # Stated, since where "before" stands there is no step.
    figure.update_xaxes(
        range=[0 if before is None else 2 * at, end], tickvals=list(range(0, int(end) + 1, every))
    )
    figure.update_yaxes(range=[-2, 103])
    figure.update_layout(margin_r=90, margin_t=20, uirevision="keep")
    return figure


def show_chart(figure: go.Figure, **more: Any) -> Any:
    """Draw a chart as `st.plotly_chart` does, in the colours of the theme that the browser shows."""
    if st.context.theme.type == "dark":
        drawn = figure.to_json()
        for light, dark in ON_DARK.items():
            drawn = drawn.replace(light, dark)
        figure = go.Figure(json.loads(drawn))
    return st.plotly_chart(figure, config=CONFIG, theme=None, **more)


def _mark_step(figure: go.Figure, points: Sequence[CurvePoint], best_step: int, target: int) -> None:
    best = next((point for point in points if point.step == best_step), None)
    if best is not None:
        figure.add_scatter(
            x=[best.step],
            y=[best.p[target] * 100],
            mode="markers",
            name="kept",
            marker={"symbol": "circle-open", "size": 14, "color": INK, "line": {"width": 2}},
            hovertext=[f"step {best.step} was kept: {per_cent(best.p[target])}"],
            hoverinfo="text",
        )
