"""What every page shows at its top: where one is, for what it may be used, which model is loaded."""

import streamlit as st

from snapgui.engine.victim.victim import Victim
from snapgui.errors import ModelError
from snapgui.ui.parts.browser import page_width
from snapgui.ui.parts.chip import work_chip
from snapgui.ui.parts.words import scale_words
from snapgui.ui.resources import device_words, load_victim
from snapgui.ui.state import SnapState


def page_header(state: SnapState, title: str, purpose: str) -> Victim | None:
    """Draw the header and give the victim; None, with a sentence on the page, where it cannot be loaded."""
    victim, trouble = None, ""
    try:
        victim = load_victim(state.model_path)
    except ModelError as error:
        trouble = str(error)
    state.page_px = page_width(key=f"width-{title}", known=state.page_px)
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom"):
        st.header(title, anchor=False, width="content")
        st.caption(
            f"**Research use only, not for diagnosis.** {_model_words(victim)} · {scale_words()}",
            width="content",
        )
    st.caption(purpose)
    work_chip()
    if trouble:
        st.error(trouble)
    return victim


def _model_words(victim: Victim | None) -> str:
    if victim is None:
        return "No model loaded"
    return f"Model {victim.card.name} ({victim.card.sha256[:10]}) · {device_words()}"
