"""Charts of how well a model classifies."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from snapgui.ui.model.prediction import roc_points
from snapgui.ui.parts.charts import CLASS_COLOURS, FAINT, INK, style_figure


def roc_chart(labels: NDArray[np.int64], scores: NDArray[np.float64]) -> go.Figure:
    """The ROC curve with the operating point of the model (threshold 0.5)."""
    x, y = roc_points(labels, scores)
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 1], y=[0, 1], mode="lines", line={"color": FAINT, "dash": "dot", "width": 1}, hoverinfo="skip"
    )
    figure.add_scatter(
        x=x,
        y=y,
        mode="lines",
        line={"color": INK, "width": 2.5},
        hovertemplate="%{x:.3f}, %{y:.3f}<extra></extra>",
    )
    called = scores > 0.5
    figure.add_scatter(
        x=[called[labels != 1].mean()],
        y=[called[labels == 1].mean()],
        mode="markers",
        marker={"size": 10, "color": CLASS_COLOURS[1]},
        hovertemplate="threshold 0.5: %{x:.3f}, %{y:.3f}<extra></extra>",
    )
    style_figure(
        figure,
        height=340,
        x_title="normal patches called metastasis (share)",
        y_title="metastases found (share)",
    )
    figure.update_xaxes(range=[-0.02, 1.02])
    figure.update_yaxes(range=[-0.02, 1.02])
    return figure


def confusion_chart(counts: NDArray[np.int64], classes: Sequence[str]) -> go.Figure:
    """Counts of true against predicted class; shade is the share within the true class."""
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    text = [
        [f"{n:,}<br>{share:.1%}" for n, share in zip(*row, strict=True)]
        for row in zip(counts, shares, strict=True)
    ]
    figure = go.Figure(
        go.Heatmap(
            z=shares,
            x=list(classes),
            y=list(classes),
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
