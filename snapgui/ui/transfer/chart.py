"""The heat map of a transfer matrix."""

from typing import Any

import plotly.graph_objects as go

from snapgui.transfer.words import cell_of
from snapgui.ui.parts.charts import style_figure
from snapgui.ui.parts.text import chart_text
from snapgui.words import NONE, per_cent, with_count


def matrix_chart(summary: dict[str, Any], preset: str, kind: str) -> go.Figure:
    """Share of the attacked metastases that each model (column) calls normal under the patches made on each
    source (line); the hover has counts and intervals.
    """
    models = summary["models"]
    sources = [
        source
        for source in summary["sources"]
        if any(cell_of(summary, preset, kind, source, target) for target in models)
    ]
    cells = [[cell_of(summary, preset, kind, source, target) for target in models] for source in sources]
    shares = [[cell["flipped"]["share"] * 100 if cell else None for cell in row] for row in cells]
    figure = go.Figure(
        go.Heatmap(
            z=shares,
            x=[chart_text(name) for name in models],
            y=[chart_text(name) for name in sources],
            text=[[per_cent(cell["flipped"]["share"]) if cell else NONE for cell in row] for row in cells],
            texttemplate="%{text}",
            hovertext=[
                [
                    chart_text(
                        f"made on {source}, tried on {target}: "
                        f"{with_count(cell['flipped']) if cell else 'not measured'}"
                    )
                    for target, cell in zip(models, row, strict=True)
                ]
                for source, row in zip(sources, cells, strict=True)
            ],
            hoverinfo="text",
            zmin=0,
            zmax=100,
            # One hue, light to dark, with black or white words on it as Plotly chooses.
            colorscale=[[0, "#f7f4ef"], [0.5, "#e2a06f"], [1, "#a43c00"]],
            colorbar={"title": "fooled, %", "thickness": 12, "outlinewidth": 0},
            xgap=2,
            ygap=2,
        )
    )
    style_figure(figure, height=130 + 46 * len(sources), x_title="tried on", y_title="made on")
    figure.update_xaxes(showgrid=False, side="bottom")
    figure.update_yaxes(showgrid=False, autorange="reversed")
    return figure
