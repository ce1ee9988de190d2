"""The alternatives to a run in the background: started, found again after a reload, followed, stopped."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import streamlit as st

from snapgui.engine.victim.victim import Victim
from snapgui.engine.visibility.display import Display
from snapgui.runs.alternatives import AlternativeProgress, compute_alternatives
from snapgui.runs.alternatives_store import keep_alternative, read_alternatives, require_kept
from snapgui.runs.records import RunResult
from snapgui.ui import resources
from snapgui.ui.jobs import Handle, Snapshot
from snapgui.words import shorten

KIND = "alternatives"
POLL_S = 0.5


@dataclass(frozen=True)
class AlternativesTask:
    """To which run alternatives are computed."""

    run_id: str


def alternatives_work(
    victim: Victim, result: RunResult, display: Display
) -> Callable[[Handle], tuple[str, ...]]:
    """Work that makes what is missing and keeps each as soon as it is finished; gives sentences on what could
    not be made.
    """

    def work(handle: Handle) -> tuple[str, ...]:
        require_kept(result.run_id)
        have = {one.name for one in read_alternatives(result.run_id, result.request.attack)}
        steps = compute_alternatives(victim, result, display, have=have, stop=handle.stop)
        while True:
            try:
                progress = next(steps)
            except StopIteration as end:
                return tuple(end.value)
            if progress.finished is not None:
                keep_alternative(result.run_id, progress.finished)
            handle.report(replace(progress, finished=None), None)

    return work


def start_alternatives(victim: Victim, result: RunResult, display: Display) -> None:
    """Hand the work to the worker (callback); it is found again by the run's id."""
    st.session_state[_key(result)] = resources.registry().submit(
        KIND,
        result.request.image_name,
        alternatives_work(victim, result, display),
        topic=AlternativesTask(result.run_id),
    )


def present_job(result: RunResult) -> Snapshot | None:
    """The job of this run: the one that is going on, whoever started it, or the last of this session."""
    registry = resources.registry()
    for job in registry.active():
        if job.kind == KIND and job.topic.run_id == result.run_id:
            return job
    return registry.snapshot(st.session_state.get(_key(result)))


def show_job(snapshot: Snapshot) -> None:
    """Draw the progress of a job, with a way to stop it."""
    follow_alternatives(snapshot.job_id)
    # Outside the fragment: a press on a button of a fragment is lost while the whole page is being drawn.
    st.button(
        "Stop comparing",
        key=f"stop-{snapshot.job_id}",
        disabled=snapshot.state == "cancelling",
        on_click=resources.registry().cancel,
        args=(snapshot.job_id,),
        help="What is finished is kept; the rest can be made later.",
    )


@st.fragment(run_every=POLL_S)
def follow_alternatives(job_id: str) -> None:
    """Show progress twice a second; the whole page is drawn anew once, when it ends."""
    snapshot = resources.registry().snapshot(job_id)
    if snapshot is None or not snapshot.active:
        st.rerun()
    progress: AlternativeProgress | None = snapshot.progress
    st.progress(share_done(progress), text=progress_words(snapshot))


def share_done(progress: AlternativeProgress | None) -> float:
    """From 0 to 1, by what is finished and by the step of what is being made."""
    if progress is None or not progress.count:
        return 0.0
    return min(
        1.0, (progress.done + (progress.step / progress.steps if progress.steps else 0)) / progress.count
    )


def progress_words(snapshot: Snapshot) -> str:
    """Where the comparison stands, on one line."""
    progress: AlternativeProgress | None = snapshot.progress
    if progress is None:
        return "Waiting for the work before it to end" if snapshot.state == "queued" else "Starting"
    step = f": step {progress.step} of at most {progress.steps}" if progress.steps else ""
    text = f"{progress.done} of {progress.count} done · {progress.words}{step}"
    return f"Stopping after this step. {text}" if snapshot.state == "cancelling" else text


def trouble_words(snapshot: Snapshot | None) -> str:
    """Why something is missing after a job of this session; empty where nothing is to be said."""
    if snapshot is None or snapshot.active:
        return ""
    return snapshot.error or " ".join(shorten(sentence, 300) for sentence in snapshot.result or ())


def _key(result: RunResult) -> str:
    return f"alternatives-job-{result.run_id}"
