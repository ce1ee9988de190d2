"""Reader: one blinded session, from the welcome to the thanks.

It stands alone; no other page is reached from it.
"""

import streamlit as st

from snapgui.errors import SnapError
from snapgui.ui.reader.frame import named_study, present_sitting, reader_foot, reader_style
from snapgui.ui.reader.resources import study_store
from snapgui.ui.reader.steps import show_step
from snapgui.ui.reader.welcome import is_let_in, show_gate, show_welcome

reader_style()
try:
    store = study_store()
    study = named_study(store)
    sitting = present_sitting(store, study)
    if sitting is not None:
        show_step(store, sitting)
        reader_foot(store, sitting)
    elif not is_let_in():
        show_gate()
    else:
        show_welcome(store, study)
except SnapError as error:
    st.error(str(error))
