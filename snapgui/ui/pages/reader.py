"""Reader: one blinded session, from the welcome to the thanks.

It stands alone; no other page is reached from it.
"""

import streamlit as st

from snapgui.errors import SnapError
from snapgui.ui.parts.text import plain
from snapgui.ui.reader.frame import (
    named_study,
    present_sitting,
    reader_column,
    reader_foot,
    reader_style,
)
from snapgui.ui.reader.steps import present_step, show_step
from snapgui.ui.reader.trial import show_trial
from snapgui.ui.reader.welcome import is_let_in, show_gate, show_welcome
from snapgui.ui.study_store import study_store

reader_style()
sitting = None
try:
    store = study_store()
    study = named_study(store)
    sitting = present_sitting(store, study)
    if sitting is not None:
        step, trial = present_step(store, sitting)
        if step == "trial" and trial is not None:
            show_trial(store, sitting, trial)
        else:
            show_step(store, sitting, step, trial)
        reader_foot(store, sitting)
    else:
        with reader_column():
            if is_let_in():
                show_welcome(store, study)
            else:
                show_gate()
except SnapError as error:
    # Who was not let in is told nothing of what is here.
    if sitting is not None or is_let_in():
        st.error(plain(error))
    else:
        show_gate()
