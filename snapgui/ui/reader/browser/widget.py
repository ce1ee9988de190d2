"""The two components of the reader's page: the trial and the display check."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from snapgui.study.reading.serving import SURROUND

HERE = Path(__file__).parent
TRIAL_KEY, DISPLAY_KEY = "reader_trial", "reader_display"


def _read(file: str) -> str:
    return (HERE / file).read_text(encoding="utf-8")


# The theme's colours would follow the reader's system, see `serving.SURROUND`.
_COLOURS = {
    "text-color": "textColor",
    "secondary-background-color": "secondaryBackgroundColor",
    "border-color": "borderColor",
}
_VARIABLES = " ".join(f"--st-{name}: {SURROUND[key]};" for name, key in _COLOURS.items())
_SURROUND = f":is(.trial, .check) {{ {_VARIABLES} }}\n"
_trial = st.components.v2.component(
    "snap_trial", html=_read("trial.html"), css=_SURROUND + _read("trial.css"), js=_read("trial.js")
)
_display = st.components.v2.component(
    "snap_display", html=_read("display.html"), css=_SURROUND + _read("display.css"), js=_read("display.js")
)


def trial_widget(
    message: dict[str, Any], *, on_answer: Callable[[], None], on_shown: Callable[[], None]
) -> None:
    """Show a trial, see `study.trial_message`; it stays in place from one trial to the next.

    ``on_answer`` and ``on_shown`` (after a timed exposure) are called before the page is drawn again; `sent`
    gives what came.
    """
    _trial(key=TRIAL_KEY, data=message, on_answer_change=on_answer, on_shown_change=on_shown)


def display_widget(*, on_measured: Callable[[], None]) -> None:
    """Let a reader measure the screen with a bank card; ``on_measured`` is called with it, or with their
    having none.
    """
    _display(key=DISPLAY_KEY, on_measured_change=on_measured)


def sent(key: str, name: str) -> Any:
    """What a component has just sent under a name, in its callback."""
    return (st.session_state.get(key) or {}).get(name)
