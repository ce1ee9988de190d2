"""The alternatives to a run in the background: the work, how far it is, and what could not be made."""

import time
from collections.abc import Callable
from dataclasses import replace

import streamlit as st

from snapgui.engine.victim.victim import Victim
from snapgui.engine.visibility.display import Display
from snapgui.progress import drain
from snapgui.runs.alternatives import AlternativeProgress, compute_alternatives
from snapgui.runs.alternatives_store import keep_alternative, read_alternatives, require_kept
from snapgui.runs.records import RunResult
from snapgui.ui.jobs import Handle, Snapshot
from snapgui.ui.parts.job import show_job, stage_words, start_job
from snapgui.ui.parts.text import plain
from snapgui.words import duration, shorten

# Of the work, before which nothing can be said of the time left.
LEAST_SHARE = 0.03


def alternatives_work(
    victim: Victim, result: RunResult, display: Display
) -> Callable[[Handle], tuple[str, ...]]:
    """Work that makes what is missing and keeps each as soon as it is finished; gives sentences on what could
    not be made.
    """

    def work(handle: Handle) -> tuple[str, ...]:
        require_kept(result.run_id)
        have = {alternative.name for alternative in read_alternatives(result.run_id, result.request.attack)}
        begin = time.perf_counter()
        steps = compute_alternatives(victim, result, display, have=have, stop=handle.stop)

        def report(progress: AlternativeProgress) -> None:
            if progress.finished is not None:
                keep_alternative(result.run_id, progress.finished)
            share = share_done(progress)
            left_s = (time.perf_counter() - begin) * (1 / share - 1) if share > LEAST_SHARE else None
            handle.report(replace(progress, finished=None, left_s=left_s))

        return tuple(drain(steps, report))

    return work


def kind_of(result: RunResult) -> str:
    """The kind of these jobs: each run has its own."""
    return f"alternatives {result.run_id}"


def start_alternatives(victim: Victim, result: RunResult, display: Display) -> None:
    """Hand the work to the worker (callback)."""
    start_job(
        kind_of(result),
        result.request.image_name,
        alternatives_work(victim, result, display),
        brief=progress_words,
    )


def show_alternatives_job(result: RunResult) -> None:
    """Draw the job of this run: its progress, or what could not be made."""
    show_job(
        kind_of(result),
        lambda job: st.progress(share_done(job.progress), text=plain(_words(job))),
        _show_trouble,
        stop_help="What is finished is kept; the rest can be made later.",
        stopped="The comparison was stopped before it began.",
        lost="",
    )


def _words(job: Snapshot) -> str:
    return stage_words(job, progress_words, starting="Starting", unit="step")


def _show_trouble(sentences: tuple[str, ...]) -> None:
    if sentences:
        st.warning(plain(" ".join(shorten(sentence, 300) for sentence in sentences)))


def share_done(progress: AlternativeProgress | None) -> float:
    """From 0 to 1, by what is finished and by the step of what is being made."""
    if progress is None or not progress.count:
        return 0.0
    return min(
        1.0, (progress.done + (progress.step / progress.steps if progress.steps else 0)) / progress.count
    )


def progress_words(progress: AlternativeProgress) -> str:
    """Where the comparison stands, on one line."""
    step = f": step {progress.step} of at most {progress.steps}" if progress.steps else ""
    left = "" if progress.left_s is None else f" · about {duration(progress.left_s)} left"
    return f"{progress.done} of {progress.count} done · {progress.words}{step}{left}"
