"""A study in the making: started, found again after a reload, followed, stopped."""

import secrets
from dataclasses import replace

import streamlit as st

from snapgui.study.pictures.build import BuildOutcome, BuildProgress
from snapgui.ui import resources
from snapgui.ui.parts.browser import scroll_here
from snapgui.ui.reader.resources import study_store
from snapgui.ui.studies.studies import StudyTask, study_work

POLL_S = 0.5
JOB, PARAMETER = "study_job_id", "build"


def start_study(task: StudyTask) -> None:
    """Hand the study to the worker, with a seed that nobody knows, and remember the job in the address
    (callback).
    """
    task = replace(task, settings=replace(task.settings, seed=secrets.randbelow(2**53)))
    job_id = resources.registry().submit(
        "study", task.settings.title, study_work(task, study_store()), topic=task
    )
    st.session_state[JOB] = st.query_params[PARAMETER] = job_id


def find_study_job() -> None:
    """After a reload: follow the study that the address names, or the one that is being made."""
    registry = resources.registry()
    if JOB not in st.session_state:
        known = registry.snapshot(st.query_params.get(PARAMETER))
        going = [job.job_id for job in registry.active() if job.kind == "study"]
        if known is not None and known.kind == "study":
            st.session_state[JOB] = known.job_id
        elif going:
            st.session_state[JOB] = going[0]
    if JOB in st.session_state:
        st.query_params[PARAMETER] = st.session_state[JOB]
    elif PARAMETER in st.query_params:
        del st.query_params[PARAMETER]


def show_study_job() -> None:
    """Draw the study that this session makes: its progress, or how it ended."""
    snapshot = resources.registry().snapshot(st.session_state.get(JOB))
    if snapshot is None:
        return
    # The button that began it stands far below.
    scroll_here(f"{snapshot.job_id} {snapshot.active}")
    if snapshot.active:
        follow_study(snapshot.job_id)
        # Outside the fragment: a press on a button of a fragment is lost while the whole page is being drawn.
        st.button(
            "Stop",
            key="stop_study",
            disabled=snapshot.state == "cancelling",
            on_click=resources.registry().cancel,
            args=(snapshot.job_id,),
            help="Nothing of a stopped study is kept.",
        )
    elif snapshot.error:
        st.error(snapshot.error)
    elif snapshot.result is None:
        st.info("Making the study was stopped; nothing of it is kept.")
    else:
        _show_outcome(snapshot.result)


def _show_outcome(outcome: BuildOutcome) -> None:
    count = len(outcome.left_out)
    if outcome.sources < outcome.asked:
        st.warning(
            f"The study is frozen with {_pictures(outcome.sources)}; {outcome.asked} were asked, and there "
            f"were no more that are fit. {outcome.repeats} trials are asked again. It stands in the list "
            "below. As long as nobody has answered it can be deleted and made anew."
        )
    else:
        st.success(f"The study is frozen with {_pictures(outcome.sources)}. It stands in the list below.")
    if count:
        with st.expander(f"{_pictures(count)} {'was' if count == 1 else 'were'} left out"):
            st.markdown("\n".join(f"- {reason}" for reason in outcome.left_out))


def _pictures(count: int) -> str:
    return "1 picture" if count == 1 else f"{count} pictures"


@st.fragment(run_every=POLL_S)
def follow_study(job_id: str) -> None:
    """Show progress twice a second; the whole page is drawn anew once, when it ends."""
    snapshot = resources.registry().snapshot(job_id)
    if snapshot is None or not snapshot.active:
        st.rerun()
    progress: BuildProgress | None = snapshot.progress
    if progress is None:
        st.progress(
            0.0,
            text="Waiting for the work before it to end"
            if snapshot.state == "queued"
            else "Reading the model and the pictures",
        )
        return
    left_out = f" · {progress.left_out} left out" if progress.left_out else ""
    stopping = "Stopping after this picture. " if snapshot.state == "cancelling" else ""
    st.progress(
        progress.done / progress.wanted,
        text=f"{stopping}{progress.done} of {progress.wanted} pictures made{left_out}",
    )
