"""Naturalness: how often patches fool the model against how well they are told from real tissue, and beside
ordinary damage.
"""

import streamlit as st

from snapgui.ui.corruptions.view import show_corruptions
from snapgui.ui.naturalness.view import show_naturalness
from snapgui.ui.parts.header import page_header
from snapgui.ui.state import get_state

PATCHES, CORRUPTIONS = "Other patches", "Ordinary damage"

page_header(
    get_state(),
    "Naturalness",
    "How often a patch fools the model, against how well detectors tell it from real tissue and how much it "
    "changes colours; beside other patches and controls, or beside ordinary damage such as blur and folds.",
)
# One part is drawn at a time: the other would read its own files and draw its own chart.
beside = st.segmented_control(
    "SNAP beside",
    [PATCHES, CORRUPTIONS],
    default=PATCHES,
    required=True,
    key="naturalness_beside",
    persist_state="session",
)
if beside == CORRUPTIONS:
    show_corruptions()
else:
    show_naturalness()
