"""Defences: what each is worth against attackers who do not know it, who do, and who see scores alone."""

import streamlit as st

from snapgui.ui.defences.ask import defence_controls, show_defence_job
from snapgui.ui.defences.view import any_table, show_tables
from snapgui.ui.parts.header import page_header
from snapgui.ui.state import get_state

victim = page_header(
    get_state(),
    "Defences",
    "What helps? Each defence against an attacker who does not know it, one who attacks through it, and one "
    "who sees scores alone. The strongest counts.",
)
show_defence_job()
if victim is not None:
    with st.expander("New table", expanded=not any_table(), key="new_table"):
        defence_controls(victim)
show_tables()
