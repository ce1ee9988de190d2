"""What an audit in the background is asked, and the work itself. No Streamlit in here."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from snapgui.audit.read import SavedAudit
from snapgui.audit.rows import UNTOUCHED
from snapgui.audit.run import AuditOutcome, run_audit
from snapgui.audit.settings import AuditSettings, conditions_of
from snapgui.errors import DataError
from snapgui.progress import drain
from snapgui.ui.jobs import Handle


@dataclass(frozen=True)
class AuditTask:
    """What a job is asked; ``continues`` is the audit that it continues."""

    model: Path
    data: Path
    out: Path
    settings: AuditSettings
    continues: SavedAudit | None = None


def share_done(task: AuditTask, images_done: int, images: int, doing: str) -> float:
    """How much of an audit is done, 0 to 1, counting the conditions within the present shard."""
    names = [UNTOUCHED, *(condition.name for condition in conditions_of(task.settings))]
    within = names.index(doing) / len(names) if doing in names else 0.0
    shard = min(task.settings.shard_size, images - images_done)
    return min(1.0, (images_done + within * shard) / max(1, images))


def audit_work(task: AuditTask, device: str) -> Callable[[Handle], AuditOutcome]:
    """Work that drains one audit."""

    def work(handle: Handle) -> AuditOutcome:
        try:
            audit = run_audit(
                task.model,
                task.data,
                task.out,
                task.settings,
                device=device,
                stop=handle.stop,
                continues=task.continues,
            )
            return drain(audit, handle.report)
        except OSError as error:
            raise DataError(
                f"The audit ended, since a file could not be read or written: {error}. What is done "
                "is kept; continue below."
            ) from error

    return work
