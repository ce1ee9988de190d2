"""The figure of corruptions and SNAP against visibility."""

from collections.abc import Sequence

import plotly.graph_objects as go

from snapgui.corruptions.store import Comparison
from snapgui.corruptions.summary import Numbers
from snapgui.engine.corruptions.catalogue import CORRUPTIONS
from snapgui.ui.parts.charts import INK, style_figure
from snapgui.ui.parts.text import chart_text
from snapgui.words import as_set, with_count

# By family, Okabe and Ito's colours; within one, marks, so that print without colour can be read.
FAMILIES = {"optics": "#0072b2", "colour": "#009e73", "place": "#8a8a8a", "slide": "#cc79a7"}
MARKS = ("circle", "square", "triangle-up", "diamond", "x", "cross")
SNAP_COLOUR = "#d55e00"
TICKS = [digit * 10.0**power for power in range(-4, 2) for digit in (1, 2, 5)]
DASHES = ("solid", "dash", "dot")
TITLES = {
    "de00": "colour difference of the whole picture (mean CIEDE2000)",
    "ssim": "loss of structure of the whole picture (1 - mean SSIM)",
}
FLIPPED = {
    "lost": "recognised metastases called normal, per cent",
    "turned": "recognised normal patches called metastasis, per cent",
}


def corruption_chart(comparison: Comparison, *, measure: str, outcome: str, opened: str = "") -> go.Figure:
    """Each kind of corruption by its grades, and SNAP by its strength: how often the model was fooled against
    visibility, with intervals; ``customdata`` holds kind and grade of each corruption, the kind opened is
    drawn thicker.
    """
    figure, places = go.Figure(), dict.fromkeys(FAMILIES, 0)
    for name, kind in CORRUPTIONS.items():
        points = [
            point
            for point in comparison.numbers["corruptions"]
            if point["kind"] == name and point[outcome]["flipped"]["of"]
        ]
        mark = MARKS[places[kind.family]]
        places[kind.family] += 1
        if not points:
            continue
        colour = FAMILIES[kind.family]
        figure.add_scatter(
            **_line([point[outcome] for point in points], measure, colour),
            name=kind.words,
            marker={"color": colour, "symbol": mark, "size": 8},
            line={"color": colour, "width": 3 if name == opened else 1},
            customdata=[[name, point["grade"]] for point in points],
            hovertext=[
                hover_words(f"{kind.words}, {kind.strength_words(point['grade'])}", point[outcome])
                for point in points
            ],
        )
    for (curve, points), dash in zip(comparison.numbers["snap"].items(), DASHES, strict=False):
        own = [point for point in points if outcome in point]
        if not own:
            continue
        name = f"SNAP, {comparison.curves[curve]}"
        figure.add_scatter(
            **_line([point[outcome] for point in own], measure, SNAP_COLOUR),
            name=chart_text(name),
            marker={"color": SNAP_COLOUR, "symbol": "star", "size": 9},
            line={"color": SNAP_COLOUR, "width": 3, "dash": dash},
            hovertext=[
                hover_words(f"{name}, {as_set(point['scale'])} of its change", point[outcome])
                for point in own
            ],
        )
    style_figure(figure, height=480, x_title=TITLES[measure], y_title=FLIPPED[outcome])
    figure.update_xaxes(type="log", tickvals=TICKS, ticktext=[f"{tick:g}" for tick in TICKS])
    figure.update_yaxes(range=[-3, 103], tickvals=[0, 20, 40, 60, 80, 100])
    figure.update_layout(
        showlegend=True,
        legend={"bgcolor": "rgba(0,0,0,0)", "font": {"size": 13, "color": INK}},
        clickmode="event+select",
        dragmode=False,
    )
    return figure


def hover_words(name: str, part: Numbers) -> str:
    """All numbers of a point, a line each."""
    return (
        f"<b>{chart_text(name)}</b><br>{with_count(part['flipped'])}<br>CIEDE2000 "
        f"{part['de00']['mean']:.2f}, SSIM {part['ssim']['mean']:.3f}"
    )


def _line(parts: Sequence[Numbers], measure: str, colour: str) -> Numbers:
    shares = [part["flipped"] for part in parts]
    visible = [part[measure]["mean"] for part in parts]
    return {
        # A logarithm has no zero: the faintest change has its place even so.
        "x": [max(1 - value if measure == "ssim" else value, 1e-4) for value in visible],
        "y": [share["share"] * 100 for share in shares],
        "mode": "lines+markers",
        "hoverinfo": "text",
        "unselected": {"marker": {"opacity": 1}},
        "error_y": {
            "type": "data",
            "array": [(share["interval"][1] - share["share"]) * 100 for share in shares],
            "arrayminus": [(share["share"] - share["interval"][0]) * 100 for share in shares],
            "thickness": 1,
            "width": 2,
            "color": colour,
        },
    }
