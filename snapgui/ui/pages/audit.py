"""Audit: SNAP and its controls over a whole data set; runs in the background, is saved, can be continued."""

import streamlit as st

from snapgui.ui.audit.ask import audit_controls
from snapgui.ui.audit.list import any_audit, show_saved_audits
from snapgui.ui.audit.progress import KIND, show_audit_job
from snapgui.ui.parts.header import page_header
from snapgui.ui.parts.job import find_job
from snapgui.ui.state import get_state

state = get_state()
victim = page_header(
    state,
    "Audit",
    "Attack every image of a labelled data set, beside honest controls: how often is the model "
    "fooled, and how visible is that?",
    shown=find_job(KIND),
)
show_audit_job()
if victim is not None:
    new = st.expander("New audit", expanded=not any_audit(), key="new_audit", on_change="rerun")
    # Closed, it would still read the data set.
    if new.open:
        with new:
            audit_controls(state, victim)
show_saved_audits(state)
