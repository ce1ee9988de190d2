"""What the analysis page keeps between two looks: figures of the same answers are computed once."""

from pathlib import Path
from typing import Any

import streamlit as st

from snapgui.report.study_figures import figure_bytes, study_figures
from snapgui.study.analysis import analyse, measures_for
from snapgui.study.analysis_rows import read_rows
from snapgui.study.frozen import read_design


@st.cache_data(max_entries=8, show_spinner="Computing the figures")
def analysis_of(trials: str, design: str, folder: str | None) -> dict[str, Any]:
    """The analysis of two exported files; raises StudyError."""
    study, _ = read_design(design)
    return analyse(read_rows(trials), study, measures=measures_for(study, Path(folder) if folder else None))


@st.cache_data(max_entries=8, show_spinner="Drawing")
def drawn_figures(trials: str, design: str, folder: str | None, kind: str) -> dict[str, bytes]:
    """The figures of that analysis as ``png`` or ``svg``, by name."""
    return {name: figure_bytes(figure, kind) for name, figure in study_figures(analysis_of(trials, design, folder)).items()}
