"""Cached numbers and example pictures of the figure."""

from pathlib import Path

import streamlit as st

from snapgui.audit.read import FinishedAudit, SavedAudit, audits_folder, read_audit, read_finished
from snapgui.audit.store import find_audits
from snapgui.engine.detector.cases import Case
from snapgui.errors import SnapError
from snapgui.naturalness.audits import audit_cases
from snapgui.naturalness.frontier import FILE, has_numbers

EXAMPLES = 3


def audits_with_numbers() -> list[SavedAudit]:
    """Saved audits in whose folders the command ``naturalness`` has left numbers, the newest first; of those
    that cannot be read the Audit page says why.
    """
    found = []
    try:
        folders = find_audits(audits_folder())
    except SnapError:
        return []
    for folder in folders:
        try:
            audit = read_audit(folder)
        except SnapError:
            continue
        if audit.finished and has_numbers(audit):
            found.append(audit)
    return found


@st.cache_data(max_entries=4, show_spinner="Reading the audit's pictures")
def _cases(folder: str, stamp: int) -> dict[str, list[Case]]:
    audit: FinishedAudit = read_finished(Path(folder))
    return dict(audit_cases(audit, most=EXAMPLES))


def audit_examples(audit: SavedAudit, name: str) -> list[Case]:
    """The first pictures of a condition of an audit; raises DataError where they are gone."""
    return _cases(str(audit.folder), (audit.folder / FILE).stat().st_mtime_ns).get(name, [])
