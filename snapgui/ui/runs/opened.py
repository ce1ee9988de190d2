"""One saved run beside the list: what it is called, its result, and a way to delete it."""

from collections.abc import Sequence

import streamlit as st

from snapgui.errors import SnapError
from snapgui.runs.shelf.labels import clean_label, keep_label
from snapgui.runs.shelf.overview import Overview
from snapgui.runs.store import delete_run, load_run
from snapgui.ui.parts.text import plain
from snapgui.ui.result.view import show_result
from snapgui.ui.state import SnapState


def show_opened(state: SnapState, run: Overview, tags: Sequence[str], *, back: bool = False) -> None:
    """Draw a run with the fields for its name and tags; ``tags`` are those given to any run, and ``back``
    leads to the list where that is not beside it.
    """
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if back:
            st.button("Back to the list", key="runs_back", on_click=close_opened, args=(state,))
        _label(run, tags)
        # A key of its own closes it once this run is gone: left open, it would offer the next one.
        with st.popover("Delete this run", key=f"delete-{run.run_id}"):
            st.text(f"This deletes the run of {run.name} and its files for good.")
            st.button("Delete for good", key="delete", on_click=forget, args=(state, run.run_id))
    if trouble := st.session_state.pop("runs_trouble", ""):
        st.error(plain(trouble))
    try:
        result = load_run(run.run_id)
    except SnapError as error:
        st.error(plain(error))
    else:
        show_result(result, key="saved")


def _label(run: Overview, tags: Sequence[str]) -> None:
    # What is kept is in the key, so that a field shows what became of it.
    name_key, tags_key = f"run-name-{run.run_id}-{run.name}", f"run-tags-{run.run_id}-{run.label.tags}"

    def keep() -> None:
        label = clean_label(st.session_state[name_key], st.session_state[tags_key])
        name = "" if label.name == run.image_name else label.name
        try:
            keep_label(run.run_id, clean_label(name, label.tags))
        except SnapError as error:
            st.session_state["runs_trouble"] = str(error)

    st.text_input(
        "Name of this run",
        run.name,
        key=name_key,
        on_change=keep,
        placeholder=run.image_name,
        label_visibility="collapsed",
        width=260,
    )
    st.multiselect(
        "Tags of this run",
        list(dict.fromkeys([*run.label.tags, *tags])),
        list(run.label.tags),
        key=tags_key,
        on_change=keep,
        accept_new_options=True,
        placeholder="Add tags",
        label_visibility="collapsed",
        select_all=False,
        width="stretch",
    )


def close_opened(state: SnapState) -> None:
    """Show the list again (callback)."""
    state.opened_run = ""


def forget(state: SnapState, run_id: str) -> None:
    """Delete a run and let go of it wherever it is shown (callback)."""
    delete_run(run_id)
    if state.jobs.get("attack") == run_id:
        del state.jobs["attack"]
    if state.result is not None and state.result.run_id == run_id:
        state.result = None
