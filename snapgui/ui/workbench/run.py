"""Below the workbench: the run that goes on, or the one that ended.

A reload of the page finds it by its address.
"""

import streamlit as st

from snapgui.engine.victim.victim import Victim
from snapgui.errors import SnapError
from snapgui.runs.records import Progress
from snapgui.runs.store import load_run
from snapgui.runs.unfinished import load_request
from snapgui.ui import resources
from snapgui.ui.jobs import Snapshot
from snapgui.ui.parts.browser import scroll_here, zoom_for
from snapgui.ui.parts.charts import CONFIG, confidence_chart
from snapgui.ui.parts.pictures import show_pixels
from snapgui.ui.result.view import show_result
from snapgui.ui.state import SnapState, restore
from snapgui.words import duration, per_cent, shorten

POLL_S = 0.5


def find_run(state: SnapState) -> None:
    """After a reload: follow the run named in the address, or open it from the workspace."""
    run_id = st.query_params.get("run")
    if state.job_id is None and state.result is None and run_id:
        snapshot = resources.registry().snapshot(run_id)
        if snapshot is not None:
            state.job_id = run_id
            restore(state, snapshot.topic)
        else:
            _open_saved(state, run_id)
    elif run_id is None and (state.job_id or state.result):
        st.query_params["run"] = state.job_id or (state.result.run_id if state.result else "")


def _open_saved(state: SnapState, run_id: str) -> None:
    try:
        state.result = load_run(run_id)
    except SnapError:
        _open_unfinished(state, run_id)
    else:
        restore(state, state.result.request)


def _open_unfinished(state: SnapState, run_id: str) -> None:
    del st.query_params["run"]
    try:
        restore(state, load_request(run_id))
    except SnapError:
        state.notice = (
            f"The run {run_id} is neither going on nor among the saved runs. It may have been deleted."
        )
    else:
        state.notice = (
            "The program ended while this run was going on. Its image, mask and settings are back on the "
            "bench: press Run, and the same steps are made again."
        )


def show_run(state: SnapState, victim: Victim | None) -> None:
    """Draw the run that this session follows, at whatever stage it is."""
    snapshot = resources.registry().snapshot(state.job_id)
    if state.notice:
        st.warning(state.notice)
    if snapshot is not None or state.result is not None:
        st.divider()
    if snapshot is not None:
        # Once when it begins, once more when its result is there.
        scroll_here(f"{snapshot.job_id} {snapshot.active}")
    if snapshot is not None and snapshot.active:
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            st.subheader(f"Running on {shorten(snapshot.label)}", anchor=False, width="content")
            # Outside the fragment: a press on a button of a fragment is lost while the whole page is being
            # drawn, as after a reload.
            st.button(
                "Stop",
                key="stop",
                disabled=snapshot.state == "cancelling",
                width=200,
                on_click=resources.registry().cancel,
                args=(snapshot.job_id,),
                help="Keep the best result so far.",
            )
        follow_run(
            snapshot.job_id, victim.card.classes if victim else ("normal", "metastasis"), state.page_px
        )
    elif snapshot is not None and snapshot.error:
        st.error(snapshot.error)
    elif snapshot is not None and snapshot.result is not None:
        show_result(snapshot.result.result, notice=snapshot.result.notice, key="bench", page_px=state.page_px)
    elif snapshot is not None:
        st.info("The run was stopped before its first step.")
    elif state.result is not None:
        show_result(state.result, key="bench", page_px=state.page_px)


@st.fragment(run_every=POLL_S)
def follow_run(job_id: str, classes: tuple[str, ...], page_px: int | None) -> None:
    """Show a run's progress twice a second; the whole page is drawn anew once, when it ends."""
    snapshot = resources.registry().snapshot(job_id)
    if snapshot is None or not snapshot.active:
        st.rerun()
    progress = snapshot.progress
    st.progress(progress.step / progress.steps if progress else 0.0, text=_progress_words(snapshot, classes))
    left, right = st.columns([2.2, 1])
    if progress:
        with right:
            show_pixels(
                progress.preview,
                zoom_for(page_px, 4, least=2, most=4),
                alt="best result so far",
                caption=f"Best so far, step {progress.best_step}",
            )
        settings = snapshot.topic.attack
        chart = confidence_chart(
            snapshot.history,
            classes,
            threshold=settings.confidence,
            target=settings.target,
            steps=settings.steps,
        )
        left.plotly_chart(chart, key="live_curve", config=CONFIG, theme=None)


def _progress_words(snapshot: Snapshot, classes: tuple[str, ...]) -> str:
    progress: Progress | None = snapshot.progress
    if progress is None:
        return "Waiting for the work before it to end" if snapshot.state == "queued" else "Starting"
    target = snapshot.topic.attack.target
    text = (
        f"Step {progress.step} of {progress.steps} · {classes[target]} {per_cent(progress.p[target])} "
        f"(best {per_cent(progress.best_p_target)}) · {progress.ms_per_step:.0f} ms a step · "
        f"at most {duration(progress.left_s)} left"
    )
    return f"Stopping after this step. {text}" if snapshot.state == "cancelling" else text
