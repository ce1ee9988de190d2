"""Studies: show the pictures to blinded readers; make a study, give out its address, download the
answers.
"""

import streamlit as st

from snapgui.ui.parts.header import page_header
from snapgui.ui.parts.job import find_job
from snapgui.ui.reader.frame import show_trouble
from snapgui.ui.reader.preview import (
    begin_preview,
    is_previewing,
    show_preview,
    was_previewing,
)
from snapgui.ui.state import get_state
from snapgui.ui.studies.list import show_studies
from snapgui.ui.studies.progress import KIND, show_study_job
from snapgui.ui.studies.recipe import new_study

if is_previewing():
    show_preview()
    st.stop()
state = get_state()
victim = page_header(
    state,
    "Studies",
    "Would a person notice? Show untouched and altered pictures to readers who do not know which "
    "is which, by a design that is fixed beforehand.",
    shown=find_job(KIND),
)
show_study_job()
show_trouble()
there_are_some = show_studies(begin_preview)
# Under another key after a preview: the browser remembers of the one before that it was left closed.
tried, handed = was_previewing(), bool(state.study_pictures[1])
with st.expander(
    "New study",
    expanded=tried or handed or not there_are_some,
    key="new_study_tried" if tried else "new_study",
):
    new_study(state, victim, begin_preview)
