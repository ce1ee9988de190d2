"""What the worker thread does: an attack, an audit, or the prediction of a folder. No Streamlit in here."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from snapgui.audit.run import AuditOutcome, run_audit
from snapgui.engine.victim import Victim
from snapgui.errors import DataError, SnapError
from snapgui.records import CurvePoint, RunRequest, RunResult
from snapgui.runs.run import run_snap
from snapgui.runs.store import save_run
from snapgui.runs.unfinished import drop_request, save_request
from snapgui.ui.audits import AuditTask, require_unchanged
from snapgui.ui.folder import FolderAnswer, FolderTask, predict_folder
from snapgui.ui.jobs import Handle

log = logging.getLogger("snapgui.jobs")


@dataclass(frozen=True)
class AttackOutcome:
    """A run's result, and a sentence where it could not be saved to disk."""

    result: RunResult
    notice: str = ""


def attack_work(victim: Victim, request: RunRequest) -> Callable[[Handle], AttackOutcome]:
    """Work that drains one run; the run bears the job's own id."""

    def work(handle: Handle) -> AttackOutcome:
        run = run_snap(victim, request, stop=handle.stop, run_id=handle.job_id)
        while True:
            try:
                progress = next(run)
            except StopIteration as end:
                return AttackOutcome(end.value)
            handle.report(progress, CurvePoint(progress.step, progress.p, progress.best_p_target))

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
    """Write down what a run was asked, so that a killed process does not lose it; a full disk does not keep it from running."""
    try:
        save_request(job_id, request)
    except SnapError as error:
        log.warning("%s", error)


def folder_work(victim: Victim, task: FolderTask) -> Callable[[Handle], FolderAnswer]:
    """Work that predicts every picture of a task."""

    def work(handle: Handle) -> FolderAnswer:
        return predict_folder(victim, task, progress=lambda done: handle.report(done, None), stop=handle.stop)

    return work


def audit_work(task: AuditTask, device: str) -> Callable[[Handle], AuditOutcome]:
    """Work that drains one audit; an audit that is to go on must be the same as when it began."""

    def work(handle: Handle) -> AuditOutcome:
        try:
            if task.goes_on is not None:
                require_unchanged(task.goes_on, device)
            audit = run_audit(task.model, task.data, task.out, task.settings, device=device, stop=handle.stop)
            while True:
                try:
                    progress = next(audit)
                except StopIteration as end:
                    return end.value
                handle.report(progress, None)
        except OSError as error:
            raise DataError(f"The audit ended, since a file could not be read or written: {error}. What is done is kept; go on below.") from error

    return work
