"""Below the workbench: the run that is at work, or the one that ended.

A reload of the page finds it by its address.
"""

import streamlit as st

from snapgui.engine.victim.victim import Victim
from snapgui.errors import SnapError
from snapgui.runs.records import Progress, RunRequest, RunResult
from snapgui.runs.store import load_run
from snapgui.runs.unfinished import load_request
from snapgui.runs.verdict import verdict
from snapgui.ui import resources
from snapgui.ui.jobs import Snapshot
from snapgui.ui.parts.browser import scroll_here, zoom_for
from snapgui.ui.parts.charts import CONFIG, confidence_chart
from snapgui.ui.parts.job import find_job, follow_job, stage_words, stop_button
from snapgui.ui.parts.pictures import show_pixels
from snapgui.ui.parts.words import CLASSES
from snapgui.ui.result.view import show_result
from snapgui.ui.state import SnapState, on_bench, restore
from snapgui.ui.workbench.work import KIND
from snapgui.words import duration, per_cent, shorten


def find_run(state: SnapState) -> None:
    """After a reload: follow the run named in the address, or open it from the workspace.

    A run that ended long ago is forgotten by the worker, but not by the workspace.
    """
    if state.result is not None:
        st.query_params["run"] = state.result.run_id
        return
    own = state.jobs.get(KIND)
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


def show_run(state: SnapState, victim: Victim | None) -> None:
    """Draw the run that this session follows, at whatever stage it is."""
    job = resources.registry().snapshot(state.jobs.get(KIND))
    if state.notice:
        st.warning(state.notice)
    if job is not None or state.result is not None:
        st.divider()
    if job is not None and not job.active and not on_bench(state, job.topic):
        _show_elsewhere(state, job.topic, job.result.result if job.result is not None else None)
        return
    if state.result is not None and not on_bench(state, state.result.request):
        _show_elsewhere(state, state.result.request, state.result)
        return
    if job is not None:
        # Once when it begins, once more when its result is there.
        scroll_here(f"{job.job_id} {job.active}")
    if job is not None and job.active:
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            st.subheader(f"Running on {shorten(job.label)}", anchor=False, width="content")
            stop_button(job, "Keep the best result so far.", width=200)
        classes = victim.card.classes if victim else CLASSES
        follow_job(job.job_id, lambda job: _show_progress(job, classes, state.page_px))
    elif job is not None and job.error:
        st.error(job.error)
    elif job is not None and job.result is not None:
        show_result(job.result.result, notice=job.result.notice, key="bench", page_px=state.page_px)
    elif job is not None:
        st.info("The run was stopped before its first step.")
    elif state.result is not None:
        show_result(state.result, key="bench", page_px=state.page_px)


def _show_elsewhere(state: SnapState, request: RunRequest, result: RunResult | None) -> None:
    """Name the last run in place of its result, which belongs to another picture than that on the bench."""
    # A reload must not put that picture back over the one chosen since.
    st.query_params.pop("run", None)
    words = verdict(result) if result is not None else "No result."
    st.caption(f"The last run was on {shorten(request.image_name)}. {words}")
    st.button("Back to that picture", key="back_to_run", on_click=restore, args=(state, request))


def _show_progress(job: Snapshot, classes: tuple[str, ...], page_px: int | None) -> None:
    progress: Progress | None = job.progress
    text = stage_words(job, lambda now: _progress_words(now, job, classes), starting="Starting", unit="step")
    st.progress(progress.step / progress.steps if progress else 0.0, text=text)
    left, right = st.columns([2.2, 1])
    if progress:
        with right:
            show_pixels(
                progress.preview,
                zoom_for(page_px, 4, least=2, most=4),
                alt="best result so far",
                caption=f"Best so far, step {progress.best_step}",
            )
        settings = job.topic.attack
        chart = confidence_chart(
            job.history,
            classes,
            threshold=settings.confidence,
            target=settings.target,
            steps=settings.steps,
        )
        left.plotly_chart(chart, key="live_curve", config=CONFIG, theme=None)


def _progress_words(progress: Progress, job: Snapshot, classes: tuple[str, ...]) -> str:
    target = job.topic.attack.target
    return (
        f"Step {progress.step} of {progress.steps} · {classes[target]} {per_cent(progress.p[target])} "
        f"(best {per_cent(progress.best_p_target)}) · {progress.ms_per_step:.0f} ms per step · "
        f"at most {duration(progress.left_s)} left"
    )
