"""How long an audit may take, by the pace of the last audit or run on this computer."""

from snapgui.audit.read import audits_folder, read_audit, read_finished
from snapgui.audit.settings import AuditSettings, conditions_of
from snapgui.audit.store import find_audits
from snapgui.errors import SnapError
from snapgui.runs.store import list_runs, load_run
from snapgui.words import duration

OPTIMISED = ("attack", "square", "whole")


def most_steps(settings: AuditSettings, images: int) -> int:
    """Attack steps on single images that an audit makes at most."""
    return images * sum(
        condition.attack.steps * condition.draws
        for condition in conditions_of(settings)
        if condition.kind in OPTIMISED
    )


def estimate_words(settings: AuditSettings, images: int) -> str:
    """A sentence on the time that an audit of so many attacked images takes at most."""
    steps = most_steps(settings, images)
    pace, source = _pace()
    if pace is None:
        return f"At most {steps:,} attack steps; how long they take is known after the first run or audit."
    return f"At most about {duration(steps * pace)}, by the pace of {source} on this computer."


def _pace() -> tuple[float | None, str]:
    """Seconds for one step on one image, all else that it needs included, and of what."""
    try:
        for folder in find_audits(audits_folder()):
            if read_audit(folder).finished:
                summary = read_finished(folder).summary
                steps = sum(row.get("image_steps", 0) for row in summary["conditions"])
                if steps and summary.get("seconds"):
                    return summary["seconds"] / steps, "the last audit"
        for run in list_runs()[:1]:
            if run.steps:
                return load_run(run.run_id).seconds / run.steps, "the last run"
    except (SnapError, OSError):
        pass
    return None, ""
