"""A matrix or a table of defences in the background: how far it is, and how it ended."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from snapgui.transfer.run import TransferOutcome, TransferProgress
from snapgui.ui.jobs import Handle, Snapshot
from snapgui.ui.parts.job import show_job, stage_words, start_job
from snapgui.ui.parts.text import plain
from snapgui.words import counted, duration


def start_contest(kind: str, label: str, work: Callable[[Handle], TransferOutcome], topic: Any) -> None:
    """Hand the work to the worker."""
    start_job(kind, label, work, topic=topic, brief=brief_words)


def brief_words(progress: TransferProgress) -> str:
    """How far it is, in a few words."""
    left = "" if progress.left_s is None else f", about {duration(progress.left_s)} left"
    return f"{progress.done} of {progress.shards} parts{left}"


def show_contest_job(kind: str, noun: str) -> None:
    """Draw the ``noun`` (matrix, table) that this session follows: its progress, or how it ended."""
    show_job(
        kind,
        lambda job: st.progress(_share(job), text=plain(_words(job))),
        lambda outcome: _show_incomplete(outcome, noun),
        stop_help="Ends after the present part. What is done stays on disk; the same "
        f"{noun} goes on from it.",
        stopped=f"The {noun} was stopped before it began.",
        lost=f"The {noun} that this page followed is not running any more. What was done is kept: ask for "
        "the same one again and it goes on from there.",
    )


def _share(job: Snapshot) -> float:
    progress: TransferProgress | None = job.progress
    return progress.done / progress.shards if progress and progress.shards else 0.0


def _words(job: Snapshot) -> str:
    def words(progress: TransferProgress) -> str:
        if not progress.shards:
            return "Looking for metastases that all models recognise"
        return f"{brief_words(progress)} · now: {progress.doing}"

    return stage_words(job, words, starting="Reading models and patches", unit="part")


def _show_incomplete(outcome: TransferOutcome, noun: str) -> None:
    if outcome.failures:
        first = next(iter(outcome.failures.values())).rstrip(".")
        st.warning(
            f"{counted(len(outcome.failures), 'part')} could not be done. The first: {plain(first)}. Ask for "
            f"the same {plain(noun)} again to try these."
        )
    elif outcome.summary is None:
        st.info(f"The {plain(noun)} was stopped. What is done is kept; ask for the same one again.")
