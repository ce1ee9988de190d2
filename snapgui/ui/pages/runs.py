"""Runs: what is saved in the workspace, newest first; open, download, delete."""

import streamlit as st

from snapgui.errors import SnapError
from snapgui.runs.store import RunSummary, delete_run, list_runs, load_run
from snapgui.ui.parts.header import page_header
from snapgui.ui.parts.text import plain
from snapgui.ui.result.view import show_result
from snapgui.ui.state import SnapState, get_state
from snapgui.words import GAMUT_WORDS, TEXTURE_WORDS, per_cent, shorten


def outcome(run: RunSummary) -> str:
    """A run's outcome in a word or two."""
    if run.success:
        return "goal reached"
    return "class changed" if run.flipped else "stopped" if run.stopped else "not fooled"


def table(runs: list[RunSummary]) -> dict[str, list[str]]:
    """The runs as columns of words."""
    return {
        "Started (UTC)": [run.started[:16].replace("T", " ") for run in runs],
        "Image": [shorten(run.image_name) for run in runs],
        "Target class": [run.classes[run.target] for run in runs],
        "Target before": [per_cent(run.p_before[run.target]) for run in runs],
        "Target after": [per_cent(run.p_after[run.target]) for run in runs],
        "Outcome": [outcome(run) for run in runs],
        "Steps": [str(run.steps) for run in runs],
        "Area": [per_cent(run.area_fraction) for run in runs],
        "Cells in the centre": ["yes" if run.centre == "open" else "no" for run in runs],
        "Colours": [
            TEXTURE_WORDS[run.texture] if run.texture != "free" else GAMUT_WORDS.get(run.gamut, run.gamut)
            for run in runs
        ],
        "Model": [run.model_name for run in runs],
    }


def saved_runs() -> list[RunSummary]:
    """The saved runs, newest first; none, with a sentence on the page, where the workspace cannot be read."""
    try:
        return list_runs()
    except SnapError as error:
        st.error(plain(error))
        return []


def forget(state: SnapState, run_id: str) -> None:
    """Delete a run and let go of it wherever it is shown (callback)."""
    delete_run(run_id)
    if state.jobs.get("attack") == run_id:
        del state.jobs["attack"]
    if state.result is not None and state.result.run_id == run_id:
        state.result = None


def show_saved(state: SnapState, run: RunSummary) -> None:
    """Open one saved run, with a way to delete it."""
    try:
        result = load_run(run.run_id)
    except SnapError as error:
        st.error(plain(error))
    else:
        show_result(result, key="saved")
    # A key of its own closes it once this run is gone: left open, it would offer the next one.
    with st.popover("Delete this run", key=f"delete-{run.run_id}"):
        st.markdown(f"This deletes the run of {plain(run.image_name)} and its files for good.")
        st.button("Delete for good", key="delete", on_click=forget, args=(state, run.run_id))


state = get_state()
page_header(
    state,
    "Runs",
    "Every finished run is saved in the workspace folder. Choose one to see it again or to download it.",
)
runs = saved_runs()
if not runs:
    st.info("No run is saved yet. Press Run on the Workbench; it appears here when it ends.")
else:
    choice = st.dataframe(
        table(runs),
        hide_index=True,
        key="runs_table",
        on_select="rerun",
        selection_mode="single-row",
        height="auto" if len(runs) <= 7 else 280,
        selection_default={"selection": {"rows": [0]}},
    )
    rows = [row for row in choice.selection.rows if row < len(runs)]
    if rows:
        show_saved(state, runs[rows[0]])
    else:
        st.caption("Click the box at the left of a row to open that run.")
