"""One finished run: verdict, comparison, visibility, curve, alternatives, downloads.

Workbench and Runs page share it.
"""

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from snapgui.engine.settings import colours_words
from snapgui.errors import SnapError
from snapgui.runs.naturalness import HELP, naturalness_words
from snapgui.runs.records import RunResult
from snapgui.runs.verdict import control_words, verdict
from snapgui.ui.parts import words
from snapgui.ui.parts.browser import FALLBACK_PX
from snapgui.ui.parts.charts import CONFIG, confidence_chart
from snapgui.ui.result.alternatives import say_shown, show_alternatives, shown_alternative
from snapgui.ui.result.comparison.viewer import comparison
from snapgui.ui.result.downloads import export_buttons
from snapgui.ui.result.resources import compare_pictures, saved_naturalness
from snapgui.ui.result.visibility import present_display, show_visibility
from snapgui.words import START_WORDS, duration, shorten

# From this width on, visibility and curve stand side by side.
WIDE_PX = 1100


def show_result(result: RunResult, *, key: str, page_px: int | None, notice: str = "") -> None:
    """Draw a run; ``key`` keeps its widgets apart from those of another page."""
    if notice:
        st.warning(notice)
    st.subheader(verdict(result), anchor=False)
    _naturalness(result)
    if result.controls:
        st.markdown(control_words(result))
    st.caption(_circumstances(result))
    export_buttons(result, key)
    name, altered, mask = _shown(result, key)
    comparison(
        compare_pictures(result.request.pixels, altered, mask, present_display()),
        name=name,
        key=f"{key}-comparison",
    )
    left, right = (
        st.columns([1.5, 1], gap="medium")
        if (page_px or FALLBACK_PX) >= WIDE_PX
        else (st.container(), st.container())
    )
    with left:
        show_visibility(result.request.pixels, altered, mask, name=result.run_id, key=f"{key}-visibility")
    with right:
        _curve(result, key)
    show_alternatives(result, key=key)


def _naturalness(result: RunResult) -> None:
    try:
        look, numbers = naturalness_words(saved_naturalness(result)).split(": ", 1)
    except SnapError as error:
        st.error(str(error))
    else:
        st.markdown(f"**{look}**: {numbers}", help=HELP)


def _shown(result: RunResult, key: str) -> tuple[str, NDArray[np.uint8], NDArray[np.bool_]]:
    """The picture to look at, the run's own or an alternative: name, pixels, and where they could change."""
    alternative = shown_alternative(result, key=key)
    if alternative is None:
        return "Adversarial", result.adversarial, result.request.mask
    say_shown(alternative, key=key)
    return alternative.words, alternative.pixels, alternative.mask


def _circumstances(result: RunResult) -> str:
    attack = result.request.attack
    colours = colours_words(attack)
    start = [] if attack.texture != "free" else [f"start: {START_WORDS[attack.start].lower()}"]
    parts = [
        shorten(result.request.image_name) + (" (synthetic)" if result.request.synthetic else ""),
        f"colours: {colours}",
        *start,
        f"mask {words.SOURCE_WORDS[result.request.mask_source]}",
        f"{duration(result.seconds)} on {result.device}",
        f"model {result.model_name} ({result.model_sha256[:10]})",
        f"run {result.run_id}",
    ]
    return " · ".join(parts)


def _curve(result: RunResult, key: str) -> None:
    attack = result.request.attack
    chart = confidence_chart(
        result.curve,
        result.classes,
        threshold=attack.confidence,
        target=attack.target,
        best_step=result.best_step,
        before=result.p_before,
    )
    st.plotly_chart(chart, key=f"{key}-curve", config=CONFIG, theme=None)
    st.caption(
        "What the model said of the untouched picture (before) and at each step of this run. The circle "
        f"marks step {result.best_step}, which was kept."
    )
