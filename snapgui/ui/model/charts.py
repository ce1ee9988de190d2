"""Charts of how well a model classifies."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from snapgui.ui.model.prediction import roc_points
from snapgui.ui.parts.charts import CLASS_COLOURS, FAINT, INK, style_figure
from snapgui.ui.parts.text import chart_text
from snapgui.words import per_cent


def roc_chart(labels: NDArray[np.int64], scores: NDArray[np.float64]) -> go.Figure:
    """The ROC curve with the operating point of the model (threshold 0.5)."""
    x, y = roc_points(labels, scores)
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 100],
        y=[0, 100],
        mode="lines",
        line={"color": FAINT, "dash": "dot", "width": 1},
        hoverinfo="skip",
    )
    figure.add_scatter(
        x=x * 100,
        y=y * 100,
        mode="lines",
        line={"color": INK, "width": 2.5},
        hovertext=[_point_words(*point) for point in zip(x, y, strict=True)],
        hoverinfo="text",
    )
    called = scores > 0.5
    here = float(called[labels != 1].mean()), float(called[labels == 1].mean())
    figure.add_scatter(
        x=[here[0] * 100],
        y=[here[1] * 100],
        mode="markers",
        marker={"size": 10, "color": CLASS_COLOURS[1]},
        hovertext=[f"threshold 50 %: {_point_words(*here)}"],
        hoverinfo="text",
    )
    style_figure(
        figure,
        height=340,
        x_title="normal patches called metastasis, per cent",
        y_title="metastases found, per cent",
    )
    figure.update_xaxes(range=[-2, 102])
    figure.update_yaxes(range=[-2, 102])
    return figure


def _point_words(false_share: float, true_share: float) -> str:
    return f"{per_cent(true_share)} found, {per_cent(false_share)} of the normal ones called metastasis"


def confusion_chart(counts: NDArray[np.int64], classes: Sequence[str]) -> go.Figure:
    """Counts of true against predicted class; shade is the share within the true class."""
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    text = [
        [f"{n:,}<br>{per_cent(share)}" for n, share in zip(*row, strict=True)]
        for row in zip(counts, shares, strict=True)
    ]
    figure = go.Figure(
        go.Heatmap(
            z=shares,
            x=[chart_text(name) for name in classes],
            y=[chart_text(name) for name in classes],
            text=text,
            texttemplate="%{text}",
            zmin=0,
            zmax=1,
            colorscale=[[0, "#ffffff"], [1, "#8a8a8a"]],
            showscale=False,
            hoverinfo="skip",
            textfont={"color": INK, "size": 15},
        )
    )
    style_figure(figure, height=340, x_title="model says", y_title="true class")
    figure.update_yaxes(autorange="reversed")
    return figure
