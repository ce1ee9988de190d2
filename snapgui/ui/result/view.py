"""One finished run: its verdict, its pictures, and what was measured of them.

Workbench and Runs page share it.
"""

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from snapgui.engine.settings import colours_words
from snapgui.engine.visibility.naturalness import look_of
from snapgui.errors import SnapError
from snapgui.runs.methods import run_methods
from snapgui.runs.naturalness import HELP, naturalness_words
from snapgui.runs.records import RunResult
from snapgui.runs.verdict import control_words, verdict_card
from snapgui.ui.parts import words
from snapgui.ui.parts.card import show_card
from snapgui.ui.parts.charts import confidence_chart, show_chart
from snapgui.ui.parts.downloads import show_methods
from snapgui.ui.parts.text import plain
from snapgui.ui.result.alternatives import say_shown, show_alternatives, shown_alternative
from snapgui.ui.result.comparison.viewer import comparison
from snapgui.ui.result.downloads import export_buttons
from snapgui.ui.result.resources import compare_pictures, input_px, saved_naturalness
from snapgui.ui.result.visibility import present_display, show_visibility
from snapgui.words import START_WORDS, duration, shorten

CURVE_PX = 170


def show_result(result: RunResult, *, key: str) -> None:
    """Draw all of a run; ``key`` keeps its widgets apart from those of another page."""
    left, right = st.columns(2, gap="medium")
    with left:
        show_verdict(result, key=key)
    with right:
        show_curve(result, key=key)
    show_pictures(result, key=key)
    show_details(result, key=key)


def show_verdict(result: RunResult, *, key: str, notice: str = "") -> None:
    """The verdict card, and what can be taken away."""
    if notice:
        st.warning(plain(notice))
    look, of_look = None, ""
    try:
        found = saved_naturalness(result)
        look, of_look = look_of(found), naturalness_words(found)
    except SnapError as error:
        st.error(plain(error))
    show_card(verdict_card(result, look), of=result.run_id)
    with st.container(horizontal=True, gap="xxsmall", vertical_alignment="center"):
        export_buttons(result, key)
        with st.popover("Details", type="tertiary", key=f"{key}-why"):
            if of_look:
                st.markdown(plain(of_look), help=HELP)
            if result.controls:
                st.markdown(plain(control_words(result)))
            st.caption(plain(_circumstances(result)))
            show_methods(run_methods(result, input_px=input_px(result)))


def show_pictures(result: RunResult, *, key: str, zoom: int | None = None) -> None:
    """The comparison viewer, with the run's own picture or an alternative; ``zoom`` for the stage."""
    name, altered, mask = _shown(result, key)
    comparison(
        compare_pictures(result.request.pixels, altered, mask, present_display()),
        name=name,
        key=f"{key}-comparison",
        zoom=zoom,
    )


def show_details(result: RunResult, *, key: str) -> None:
    """How visible the change is, and other ways to the same confidence: folded, and measured once opened."""
    measured = st.expander("Measurements: how visible is it?", key=f"{key}-measured", on_change="rerun")
    if measured.open:
        with measured:
            _, altered, mask = _picture(result, key)
            show_visibility(result.request.pixels, altered, mask, name=result.run_id, key=f"{key}-visibility")
    others = st.expander("Other ways to the same confidence", key=f"{key}-others", on_change="rerun")
    if others.open:
        with others:
            show_alternatives(result, key=key)


def _picture(result: RunResult, key: str) -> tuple[str, NDArray[np.uint8], NDArray[np.bool_]]:
    """The picture to look at, the run's own or an alternative: name, pixels, and where they could change."""
    alternative = shown_alternative(result, key=key)
    if alternative is None:
        return "Adversarial", result.adversarial, result.request.mask
    return alternative.words, alternative.pixels, alternative.mask


def _shown(result: RunResult, key: str) -> tuple[str, NDArray[np.uint8], NDArray[np.bool_]]:
    alternative = shown_alternative(result, key=key)
    if alternative is not None:
        say_shown(alternative, key=key)
    return _picture(result, key)


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


def show_curve(result: RunResult, *, key: str) -> None:
    """What the model said before, and at each step; the step that was kept is marked."""
    attack = result.request.attack
    chart = confidence_chart(
        result.curve,
        result.classes,
        threshold=attack.confidence,
        target=attack.target,
        best_step=result.best_step,
        before=result.p_before,
        height=CURVE_PX,
    )
    show_chart(chart, key=f"{key}-curve")
