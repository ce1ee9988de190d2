"""A study in the making: how far it is, and how it ended."""

import secrets
from dataclasses import replace

import streamlit as st

from snapgui.study.pictures.build import BuildOutcome, BuildProgress
from snapgui.ui.jobs import Snapshot
from snapgui.ui.parts.browser import scroll_here
from snapgui.ui.parts.job import find_job, show_job, stage_words, start_job
from snapgui.ui.parts.text import plain, plain_list
from snapgui.ui.studies.studies import StudyTask, study_work
from snapgui.ui.study_store import study_store
from snapgui.words import counted

KIND = "study"


def start_study(task: StudyTask) -> None:
    """Hand the study to the worker, with a seed that nobody knows."""
    task = replace(task, settings=replace(task.settings, seed=secrets.randbelow(2**53)))
    start_job(KIND, task.settings.title, study_work(task, study_store()), topic=task, brief=_progress_words)


def show_study_job() -> None:
    """Draw the study that this session makes: its progress, or how it ended."""
    job = find_job(KIND)
    if job is not None:
        # The button that began it stands far below.
        scroll_here(f"{job.job_id} {job.active}")
    show_job(
        KIND,
        _show_progress,
        _show_outcome,
        stop_help="Nothing of a stopped study is kept.",
        stopped="Making the study was stopped; nothing of it is kept.",
        lost="The study that this page followed is not being made any more, perhaps since the program was "
        "restarted. If it was finished, it stands in the list below.",
    )


def _show_progress(job: Snapshot) -> None:
    progress: BuildProgress | None = job.progress
    st.progress(
        progress.done / progress.wanted if progress else 0.0,
        text=plain(
            stage_words(job, _progress_words, starting="Reading the model and the pictures", unit="picture")
        ),
    )


def _progress_words(progress: BuildProgress) -> str:
    left_out = f" · {progress.left_out} left out" if progress.left_out else ""
    return f"{progress.done} of {progress.wanted} pictures made{left_out}"


def _show_outcome(outcome: BuildOutcome) -> None:
    count = len(outcome.left_out)
    if outcome.sources < outcome.asked:
        st.warning(
            f"The study is frozen with {counted(outcome.sources, 'picture')}; "
            f"{outcome.asked:,} were asked for, and no more were fit. {outcome.repeats:,} trials are asked "
            "again. It stands in the list below. As long as nobody has answered it can be deleted and made "
            "anew."
        )
    else:
        st.success(
            f"The study is frozen with {counted(outcome.sources, 'picture')}. It stands in the list below."
        )
    if count:
        with st.expander(f"{counted(count, 'picture')} {'was' if count == 1 else 'were'} left out"):
            st.markdown(plain_list(outcome.left_out))
