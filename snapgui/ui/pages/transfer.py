"""Transfer: patches made on one model, tried on others."""

import streamlit as st

from snapgui.ui.parts.header import page_header
from snapgui.ui.parts.job import find_job
from snapgui.ui.state import get_state
from snapgui.ui.transfer.ask import KIND, transfer_controls
from snapgui.ui.transfer.job import show_contest_job
from snapgui.ui.transfer.saved import any_saved
from snapgui.ui.transfer.view import show_matrices

page_header(
    get_state(),
    "Transfer",
    "Does a patch made on one model fool another? Each model is attacked by itself and by patches made on "
    "every other, on the same metastases.",
    shown=find_job(KIND),
)
show_contest_job(KIND, "matrix")
with st.expander("New matrix", expanded=not any_saved(KIND), key="new_matrix"):
    transfer_controls()
show_matrices()
