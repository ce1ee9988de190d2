"""Cached example pictures of the figure."""

from pathlib import Path

import streamlit as st

from snapgui.audit.read import FinishedAudit, SavedAudit, read_finished
from snapgui.engine.detector.cases import Case
from snapgui.naturalness.audits import audit_cases
from snapgui.naturalness.frontier import FILE

EXAMPLES = 3


@st.cache_data(max_entries=4, show_spinner="Reading the audit's pictures")
def _cases(folder: str, stamp: int) -> dict[str, list[Case]]:
    audit: FinishedAudit = read_finished(Path(folder))
    return dict(audit_cases(audit, most=EXAMPLES))


def audit_examples(audit: SavedAudit, name: str) -> list[Case]:
    """The first pictures of a condition of an audit; raises DataError where they are gone."""
    return _cases(str(audit.folder), (audit.folder / FILE).stat().st_mtime_ns).get(name, [])
