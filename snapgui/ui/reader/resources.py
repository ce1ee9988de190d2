"""What a reader's page keeps for the whole process: the store and the door. Apart from `resources`, which
loads the model's libraries.
"""

import os

import streamlit as st

from snapgui.study.reading.access import Gate
from snapgui.study.reading.serving import CODE_VARIABLE, STUDY_VARIABLE
from snapgui.study.store.database import database_url
from snapgui.study.store.store import StudyStore, open_store


@st.cache_resource(max_entries=2, show_spinner=False)
def _store(url: str) -> StudyStore:
    return open_store(url)


def study_store() -> StudyStore:
    """The store of studies; raises StudyError or DataError where it cannot be opened."""
    return _store(database_url())


@st.cache_resource(max_entries=2, show_spinner=False)
def _gate(code: str) -> Gate:
    return Gate(code)


def gate() -> Gate | None:
    """The door of a study that is offered to a network; None where everybody is at this computer."""
    code = os.environ.get(CODE_VARIABLE)
    return _gate(code) if code else None


def only_study() -> str | None:
    """The one study that this process offers; None in the app itself, which has them all."""
    return os.environ.get(STUDY_VARIABLE)
