"""Audit: SNAP and its controls over a whole data set; runs in the background, is saved, can be continued."""

import streamlit as st

from snapgui.ui.audit.ask import audit_controls
from snapgui.ui.audit.list import show_saved_audits
from snapgui.ui.audit.progress import show_audit_job
from snapgui.ui.parts.header import page_header
from snapgui.ui.state import get_state

state = get_state()
victim = page_header(
    state,
    "Audit",
    "Attack every image of a labelled data set, beside honest controls: how often is the model "
    "fooled, and how visible is that?",
)
if victim is not None:
    audit_controls(state, victim)
show_audit_job()
st.divider()
show_saved_audits(state)
