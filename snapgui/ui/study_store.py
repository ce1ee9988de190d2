"""The store of studies, opened once a process. Apart from `resources`, which loads the model's libraries: a
reader's page needs none of them.
"""

import streamlit as st

from snapgui.study.store.database import database_url
from snapgui.study.store.store import StudyStore, open_store


@st.cache_resource(max_entries=2, show_spinner=False)
def _store(url: str) -> StudyStore:
    return open_store(url)


def study_store() -> StudyStore:
    """The store of studies; raises StudyError or DataError where it cannot be opened."""
    return _store(database_url())
