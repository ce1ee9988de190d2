"""Cached audits and their patches."""

from pathlib import Path

import streamlit as st

from snapgui.audit.read import FinishedAudit, SavedAudit, audited_patches, read_finished
from snapgui.data.datasets import PatchSet


@st.cache_resource(max_entries=2, show_spinner=False)
def _finished(folder: str, stamps: tuple[int, ...]) -> FinishedAudit:
    return read_finished(Path(folder))


def finished_audit(folder: Path) -> FinishedAudit:
    """A finished audit with its table, which nobody changes; raises DataError if it is gone or damaged."""
    files = [folder / name for name in ("audit.json", "summary.json", "rows.parquet")]
    return _finished(str(folder), tuple(file.stat().st_mtime_ns if file.is_file() else 0 for file in files))


@st.cache_resource(max_entries=2, ttl=600, show_spinner="Reading the data set")
def _audited(fingerprint: str, data: str, there: bool, _audit: SavedAudit) -> PatchSet:
    return audited_patches(_audit)


def audited_set(audit: SavedAudit) -> PatchSet:
    """The patches that an audit looked at; raises DataError if they are gone."""
    return _audited(audit.about["fingerprint"], str(audit.data), audit.data.is_dir(), audit)
