"""Cached tables and patches of audits."""

from pathlib import Path

import pandas as pd
import streamlit as st

from snapgui.audit.store import read_rows
from snapgui.data.datasets import PatchSet
from snapgui.ui.audit.audits import KeptAudit, audited_patches


@st.cache_data(max_entries=2, show_spinner=False)
def _audit_rows(folder: str, stamp: int) -> pd.DataFrame:
    return read_rows(Path(folder))


def audit_rows(folder: Path) -> pd.DataFrame:
    """The table of a finished audit; raises DataError if it is gone or damaged."""
    table = folder / "rows.parquet"
    return _audit_rows(str(folder), table.stat().st_mtime_ns if table.is_file() else 0)


@st.cache_resource(max_entries=2, ttl=600, show_spinner="Reading the data set")
def _audited(fingerprint: str, data: str, there: bool, _audit: KeptAudit) -> PatchSet:
    return audited_patches(_audit)


def audited_set(audit: KeptAudit) -> PatchSet:
    """The patches that an audit looked at; raises DataError if they are gone."""
    return _audited(audit.about["fingerprint"], str(audit.data), audit.data.is_dir(), audit)
