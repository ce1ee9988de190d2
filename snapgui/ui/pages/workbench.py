"""Workbench: pictures on the left, the stage in the middle, controls and verdict on the right."""

import streamlit as st

from snapgui.ui.filmstrip.strip import choose_image
from snapgui.ui.parts.header import page_header
from snapgui.ui.result.view import show_details
from snapgui.ui.state import get_state
from snapgui.ui.workbench.attack import aim_away, attack_controls, run_button
from snapgui.ui.workbench.proposal import update_proposal
from snapgui.ui.workbench.run import bench_job, bench_result, find_run, show_run
from snapgui.ui.workbench.spot import spot_invitation
from snapgui.ui.workbench.stage import SHARES, show_stage
from snapgui.ui.workbench.work import start_run

state = get_state()
find_run(state)
followed = bench_job(state)
victim = page_header(state, "Workbench", "", shown=followed)
strip, stage, side = st.columns(SHARES, gap="small")
with strip:
    choose_image(state, victim)
if victim is not None and state.choice is not None:
    aim_away(state, victim, state.choice)
with side:
    run_place, pressed = attack_controls(state, victim)
    update_proposal(state, victim, pressed=pressed)
    run_button(state, victim, start_run, run_place)
    show_run(state, victim)
    spot_invitation(working=followed is not None)
with stage:
    show_stage(state, victim)
job, result = bench_job(state), bench_result(state)
if result is not None and (job is None or not job.active):
    show_details(result, key="bench")
