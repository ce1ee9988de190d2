"""Runs: what is saved in the workspace, newest first; find, open, name, compare, delete."""

import streamlit as st

from snapgui.errors import SnapError
from snapgui.runs.shelf.choose import tags_of
from snapgui.ui.parts.header import page_header
from snapgui.ui.parts.text import plain
from snapgui.ui.runs.compare import show_two
from snapgui.ui.runs.list import ask_which, show_damaged, show_list
from snapgui.ui.runs.opened import show_opened
from snapgui.ui.runs.resources import Shelf, shelf
from snapgui.ui.state import SnapState, get_state

# Beside the list, with both pictures at 1:1 and a column of words, there must be room for the viewer.
WIDE_PX, LIST, NOTHING = 1240, (440, 936), 0.001


def saved_runs() -> Shelf:
    """The saved runs; none, with a sentence on the page, where the workspace cannot be read."""
    try:
        return shelf()
    except SnapError as error:
        st.error(plain(error))
        return Shelf((), {})


def show_runs(state: SnapState, kept: Shelf) -> None:
    """Two ticked runs side by side, or the list with the opened one beside it; in a narrow window one of
    them.
    """
    by_id = {run.run_id: run for run in kept.runs}
    state.ticked_runs = tuple(run_id for run_id in state.ticked_runs if run_id in by_id)
    if len(state.ticked_runs) == 2:
        first, second = (by_id[run_id] for run_id in state.ticked_runs)
        show_two(state, (first, second))
        return
    narrow = state.page_px is not None and state.page_px < WIDE_PX
    opened = by_id.get(state.opened_run)
    alone = narrow and opened is not None
    bar = st.container(key="runs_bar")
    # The opened run keeps its place in the page when the window becomes narrow, and its viewer what it shows.
    shares = LIST if not narrow else (NOTHING, 1) if alone else (1, NOTHING)
    left, right = st.columns(shares, gap=None if narrow else "small")
    if not alone:
        with bar:
            found = ask_which(kept.runs)
        if not found:
            st.info("No run is like this. Empty the search or choose “Any” in the filters.")
            return
        # What is opened is in the list; where it was filtered out or deleted, the first one is.
        if not narrow and opened not in found:
            opened = found[0]
            # Not before the window's width is known: a narrow one begins with the list.
            state.opened_run = opened.run_id if state.page_px is not None else ""
        with left:
            show_list(state, found, of=len(kept.runs), opened=opened.run_id if opened else "")
    if opened is not None:
        with right:
            show_opened(state, opened, tags_of(kept.runs), back=alone)


state = get_state()
page_header(state, "Runs", "")
kept = saved_runs()
show_damaged(kept.damaged)
if kept.runs:
    show_runs(state, kept)
else:
    st.info("No run is saved yet. Press Run on the Workbench; it appears here when it ends.")
