"""Cached comparisons, visibility and alternatives of a run."""

from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from snapgui.engine.visibility.display import Display
from snapgui.engine.visibility.figures import VisibilityPanel
from snapgui.engine.visibility.learned import Learned, measure_colorvideovdp, measure_lpips
from snapgui.engine.visibility.naturalness import Naturalness
from snapgui.engine.visibility.panel import panel
from snapgui.errors import ModelError
from snapgui.runs.alternatives import Alternative
from snapgui.runs.alternatives_store import alternatives_stamp, read_alternatives
from snapgui.runs.naturalness import naturalness_of
from snapgui.runs.records import RunResult
from snapgui.ui.resources import load_victim
from snapgui.ui.result.comparison.pictures import comparison_data
from snapgui.ui.state import get_state


@st.cache_data(max_entries=32, show_spinner=False)
def compare_pictures(
    original: NDArray[np.uint8], altered: NDArray[np.uint8], mask: NDArray[np.bool_], display: Display
) -> dict[str, Any]:
    """What the comparison viewer is sent of two pictures."""
    return comparison_data(original, altered, mask, display)


@st.cache_data(max_entries=32, show_spinner=False)
def measure_visibility(
    original: NDArray[np.uint8], altered: NDArray[np.uint8], mask: NDArray[np.bool_], display: Display
) -> VisibilityPanel:
    """Every visibility measure of one patch; raises SnapError where two pictures do not fit together."""
    return panel(original, altered, mask, display)


@st.cache_data(max_entries=32, show_spinner="Measuring with LPIPS and ColorVideoVDP")
def _learned(
    original: NDArray[np.uint8], altered: NDArray[np.uint8], display: Display, weights: str, stamp: int
) -> tuple[Learned, ...]:
    lpips = measure_lpips(original, altered, display, weights=Path(weights) if weights else None)
    return lpips, measure_colorvideovdp(original, altered, display)


def measure_learned_visibility(
    original: NDArray[np.uint8], altered: NDArray[np.uint8], display: Display, weights: str
) -> tuple[Learned, ...]:
    """LPIPS and ColorVideoVDP, or how to get them; raises ModelError for a file that holds no such
    weights.
    """
    file = Path(weights).expanduser() if weights else None
    return _learned(
        original,
        altered,
        display,
        str(file or ""),
        file.stat().st_mtime_ns if file is not None and file.is_file() else 0,
    )


@st.cache_data(max_entries=32, show_spinner=False)
def _naturalness(run_id: str, _result: RunResult) -> Naturalness:
    return naturalness_of(_result)


def saved_naturalness(result: RunResult) -> Naturalness:
    """How natural a run's picture is; raises ModelError where the detector cannot be read."""
    return _naturalness(result.run_id, result)


def input_px(result: RunResult) -> int | None:
    """The side to which a run's model resizes; None where another one is loaded."""
    try:
        card = load_victim(get_state().model_path).card
    except ModelError:
        return None
    return card.input_size_px if card.sha256 == result.model_sha256 else None


@st.cache_data(max_entries=4, show_spinner=False)
def _alternatives(run_id: str, stamp: tuple[tuple[str, int], ...], _result: RunResult) -> list[Alternative]:
    return read_alternatives(run_id, _result.request.attack)


def saved_alternatives(result: RunResult) -> list[Alternative]:
    """What was computed beside a run, in the order in which it is shown."""
    return _alternatives(result.run_id, alternatives_stamp(result.run_id), result)
