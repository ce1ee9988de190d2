"""What a reader's page is started with: the door, and the one study that is offered."""

import os

import streamlit as st

from snapgui.study.reading.access import Gate
from snapgui.study.reading.serving import CODE_VARIABLE, STUDY_VARIABLE


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
