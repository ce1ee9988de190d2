"""Model: which classifier is loaded, how good it is, another checkpoint, what it says of a whole folder, and
where in a picture the weight of its answer lies.
"""

import streamlit as st

from snapgui.ui.model.card import load_controls, show_card
from snapgui.ui.model.folder import predict_controls, show_folder_run
from snapgui.ui.model.sight import show_sight
from snapgui.ui.model.zoo import choose_model, show_zoo
from snapgui.ui.parts.header import page_header
from snapgui.ui.state import get_state

state = get_state()
victim = page_header(
    state,
    "Model",
    "The classifier under attack: what it is, how good it is, and what it says of a folder of patches.",
)
card_column, load_column = st.columns([1.5, 1], gap="medium")
with card_column:
    if victim is not None:
        show_card(victim.card)
with load_column:
    choose_model(state)
    load_controls(state)
st.divider()
show_zoo()
st.divider()
st.subheader("Predict a folder", anchor=False)
task = predict_controls(victim) if victim is not None else None
show_folder_run()
if victim is not None:
    st.divider()
    show_sight(state, victim, task)
