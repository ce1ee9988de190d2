"""An audit in the background: how far it is, and how it ended."""

import streamlit as st

from snapgui.audit.run import AuditOutcome, AuditProgress
from snapgui.audit.words import condition_names
from snapgui.ui import resources
from snapgui.ui.audit.audits import AuditTask, audit_work, share_done
from snapgui.ui.jobs import Snapshot
from snapgui.ui.parts.job import show_job, stage_words, start_job
from snapgui.ui.parts.text import plain
from snapgui.words import counted, duration

KIND = "audit"


def start_audit(task: AuditTask) -> None:
    """Hand the audit to the worker."""
    start_job(KIND, task.data.name, audit_work(task, resources.device()), topic=task, brief=brief_words)


def brief_words(progress: AuditProgress) -> str:
    """How far an audit is, in a few words."""
    left = "" if progress.left_s is None else f", about {duration(progress.left_s)} left"
    return f"{progress.images_done:,} of {progress.images:,} images{left}"


def show_audit_job() -> None:
    """Draw the audit that this session follows: its progress, or how it ended."""
    show_job(
        KIND,
        lambda job: st.progress(share_of(job), text=plain(progress_words(job))),
        _show_incomplete,
        stop_help="Ends after the present condition. What is done stays on disk; Continue does the rest "
        "later.",
        stopped="The audit was stopped before it began.",
        lost="The audit that this page followed is not running any more, perhaps since the program was "
        "restarted. What was done is kept below.",
    )


def _show_incomplete(outcome: AuditOutcome) -> None:
    if outcome.summary is not None:
        return
    if outcome.failures:
        first = outcome.failures[min(outcome.failures)].rstrip(".")
        st.warning(
            f"{counted(len(outcome.failures), 'part')} of the audit could not be done. The first: "
            f"{plain(first)}. What is done is kept; press Continue to try the rest again."
        )
    else:
        st.info("The audit was stopped. What is done is kept; press Continue to do the rest.")


def share_of(job: Snapshot) -> float:
    """How much of an audit is done, 0 to 1."""
    progress: AuditProgress | None = job.progress
    return share_done(job.topic, progress.images_done, progress.images, progress.doing) if progress else 0.0


def progress_words(job: Snapshot) -> str:
    """Where an audit stands, on one line."""

    def words(progress: AuditProgress) -> str:
        since = " since it was continued" if job.topic.continues is not None else ""
        parts = [
            f"{progress.images_done:,} of {progress.images:,} images done",
            f"SNAP fooled the model on {progress.flipped:,} of {progress.attacked:,}{since}"
            if progress.attacked
            else "",
            f"now: {condition_names(job.topic.settings).get(progress.doing, progress.doing)}"
            if progress.doing
            else "",
            "time left known after the first images"
            if progress.left_s is None
            else f"about {duration(progress.left_s)} left",
        ]
        return " · ".join(part for part in parts if part)

    return stage_words(job, words, starting="Reading the model and the patches", unit="condition")
