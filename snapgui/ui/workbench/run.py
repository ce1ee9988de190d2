"""The run of the picture on the bench: the one that is at work, or the one that ended.

A reload of the page finds it by its address.
"""

import streamlit as st

from snapgui.engine.victim.victim import Victim
from snapgui.errors import SnapError
from snapgui.runs.records import RunResult
from snapgui.runs.store import load_run
from snapgui.runs.unfinished import load_request
from snapgui.runs.verdict import verdict
from snapgui.ui import resources
from snapgui.ui.jobs import Snapshot
from snapgui.ui.parts.charts import confidence_chart, show_chart
from snapgui.ui.parts.job import find_job, follow_job, stop_button
from snapgui.ui.parts.text import plain
from snapgui.ui.parts.words import CLASSES
from snapgui.ui.result.view import CURVE_PX, show_curve, show_verdict
from snapgui.ui.state import SnapState, on_bench, restore
from snapgui.ui.workbench.work import KIND
from snapgui.words import shorten


def find_run(state: SnapState) -> None:
    """After a reload: follow the run named in the address, or open it from the workspace.

    A run that ended long ago is forgotten by the worker, but not by the workspace.
    """
    if state.result is not None:
        st.query_params["run"] = state.result.run_id
        return
    own = state.jobs.get(KIND)
    last = resources.registry().snapshot(own)
    elsewhere = last is not None and not last.active and not on_bench(state, last.topic)
    if elsewhere and state.choice is not None and "run" not in st.query_params:
        # It belongs to another picture than the one on the bench, and the address names it no more.
        return
    job = find_job(KIND, of_others=False)
    if job is not None and own is None:
        restore(state, job.topic)
    elif job is None and (lost := state.jobs.pop(KIND, None)):
        _open_saved(state, lost, reloaded=own is None)


def _open_saved(state: SnapState, run_id: str, *, reloaded: bool) -> None:
    """Show a run of the workspace; after a reload also put what it was asked back on the bench."""
    try:
        state.result = load_run(run_id)
    except SnapError:
        _open_unfinished(state, run_id)
    else:
        st.query_params["run"] = run_id
        if reloaded:
            restore(state, state.result.request)


def _open_unfinished(state: SnapState, run_id: str) -> None:
    try:
        restore(state, load_request(run_id))
    except SnapError:
        state.notice = (
            f"The run {run_id} is neither running nor among the saved runs. It may have been deleted."
        )
    else:
        state.notice = (
            "This run did not come to its end. Its image, mask and settings are back on the bench: press "
            "Run, and the same steps are made again."
        )


def bench_job(state: SnapState) -> Snapshot | None:
    """The job of this session that attacks the picture on the bench."""
    job = resources.registry().snapshot(state.jobs.get(KIND))
    return job if job is not None and on_bench(state, job.topic) else None


def bench_result(state: SnapState) -> RunResult | None:
    """The result that belongs to the picture on the bench."""
    job = bench_job(state)
    if job is not None and not job.active and job.result is not None:
        result: RunResult = job.result.result
        return result
    if job is None and state.result is not None and on_bench(state, state.result.request):
        return state.result
    return None


def show_run(state: SnapState, victim: Victim | None) -> None:
    """Draw the verdict on the picture on the bench, or how far its run is."""
    if state.notice:
        st.warning(plain(state.notice))
    job, result = bench_job(state), bench_result(state)
    if job is not None and job.active:
        _show_curve(job, victim.card.classes if victim else CLASSES)
    elif job is not None and job.error:
        st.error(plain(job.error))
    elif result is not None:
        show_verdict(result, key="bench", notice=job.result.notice if job is not None and job.result else "")
        show_curve(result, key="bench")
    elif job is not None:
        st.info("The run was stopped before its first step.")
    else:
        _show_elsewhere(state)


def _show_elsewhere(state: SnapState) -> None:
    """Name the last run in place of its result, which belongs to another picture than that on the bench."""
    job = resources.registry().snapshot(state.jobs.get(KIND))
    if job is not None and job.active:
        return
    result = state.result if job is None else job.result.result if job.result is not None else None
    request = job.topic if job is not None else result.request if result is not None else None
    if request is None:
        return
    # A reload must not put that picture back over the one chosen since.
    st.query_params.pop("run", None)
    words = verdict(result) if result is not None else "No result."
    st.caption(f"The last run was on {plain(shorten(request.image_name))}. {plain(words)}")
    st.button("Back to that picture", key="back_to_run", on_click=restore, args=(state, request))


def _show_curve(job: Snapshot, classes: tuple[str, ...]) -> None:
    """The confidence curve of a run at work, and the button that ends it."""
    stop_button(job, "Keep the best result so far.", width="stretch")

    def draw(job: Snapshot) -> None:
        settings = job.topic.attack
        chart = confidence_chart(
            job.history,
            classes,
            threshold=settings.confidence,
            target=settings.target,
            steps=settings.steps,
            height=CURVE_PX,
        )
        show_chart(chart, key="live_curve")

    follow_job(job.job_id, draw)
