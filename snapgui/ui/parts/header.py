"""What every page shows at its top: where one is, for what it may be used, which model is loaded."""

import streamlit as st

from snapgui.engine.victim.victim import Victim
from snapgui.errors import ModelError
from snapgui.ui.jobs import Snapshot
from snapgui.ui.parts.browser import page_size
from snapgui.ui.parts.chip import work_chip
from snapgui.ui.parts.text import plain
from snapgui.ui.parts.words import scale_words
from snapgui.ui.resources import device_words, load_victim
from snapgui.ui.state import SnapState


def page_header(
    state: SnapState, title: str, purpose: str, *, shown: Snapshot | None = None
) -> Victim | None:
    """Draw the header and give the victim; None, with a sentence on the page, where it cannot be loaded.

    Where no ``purpose`` is said, the menu alone says where one is, and the header is one line. ``shown`` is
    the job that the page itself follows.
    """
    victim, trouble = None, ""
    try:
        victim = load_victim(state.model_path)
    except ModelError as error:
        trouble = str(error)
    known = (state.page_px, state.page_height_px) if state.page_px and state.page_height_px else None
    if size := page_size(key=f"size-{title}", known=known):
        state.page_px, state.page_height_px = size
    with st.container(
        key="page_head",
        horizontal=True,
        horizontal_alignment="distribute",
        vertical_alignment="bottom",
        gap="small",
    ):
        if purpose:
            st.header(plain(title), anchor=False, width="content")
        st.caption(
            f"**Research use only, not for diagnosis.** {plain(_model_words(victim))} · {scale_words()}",
            width="content",
        )
    if purpose:
        st.caption(plain(purpose))
    work_chip(shown=shown)
    if trouble:
        st.error(plain(trouble))
    return victim


def _model_words(victim: Victim | None) -> str:
    if victim is None:
        return "No model loaded"
    return f"Model {victim.card.name} ({victim.card.sha256[:10]}) · {device_words()}"
