"""Workbench: image, mask, attack, from left to right; the run and its result below."""

import streamlit as st

from snapgui.ui.parts.header import page_header
from snapgui.ui.state import get_state
from snapgui.ui.workbench.attack import aim_away, attack_controls
from snapgui.ui.workbench.image import choose_image
from snapgui.ui.workbench.mask import edit_mask
from snapgui.ui.workbench.proposal import propose_controls
from snapgui.ui.workbench.run import find_run, show_run
from snapgui.ui.workbench.work import start_run

state = get_state()
find_run(state)
victim = page_header(
    state,
    "Workbench",
    "Recolour a few cells of an image so that the model changes its mind: choose an image, say "
    "which cells, press Run.",
)
image_column, mask_column, attack_column = st.columns([1, 1.15, 0.85], gap="medium")
with image_column:
    choose_image(state, victim)
if victim is not None and state.choice is not None:
    aim_away(state, victim, state.choice)
with mask_column:
    # The canvas stands above the controls that fill it, so its place is kept and filled last.
    canvas_place = st.container()
    propose_controls(state, victim)
    with canvas_place:
        edit_mask(state)
with attack_column:
    attack_controls(state, victim, start_run)
show_run(state, victim)
