"""The attack in the background: noted, started, drained, saved."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from snapgui.engine.victim.victim import Victim
from snapgui.errors import SnapError
from snapgui.progress import drain
from snapgui.runs.records import CurvePoint, Progress, RunRequest, RunResult
from snapgui.runs.run import new_run_id, run_snap
from snapgui.runs.store import save_run
from snapgui.runs.unfinished import drop_request, save_request
from snapgui.ui.jobs import Handle
from snapgui.ui.parts.job import start_job
from snapgui.ui.state import SnapState
from snapgui.words import duration

KIND = "attack"
log = logging.getLogger("snapgui.jobs")


@dataclass(frozen=True)
class AttackOutcome:
    """A run's result, and a sentence where it could not be saved to disk."""

    result: RunResult
    notice: str = ""


def start_run(state: SnapState, victim: Victim, request: RunRequest) -> None:
    """Write down what the run is asked, then hand it to the worker."""
    run_id = new_run_id()
    # Before the run begins: `keep_run` drops the note at its end, and a run may be over at once.
    note_request(run_id, request)
    state.result, state.notice, state.stage = None, "", "Result"
    start_job(
        KIND,
        request.image_name,
        attack_work(victim, request),
        keep=keep_run,
        topic=request,
        job_id=run_id,
        brief=lambda now: f"step {now.step} of {now.steps}, at most {duration(now.left_s)} left",
    )


def attack_work(victim: Victim, request: RunRequest) -> Callable[[Handle], AttackOutcome]:
    """Work that drains one run; the run bears the job's own id."""

    def work(handle: Handle) -> AttackOutcome:
        def report(progress: Progress) -> None:
            handle.report(progress, CurvePoint(progress.step, progress.p, progress.best_p_target))

        run = run_snap(victim, request, stop=handle.stop, run_id=handle.job_id)
        return AttackOutcome(drain(run, report))

    return work


def keep_run(outcome: AttackOutcome) -> AttackOutcome:
    """Save a run to the workspace, whoever looks; the outcome says so where that fails."""
    try:
        save_run(outcome.result)
    except SnapError as error:
        log.warning("run %s was not saved: %s", outcome.result.run_id, error)
        return AttackOutcome(outcome.result, f"{error} This run is shown, but not kept: download it now.")
    drop_request(outcome.result.run_id)
    return outcome


def note_request(job_id: str, request: RunRequest) -> None:
    """Write down what a run was asked, so that a killed process does not lose it; a full disk does not keep
    it from running.
    """
    try:
        save_request(job_id, request)
    except SnapError as error:
        log.warning("%s", error)
