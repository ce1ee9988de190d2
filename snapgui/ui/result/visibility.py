"""How visible an altered picture is: a short table first, every number below it, and for which screen."""

from dataclasses import replace

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from snapgui.engine.visibility.display import Display
from snapgui.engine.visibility.figures import VisibilityPanel
from snapgui.engine.visibility.measures import flip_note
from snapgui.errors import SnapError
from snapgui.ui.parts.text import plain, plain_list, plain_rows
from snapgui.ui.result.resources import measure_learned_visibility, measure_visibility
from snapgui.ui.result.screen import Screen, keep_screen, read_screen
from snapgui.ui.result.visibility_rows import other_table, panel_csv, spread_table
from snapgui.ui.result.visibility_words import (
    PREDICT,
    headline_sentence,
    headline_table,
    nucleus_sentences,
)

HELP = (
    "How different the two pictures are, where pixels could change, in a ring around there, and "
    "over the whole image. "
    "A number for the whole image says little about small cells: most of the image is untouched."
)


def show_visibility(
    original: NDArray[np.uint8], altered: NDArray[np.uint8], mask: NDArray[np.bool_], *, name: str, key: str
) -> None:
    """Measure two pictures uint8 ``(H, W, 3)`` and say what came out."""
    st.markdown("**How visible is it?**", help=HELP)
    try:
        panel = measure_visibility(original, altered, mask, present_display())
    except SnapError as error:
        st.error(plain(error))
        return
    st.markdown(plain(headline_sentence(panel)))
    st.table(plain_rows(headline_table(panel)), hide_index=True)
    st.markdown(plain_list(nucleus_sentences(panel)))
    st.markdown(f"**{PREDICT}**")
    screen_controls(key=f"{key}-screen")
    with st.expander("All visibility numbers"):
        _all_numbers(panel, original, altered, name, key)


def _all_numbers(
    panel: VisibilityPanel, original: NDArray[np.uint8], altered: NDArray[np.uint8], name: str, key: str
) -> None:
    st.table(plain_rows(spread_table(panel)), hide_index=True)
    st.caption(
        f"The ring is {panel.ring_px:,} px wide. FLIP is of the picture as shown on the screen named "
        "above; all else is of the image's own pixels."
    )
    if note := flip_note():
        st.caption(plain(note))
    weights = st.text_input(
        "Weights for LPIPS on this computer",
        key=f"{key}-lpips",
        persist_state="session",
        placeholder="alexnet-owt-7be5be79.pth",
        help="LPIPS and ColorVideoVDP are measures learned from people's answers. Nothing is downloaded.",
    ).strip()
    try:
        panel = replace(panel, learned=measure_learned_visibility(original, altered, panel.display, weights))
    except SnapError as error:
        st.error(plain(error))
    st.table(plain_rows(other_table(panel)), hide_index=True)
    st.download_button(
        "All numbers (CSV)",
        panel_csv(panel),
        f"visibility-{name}.csv",
        "text/csv",
        key=f"{key}-numbers",
        on_click="ignore",
    )


KEY = "screen"
TROUBLE = "screen_trouble"
FIELDS = ("width_mm", "width_px", "distance_mm", "zoom", "measured")


def present_screen() -> Screen:
    """The screen of this session; at first that of the workspace."""
    if KEY not in st.session_state:
        st.session_state[KEY] = read_screen()
    screen: Screen = st.session_state[KEY]
    return screen


def present_display() -> Display:
    """What the measures need of it."""
    return present_screen().display


def screen_controls(*, key: str) -> None:
    """The screen in words, and a box in which to change it."""
    screen = present_screen()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"Screen: {plain(screen.display.sentence)}", width="content")
        with st.popover("Change the screen"):
            st.markdown(
                "How large a change looks depends on screen and distance. Measure the width of the "
                "lit area with a ruler."
            )
            st.number_input(
                "Width of the lit area, mm",
                50.0,
                5000.0,
                float(screen.width_mm),
                1.0,
                format="%.0f",
                key=f"{key}-width_mm",
                on_change=_take,
                args=(key,),
            )
            st.number_input(
                "Its horizontal resolution, px",
                200,
                20000,
                screen.width_px,
                10,
                key=f"{key}-width_px",
                on_change=_take,
                args=(key,),
                help="Of the screen itself: 1920 for 1920 x 1080.",
            )
            st.number_input(
                "Viewing distance, mm",
                100.0,
                5000.0,
                float(screen.distance_mm),
                10.0,
                format="%.0f",
                key=f"{key}-distance_mm",
                on_change=_take,
                args=(key,),
            )
            st.number_input(
                "Screen pixels per side of an image pixel",
                1,
                16,
                screen.zoom,
                key=f"{key}-zoom",
                on_change=_take,
                args=(key,),
                help="The enlargement at which the picture is viewed; the comparison viewer shows its own "
                "below the pictures.",
            )
            st.checkbox(
                "I measured these values",
                screen.measured,
                key=f"{key}-measured",
                on_change=_take,
                args=(key,),
            )
            st.caption("Saved in the workspace for the next time.")
    if st.session_state.get(TROUBLE):
        st.error(plain(st.session_state[TROUBLE]))


def _take(key: str) -> None:
    """Take over what stands in the box; what does not fit together leaves the screen as it was (callback)."""
    st.session_state[TROUBLE] = ""
    try:
        screen = Screen(**{field: st.session_state[f"{key}-{field}"] for field in FIELDS})
        st.session_state[KEY] = screen
        keep_screen(screen)
    except SnapError as error:
        st.session_state[TROUBLE] = str(error)
