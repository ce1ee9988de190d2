"""The screen that the measures assume: its figures beside them, to be changed where they are wrong."""

import streamlit as st

from snapgui.engine.display import Display
from snapgui.errors import SnapError
from snapgui.runs.screen import Screen, keep_screen, read_screen

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
    """The figures in words, and a box in which to change them."""
    screen = present_screen()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"Screen: {screen.display.sentence}", width="content")
        with st.popover("Change the screen"):
            st.markdown("How large a change looks depends on screen and distance. Measure the width of the lit area with a ruler.")
            st.number_input("Width of the lit area, mm", 50.0, 5000.0, float(screen.width_mm), 1.0, format="%.0f", key=f"{key}-width_mm", on_change=_take, args=(key,))
            st.number_input("Its resolution across, px", 200, 20000, screen.width_px, 10, key=f"{key}-width_px", on_change=_take, args=(key,),
                            help="Of the screen itself: 1920 for 1920 x 1080.")
            st.number_input("From eye to screen, mm", 100.0, 5000.0, float(screen.distance_mm), 10.0, format="%.0f", key=f"{key}-distance_mm", on_change=_take, args=(key,))
            st.number_input("Screen pixels a side of an image pixel", 1, 16, screen.zoom, key=f"{key}-zoom", on_change=_take, args=(key,),
                            help="The enlargement at which the picture is looked at; the comparison viewer says its own below the pictures.")
            st.checkbox("I measured these figures", screen.measured, key=f"{key}-measured", on_change=_take, args=(key,))
            st.caption("Kept in the workspace for the next time.")
    if st.session_state.get(TROUBLE):
        st.error(st.session_state[TROUBLE])


def _take(key: str) -> None:
    """Take over what stands in the box; what does not fit together leaves the screen as it was (callback)."""
    st.session_state[TROUBLE] = ""
    try:
        screen = Screen(**{field: st.session_state[f"{key}-{field}"] for field in FIELDS})
        st.session_state[KEY] = screen
        keep_screen(screen)
    except SnapError as error:
        st.session_state[TROUBLE] = str(error)
