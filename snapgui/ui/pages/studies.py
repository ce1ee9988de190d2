"""Studies: show the pictures to blinded readers; make a study, give out its address, download the
answers.
"""

import streamlit as st

from snapgui.ui.parts.header import page_header
from snapgui.ui.state import get_state
from snapgui.ui.studies.list import show_studies
from snapgui.ui.studies.progress import show_study_job
from snapgui.ui.studies.recipe import new_study

state = get_state()
victim = page_header(
    state,
    "Studies",
    "Would a person notice? Show untouched and altered pictures to readers who do not know which "
    "is which, by a design that is fixed beforehand.",
)
show_study_job()
there_are_some = show_studies()
handed = bool(state.study_pictures[1])
with st.expander("New study", expanded=handed or not there_are_some, key="new_study"):
    new_study(state, victim)
