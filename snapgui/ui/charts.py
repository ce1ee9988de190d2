"""Plotly charts: plain functions from numbers to figures."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from snapgui.records import CurvePoint
from snapgui.ui.folder import roc_points

# Told apart by people with any kind of colour vision (Okabe and Ito 2008).
CLASS_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")
INK, FAINT, PAPER = "#161616", "#b4b4b4", "#f0f0f0"
MAX_POINTS = 200
FONT = "Source Sans, sans-serif"
CONFIG = {"displayModeBar": False}


def decimate(points: Sequence[CurvePoint], *, keep: int = MAX_POINTS) -> list[CurvePoint]:
    """At most ``keep`` points, the first and the last among them."""
    if len(points) <= keep:
        return list(points)
    return [points[i] for i in np.linspace(0, len(points) - 1, keep).round().astype(int)]


def style_figure(figure: go.Figure, *, height: int, x_title: str, y_title: str) -> go.Figure:
    """The look that all charts share; changes the figure and gives it back."""
    figure.update_layout(
        height=height, margin={"l": 8, "r": 8, "t": 8, "b": 8}, paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor=PAPER,
        font={"color": INK, "size": 13, "family": FONT}, showlegend=False,
    )
    axis = {"gridcolor": "#d4d4d4", "zeroline": False, "linecolor": FAINT, "ticks": "outside", "automargin": True}
    figure.update_xaxes(title=x_title, **axis)
    figure.update_yaxes(title=y_title, **axis)
    return figure


def confidence_chart(
    points: Sequence[CurvePoint], classes: Sequence[str], *, threshold: float, target: int,
    best_step: int | None = None, steps: int | None = None,
) -> go.Figure:
    """Probability of each class at each step, in per cent; the threshold dashed, the step that was kept marked."""
    kept = decimate(points)
    figure = go.Figure()
    for index, name in enumerate(classes):
        values = [point.p[index] * 100 for point in kept]
        figure.add_scatter(
            x=[point.step for point in kept], y=values, mode="lines+markers" if len(kept) < 2 else "lines", name=name,
            line={"color": CLASS_COLOURS[index % len(CLASS_COLOURS)], "width": 2.5},
            hovertemplate=f"step %{{x}}: {name} %{{y:.1f}} %<extra></extra>",
        )
        if kept:
            figure.add_annotation(
                x=1.0, xref="paper", xanchor="left", y=values[-1], text=f" {name}", showarrow=False,
                font={"color": CLASS_COLOURS[index % len(CLASS_COLOURS)]},
            )
    figure.add_hline(
        y=threshold * 100, line={"color": INK, "dash": "dash", "width": 1},
        annotation={"text": f"goal: {classes[target]} {threshold * 100:g} %", "font": {"size": 12}}, annotation_position="bottom left",
    )
    if best_step is not None:
        _mark_step(figure, points, best_step, target)
    last = max(points[-1].step if points else 1, 1)
    style_figure(figure, height=300, x_title="step", y_title="probability, per cent")
    figure.update_xaxes(range=[0, max(last, 5) if steps is None else max(min(steps, last * 1.25), 5)], dtick=None)
    figure.update_yaxes(range=[-2, 103])
    figure.update_layout(margin_r=90, uirevision="keep")
    return figure


def _mark_step(figure: go.Figure, points: Sequence[CurvePoint], best_step: int, target: int) -> None:
    best = next((point for point in points if point.step == best_step), None)
    if best is not None:
        figure.add_scatter(
            x=[best.step], y=[best.p[target] * 100], mode="markers", name="kept",
            marker={"symbol": "circle-open", "size": 14, "color": INK, "line": {"width": 2}},
            hovertemplate=f"step {best.step} was kept: %{{y:.1f}} %<extra></extra>",
        )


def roc_chart(labels: NDArray[np.int64], scores: NDArray[np.float64]) -> go.Figure:
    """The ROC curve with the operating point of the model (threshold 0.5)."""
    x, y = roc_points(labels, scores)
    figure = go.Figure()
    figure.add_scatter(x=[0, 1], y=[0, 1], mode="lines", line={"color": FAINT, "dash": "dot", "width": 1}, hoverinfo="skip")
    figure.add_scatter(x=x, y=y, mode="lines", line={"color": INK, "width": 2.5}, hovertemplate="%{x:.3f}, %{y:.3f}<extra></extra>")
    called = scores > 0.5
    figure.add_scatter(
        x=[called[labels != 1].mean()], y=[called[labels == 1].mean()], mode="markers",
        marker={"size": 10, "color": CLASS_COLOURS[1]}, hovertemplate="threshold 0.5: %{x:.3f}, %{y:.3f}<extra></extra>",
    )
    style_figure(figure, height=340, x_title="normal patches called metastasis (share)", y_title="metastases found (share)")
    figure.update_xaxes(range=[-0.02, 1.02])
    figure.update_yaxes(range=[-0.02, 1.02])
    return figure


def confusion_chart(counts: NDArray[np.int64], classes: Sequence[str]) -> go.Figure:
    """Counts of true against predicted class; shade is the share within the true class."""
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    text = [[f"{n:,}<br>{share:.1%}" for n, share in zip(*row, strict=True)] for row in zip(counts, shares, strict=True)]
    figure = go.Figure(
        go.Heatmap(
            z=shares, x=list(classes), y=list(classes), text=text, texttemplate="%{text}", zmin=0, zmax=1,
            colorscale=[[0, "#ffffff"], [1, "#8a8a8a"]], showscale=False, hoverinfo="skip", textfont={"color": INK, "size": 15},
        )
    )
    style_figure(figure, height=340, x_title="model says", y_title="true class")
    figure.update_yaxes(autorange="reversed")
    return figure


@dataclass(frozen=True)
class MatchedPoint:
    """One way to alter an image: how visible it is (``x``), and what share the class aimed at has (``y``, 0 to 1)."""

    name: str
    place: int
    words: str
    family: str
    x: float
    y: float
    area: float


# By family: colour (Okabe and Ito) and mark, so that print without colour can be read.
FAMILY_LOOKS = {
    "SNAP": ("#0072b2", "circle"), "same cells, any colour": ("#56b4e9", "circle-open"), "square": ("#d55e00", "square"),
    "whole image": ("#009e73", "diamond"), "control": (INK, "x-thin-open"),
}


def matched_chart(points: Sequence[MatchedPoint], *, goal: float, x_title: str, y_title: str, opened: str = "") -> go.Figure:
    """Confidence against visibility, a series a family; ``customdata`` holds the name of each point, a ring marks the one opened."""
    figure = go.Figure()
    for family, (colour, symbol) in FAMILY_LOOKS.items():
        members = [point for point in points if point.family == family]
        if members:
            figure.add_scatter(
                x=[point.x for point in members], y=[point.y * 100 for point in members], mode="markers+text", name=family,
                marker={"color": colour, "symbol": symbol, "size": 13, "line": {"width": 2.5, "color": colour}},
                text=[str(point.place) for point in members], textposition="top center", textfont={"size": 12, "color": INK},
                customdata=[[point.name, point.words, point.area * 100] for point in members],
                hovertemplate="%{customdata[1]}: %{y:.1f} %, visibility %{x:.3g}, area %{customdata[2]:.1f} %<extra></extra>",
                unselected={"marker": {"opacity": 0.55}, "textfont": {"color": INK}},
            )
    for point in points:
        if point.name == opened:
            figure.add_scatter(
                x=[point.x], y=[point.y * 100], mode="markers", showlegend=False, hoverinfo="skip",
                marker={"symbol": "circle-open", "size": 26, "color": INK, "line": {"width": 2}},
            )
    figure.add_hline(y=goal * 100, line={"color": INK, "dash": "dash", "width": 1})
    figure.add_annotation(x=1.0, xref="paper", xanchor="left", y=goal * 100, text=f" goal {goal * 100:g} %", showarrow=False)
    style_figure(figure, height=360, x_title=x_title, y_title=y_title)
    figure.update_xaxes(rangemode="tozero")
    figure.update_yaxes(range=[-4, 112], tickvals=[0, 20, 40, 60, 80, 100])
    figure.update_layout(
        showlegend=True, legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "bgcolor": "rgba(0,0,0,0)"}, uirevision="keep",
        clickmode="event+select", dragmode=False, margin_r=80,
    )
    return figure
