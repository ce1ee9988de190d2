"""How visible an altered picture is: a short table first, every figure below it, and for which screen."""

from dataclasses import replace

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from snapgui.engine.visibility_figures import VisibilityPanel
from snapgui.errors import SnapError
from snapgui.ui import resources
from snapgui.ui.widgets.visibility_screen import present_display, screen_controls
from snapgui.ui.widgets.visibility_words import (
    PREDICT,
    headline_sentence,
    headline_table,
    nucleus_sentences,
    other_table,
    panel_csv,
    spread_table,
)

HELP = (
    "How different the two pictures are, where pixels could change, in a ring around there, and over the whole image. "
    "A figure over the whole image says little about small cells: most of the image is untouched."
)


def show_visibility(
    original: NDArray[np.uint8], altered: NDArray[np.uint8], mask: NDArray[np.bool_], *, name: str, key: str
) -> None:
    """Measure two pictures uint8 ``(H, W, 3)`` and say what came out."""
    st.markdown("**How visible is it?**", help=HELP)
    try:
        panel = resources.visibility(original, altered, mask, present_display())
    except SnapError as error:
        st.error(str(error))
        return
    st.markdown(headline_sentence(panel))
    st.table(headline_table(panel), hide_index=True)
    st.markdown("\n".join(f"- {sentence}" for sentence in nucleus_sentences(panel)))
    st.markdown(f"**{PREDICT}**")
    screen_controls(key=f"{key}-screen")
    with st.expander("All figures of visibility"):
        _all_figures(panel, original, altered, name, key)


def _all_figures(panel: VisibilityPanel, original: NDArray[np.uint8], altered: NDArray[np.uint8], name: str, key: str) -> None:
    st.table(spread_table(panel), hide_index=True)
    st.caption(f"The ring is {panel.ring_px} px wide. FLIP is of the picture as shown on the screen named above; all else is of the image's own pixels.")
    weights = st.text_input("Weights for LPIPS on this computer", key=f"{key}-lpips", persist_state="session", placeholder="alexnet-owt-7be5be79.pth",
                            help="LPIPS and ColorVideoVDP are measures learned from people's answers. Nothing is downloaded.").strip()
    try:
        panel = replace(panel, learned=resources.learned_visibility(original, altered, panel.display, weights))
    except SnapError as error:
        st.error(str(error))
    st.table(other_table(panel), hide_index=True)
    st.download_button("All figures (CSV)", panel_csv(panel), f"visibility-{name}.csv", "text/csv", key=f"{key}-figures", on_click="ignore")
