"""The figures of a reader study's analysis, and their files."""

import io
from collections.abc import Callable

import matplotlib
from matplotlib.figure import Figure

from snapgui.report.study.arm_figures import draw_arms, draw_exposures, draw_roc
from snapgui.report.study.axes import Values
from snapgui.report.study.reader_figures import draw_agreement, draw_readers, draw_times
from snapgui.report.study.visibility_figure import draw_visibility


def study_figures(analysis: Values) -> dict[str, Figure]:
    """The figures that an analysis has something for, by name."""
    drawn: dict[str, Callable[[Values], Figure | None]] = {
        "arms": draw_arms,
        "roc": draw_roc,
        "readers": draw_readers,
        "exposure": draw_exposures,
        "times": draw_times,
        "agreement": draw_agreement,
        "visibility": draw_visibility,
    }
    return {name: figure for name, draw in drawn.items() if (figure := draw(analysis)) is not None}


def figure_bytes(figure: Figure, kind: str) -> bytes:
    """A figure as ``png`` or ``svg``; the same figure gives the same bytes."""
    stream = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "snap", "svg.fonttype": "path"}):
        figure.savefig(
            stream,
            format=kind,
            metadata={"Software": "SNAP Studio"}
            if kind == "png"
            else {"Date": None, "Creator": "SNAP Studio"},
        )
    return stream.getvalue()
