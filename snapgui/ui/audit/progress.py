"""An audit in the background: started, found again after a reload, followed, stopped."""

import streamlit as st

from snapgui.audit.run import AuditOutcome, AuditProgress
from snapgui.ui import resources
from snapgui.ui.audit.audits import AuditTask, audit_work, share_done
from snapgui.ui.audit.words import names_of
from snapgui.ui.jobs import Snapshot
from snapgui.ui.state import SnapState
from snapgui.words import duration

POLL_S = 0.5


def start_audit(state: SnapState, task: AuditTask) -> None:
    """Hand the audit to the worker and remember its id in the address, so that a reload finds it
    (callback).
    """
    work = audit_work(task, resources.device())
    state.audit_job_id = resources.registry().submit("audit", task.data.name, work, topic=task)
    state.audit_notice = ""
    st.query_params["audit"] = state.audit_job_id


def find_audit_job(state: SnapState) -> None:
    """After a reload: follow the audit that the address names, or the one that is going on."""
    registry, named = resources.registry(), st.query_params.get("audit")
    if state.audit_job_id is None:
        known = registry.snapshot(named)
        going = [job.job_id for job in registry.active() if job.kind == "audit"]
        if known is not None and known.kind == "audit":
            state.audit_job_id = known.job_id
        elif going:
            state.audit_job_id = going[0]
        elif named:
            state.audit_notice = (
                "The audit that the address names is not going on any more, perhaps since the program "
                "was restarted. What was done is kept below."
            )
    if state.audit_job_id is not None:
        st.query_params["audit"] = state.audit_job_id
    elif named:
        del st.query_params["audit"]


def show_audit_job(state: SnapState) -> None:
    """Draw the audit that this session follows: its progress, or how it ended."""
    snapshot = resources.registry().snapshot(state.audit_job_id)
    if state.audit_notice:
        st.info(state.audit_notice)
    if snapshot is None:
        return
    if snapshot.active:
        follow_audit(snapshot.job_id)
        # Outside the fragment: a press on a button of a fragment is lost while the whole page is being drawn.
        st.button(
            "Stop",
            key="stop_audit",
            disabled=snapshot.state == "cancelling",
            on_click=resources.registry().cancel,
            args=(snapshot.job_id,),
            help="Ends after the present condition. What is done stays on disk; Go on does the rest later.",
        )
    elif snapshot.error:
        st.error(snapshot.error)
    elif snapshot.result is None:
        st.info("The audit was stopped before it began.")
    elif snapshot.result.summary is None:
        _show_incomplete(snapshot.result)


def _show_incomplete(outcome: AuditOutcome) -> None:
    if outcome.failures:
        first = outcome.failures[min(outcome.failures)].rstrip(".")
        st.warning(
            f"{len(outcome.failures)} parts of the audit could not be done. The first: {first}. What is "
            "done is kept; press Go on to try the rest again."
        )
    else:
        st.info("The audit was stopped. What is done is kept; press Go on to do the rest.")


@st.fragment(run_every=POLL_S)
def follow_audit(job_id: str) -> None:
    """Show progress twice a second; the whole page is drawn anew once, when it ends."""
    snapshot = resources.registry().snapshot(job_id)
    if snapshot is None or not snapshot.active:
        st.rerun()
    progress: AuditProgress | None = snapshot.progress
    done = (
        share_done(snapshot.topic, progress.images_done, progress.images, progress.doing) if progress else 0.0
    )
    st.progress(done, text=progress_words(snapshot))


def progress_words(snapshot: Snapshot) -> str:
    """Where an audit stands, on one line."""
    progress: AuditProgress | None = snapshot.progress
    if progress is None:
        return (
            "Waiting for the work before it to end"
            if snapshot.state == "queued"
            else "Reading the model and the patches"
        )
    since = " since it went on" if snapshot.topic.goes_on is not None else ""
    parts = [
        f"{progress.images_done:,} of {progress.images:,} images done",
        f"SNAP fooled the model on {progress.flipped:,} of {progress.attacked:,}{since}"
        if progress.attacked
        else "",
        f"now: {names_of(snapshot.topic.settings).get(progress.doing, progress.doing)}"
        if progress.doing
        else "",
        "time left known after the first images"
        if progress.left_s is None
        else f"about {duration(progress.left_s)} left",
    ]
    text = " · ".join(part for part in parts if part)
    return f"Stopping after this condition. {text}" if snapshot.state == "cancelling" else text
