"""Defences: what each is worth against attackers who do not know it, who do, and who see scores alone."""

import streamlit as st

from snapgui.ui.parts.header import page_header
from snapgui.ui.parts.job import find_job
from snapgui.ui.state import get_state
from snapgui.ui.transfer.defence_ask import KIND, defence_controls
from snapgui.ui.transfer.defence_view import show_tables
from snapgui.ui.transfer.job import show_contest_job
from snapgui.ui.transfer.saved import any_saved

victim = page_header(
    get_state(),
    "Defences",
    "What helps? Each defence against an attacker who does not know it, one who attacks through it, and one "
    "who sees scores alone. The strongest counts.",
    shown=find_job(KIND),
)
show_contest_job(KIND, "table")
if victim is not None:
    with st.expander("New table", expanded=not any_saved(KIND), key="new_table"):
        defence_controls(victim)
show_tables()
