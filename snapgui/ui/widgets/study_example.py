"""One picture in every arm of a new study, so that its maker sees what readers will see."""

import streamlit as st

from snapgui.study.material import Material, readable
from snapgui.study.records import SHAM, Arm, StudyError
from snapgui.study.stimuli import make_stimulus_pixels
from snapgui.ui.pictures import show_pixels

ZOOM = 2


def show_example(material: Material, arms: list[str]) -> None:
    """Draw the first picture of the material untouched and in each arm, side by side."""
    if not st.toggle("Show an example", key="study_example", persist_state="session"):
        return
    source = readable(material, 0, arms)
    if isinstance(source, str):
        st.warning(source)
        return
    with st.container(horizontal=True):
        for name in ("untouched", *arms):
            try:
                pixels = make_stimulus_pixels(source, Arm(name, name != "untouched"))
            except StudyError as error:
                st.warning(str(error))
                continue
            with st.container(width=ZOOM * pixels.shape[1]):
                show_pixels(pixels, ZOOM, alt=f"{source.name}, {name}", caption=name)
    if SHAM.name in arms:
        st.caption("In the study the model may have another sham chosen for this picture.")
