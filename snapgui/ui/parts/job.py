"""The panel of a background job, the same on every page: start, find, follow, stop, tell how it ended."""

from collections.abc import Callable
from typing import Any, Literal, TypeVar

import streamlit as st

from snapgui.ui import resources
from snapgui.ui.jobs import Handle, Snapshot
from snapgui.ui.parts.text import plain
from snapgui.ui.state import get_state

Task = TypeVar("Task")
POLL_S = 0.5
# Where the address names a job of each kind, so that a reload of the page finds it.
ADDRESS = {
    "attack": "run",
    "audit": "audit",
    "study": "build",
    "folder": "folder",
    "transfer": "matrix",
    "defend": "table",
}


def start_job(
    kind: str,
    label: str,
    work: Callable[[Handle], Any],
    *,
    keep: Callable[[Any], Any] | None = None,
    topic: Any = None,
    job_id: str | None = None,
    brief: Callable[[Any], str] | None = None,
) -> None:
    """Hand work to the worker, follow it and name it in the address."""
    job_id = resources.registry().submit(
        kind, label, work, keep=keep, topic=topic, job_id=job_id, brief=brief
    )
    get_state().jobs[kind] = job_id
    if kind in ADDRESS:
        st.query_params[ADDRESS[kind]] = job_id


def work_button(
    label: str,
    task: Task | None,
    start: Callable[[Task], None],
    *,
    key: str,
    ready: bool = True,
    **looks: Any,
) -> None:
    """The button that begins a task, shut where there is none; ``start`` is called where the page is drawn,
    never as the callback.

    A callback gets what the page said when the button was drawn. Whoever types a number and presses at once
    is faster than the page: the work would begin with the number before.
    """
    wished = get_state().pressed
    if key in wished:
        wished.discard(key)
        if ready and task is not None:
            start(task)
            st.rerun()
    st.button(
        plain(label), key=key, disabled=not ready or task is None, on_click=wished.add, args=(key,), **looks
    )


def find_job(kind: str, *, of_others: bool = True) -> Snapshot | None:
    """The job of this kind that the page shows, also after a reload; one of another kind is never taken.

    One that is at work comes first: this session's, the one that the address names, or with ``of_others``
    any. Where there is none, the last of this session. A job that the process does not know any more is
    still followed, for `show_job` to say so, but leaves the address.
    """
    state, parameter = get_state(), ADDRESS.get(kind, "")
    own, named = state.jobs.get(kind), st.query_params.get(parameter) if parameter else None
    known = [resources.registry().snapshot(job_id) for job_id in (own, named)]
    everyone = resources.registry().active() if of_others else []
    jobs = [job for job in (*known, *everyone) if job is not None and job.kind == kind]
    job = next((job for job in jobs if job.active), jobs[0] if jobs else None)
    if followed := job.job_id if job else own or named:
        state.jobs[kind] = followed
    if job is not None and parameter:
        st.query_params[parameter] = job.job_id
    elif named:
        del st.query_params[parameter]
    return job


def show_job(
    kind: str,
    draw: Callable[[Snapshot], object],
    ended: Callable[[Any], None],
    *,
    stop_help: str,
    stopped: str,
    lost: str,
) -> None:
    """Draw the job of this kind: its progress and a button to stop it, or how it ended.

    ``draw`` is called twice a second with a job at work, ``ended`` with its result. ``stopped`` is said of
    one that gave none, ``lost`` of one that the process does not know any more.
    """
    job = find_job(kind)
    if job is None:
        if lost and kind in get_state().jobs:
            st.info(plain(lost))
    elif job.active:
        follow_job(job.job_id, draw)
        stop_button(job, stop_help)
    elif job.error:
        st.error(plain(job.error))
    elif job.result is None:
        st.info(plain(stopped))
    else:
        ended(job.result)


@st.fragment(run_every=POLL_S)
def follow_job(job_id: str, draw: Callable[[Snapshot], object]) -> None:
    """Draw a job twice a second; the whole page is drawn anew once, when it ends."""
    job = resources.registry().snapshot(job_id)
    if job is None or not job.active:
        st.rerun()
    draw(job)


def stop_button(job: Snapshot, words: str, *, width: int | Literal["content", "stretch"] = "content") -> None:
    """The button that stops a job; outside the fragment, since a press on a button of a fragment is lost
    while the whole page is being drawn, as after a reload.
    """
    st.button(
        "Stop",
        key=f"stop-{job.kind}",
        disabled=job.state == "cancelling",
        on_click=resources.registry().cancel,
        args=(job.job_id,),
        help=plain(words),
        width=width,
    )


def stage_words(job: Snapshot, words: Callable[[Any], str], *, starting: str, unit: str) -> str:
    """Where a job stands, on one line: ``words`` of its progress; ``unit`` is what it still completes."""
    if job.progress is None:
        return "Waiting for the work before it to end" if job.state == "queued" else starting
    stopping = f"Stopping after this {unit}. " if job.state == "cancelling" else ""
    return stopping + words(job.progress)
