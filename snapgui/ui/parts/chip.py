"""What is at work in the background, on top of every page: how far, how long, open, stop, and what waits."""

import streamlit as st

from snapgui.ui import resources
from snapgui.ui.jobs import Snapshot
from snapgui.ui.parts.job import ADDRESS
from snapgui.ui.parts.text import plain
from snapgui.ui.state import get_state
from snapgui.words import shorten

POLL_S = 2.0
# What each kind of work is called, and the page that shows it.
KINDS = {
    "attack": ("Run", "workbench"),
    "batch": ("Batch", "runs"),
    "audit": ("Audit", "audit"),
    "study": ("Study", "studies"),
    "folder": ("Prediction", "model"),
    "transfer": ("Matrix", "transfer"),
    "defend": ("Table", "defences"),
    "alternatives": ("Comparison", "runs"),
}


def work_chip(*, shown: Snapshot | None = None) -> None:
    """Draw a line for each job of this process that works or waits, whoever started it, but for the one that
    the page itself follows.
    """
    for place, job in enumerate(resources.registry().active()):
        if shown is not None and job.job_id == shown.job_id:
            continue
        name, page = KINDS.get(job.kind.split()[0], (job.kind, "workbench"))
        with st.container(horizontal=True, vertical_alignment="center", key=f"chip-{job.job_id}"):
            _follow(job.job_id, place)
            st.button(f"Open {name.lower()}", key=f"chip-open-{job.job_id}", on_click=_open, args=(job, page))
            st.button(
                f"Stop {name.lower()}",
                key=f"chip-stop-{job.job_id}",
                disabled=job.state == "cancelling",
                on_click=resources.registry().cancel,
                args=(job.job_id,),
                help="Nothing of it is kept." if job.kind == "study" else "What is done so far is kept.",
            )


def _open(job: Snapshot, page: str) -> None:
    """Go to the page of a job (callback), see `pages/navigation.py`."""
    parameter = ADDRESS.get(job.kind)
    _follow_instead(job)
    get_state().going_to = (page, {parameter: job.job_id} if parameter else None)


def _follow_instead(job: Snapshot) -> None:
    """Let go of what this session followed: the page then takes the job that its address names."""
    state = get_state()
    if state.jobs.get(job.kind) != job.job_id:
        state.jobs.pop(job.kind, None)
        if job.kind == "attack":
            state.result = None


@st.fragment(run_every=POLL_S)
def _follow(job_id: str, place: int) -> None:
    """One line, drawn anew every two seconds; the whole page once when the job begins or ends."""
    jobs = resources.registry().active()
    now = next((index for index, job in enumerate(jobs) if job.job_id == job_id), None)
    if now is None or now != place:
        st.rerun()
    st.markdown(chip_words(jobs[now], now), width="content")


def chip_words(job: Snapshot, place: int) -> str:
    """What a job is, of what, and how far it is, in Markdown; ``place`` counts the jobs before it."""
    name = KINDS.get(job.kind.split()[0], (job.kind, ""))[0]
    if job.state == "queued":
        far = f"waits, place {place} in the queue"
    elif job.progress is None:
        far = "begins"
    else:
        far = job.brief(job.progress) if job.brief else "at work"
    stopping = "stopping, " if job.state == "cancelling" else ""
    return f"**{plain(name)}** of {plain(shorten(job.label))}: {stopping}{plain(far)}"
