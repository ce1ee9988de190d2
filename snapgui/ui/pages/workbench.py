"""Workbench: image, mask, attack, from left to right; the run and its result below."""

import streamlit as st

from snapgui.ui.state import get_state
from snapgui.ui.widgets.attack_panel import aim_away, attack_controls
from snapgui.ui.widgets.frame import page_header
from snapgui.ui.widgets.image_panel import choose_image
from snapgui.ui.widgets.mask_panel import edit_mask
from snapgui.ui.widgets.run_panel import find_run, show_run

state = get_state()
find_run(state)
victim = page_header(
    state, "Workbench", "Recolour a few cells of an image so that the model changes its mind: choose an image, say which cells, press Run."
)
image_column, mask_column, attack_column = st.columns([1, 1.15, 0.85], gap="medium")
with image_column:
    choose_image(state, victim)
if victim is not None and state.choice is not None:
    aim_away(state, victim, state.choice)
with mask_column:
    edit_mask(state, victim)
with attack_column:
    attack_controls(state, victim)
show_run(state, victim)
