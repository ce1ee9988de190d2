"""Around a reader's session: which study, which session, the letters, the way out."""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from snapgui.errors import SnapError
from snapgui.study.reading.serving import SURROUND
from snapgui.study.records import ReaderSession, StudyError
from snapgui.study.store.store import StudyStore
from snapgui.ui.parts.text import plain
from snapgui.ui.reader.resources import only_study

INK, GREY, PAPER = (SURROUND[name] for name in ("textColor", "backgroundColor", "secondaryBackgroundColor"))
LINE, ACCENT = SURROUND["borderColor"], SURROUND["primaryColor"]
# No bar of the program above the pictures, no fading while the next trial is fetched, room for the picture;
# everything but the picture and the bar above it in one column in the middle. The greys are the study's own:
# Streamlit's theme follows the reader's system, and what surrounds a picture must not.
_STYLE = f"""<style>
[data-testid="stHeader"], [data-testid="stToolbar"], [data-testid="stStatusWidget"] {{ display: none; }}
[data-testid="stMainBlockContainer"] {{ padding: 1rem 2rem 0.5rem 2rem; max-width: none; }}
[data-stale="true"] {{ opacity: 1 !important; transition: none !important; }}
.st-key-reader_column, .st-key-reader_foot {{ width: 100%; max-width: 760px; margin: 0 auto; }}
.st-key-reader_column {{ padding-top: 6vh; }}

:root, body {{ color-scheme: light; }}
body, .stApp, [data-testid="stPopoverBody"] {{ color: {INK} !important; background: {GREY} !important; }}
[data-testid="stPopoverBody"], .stApp details, .stApp input {{ border-color: {LINE} !important; }}
.stApp :is(h1, h2, h3, p, label, summary, input, a), [data-testid="stPopoverBody"] p {{
  color: inherit !important;
}}
.stApp summary {{ background: none !important; }}
.stApp [data-testid="stExpanderDetails"] {{ border-color: {LINE} !important; }}
.stApp input::placeholder {{ color: {INK} !important; opacity: 0.6; }}
[data-testid="stTextInputRootElement"], [data-testid="stAlertContainer"],
[data-testid^="stBaseButton-secondary"], [data-testid="stPopoverButton"] {{
  color: {INK} !important; background: {PAPER} !important; border-color: {LINE} !important;
}}
[data-testid="stBaseButton-primary"] {{ background: {ACCENT} !important; border-color: {ACCENT} !important; }}
[data-testid="stBaseButton-primary"] p {{ color: #ffffff !important; }}
</style>"""


def reader_style() -> None:
    """Take away what is not the reader's, and lay the rest in the middle, alike for every reader."""
    st.html(_STYLE)


def reader_column() -> DeltaGenerator:
    """The column in the middle in which everything stands but the trials."""
    return st.container(key="reader_column")


def named_study(store: StudyStore) -> str:
    """The study that the address names; raises StudyError where there is none, or where this process offers
    another.
    """
    named, only = st.query_params.get("study", ""), only_study()
    if only and named not in ("", only):
        raise StudyError("Another study is offered here. Open the address that you were given.")
    name = only or named
    store.study(name)
    return name


def present_sitting(store: StudyStore, study: str) -> ReaderSession | None:
    """The session that the address names; None before one is begun.

    A reload is noted, once for each time that the page is opened.

    Raises:
        StudyError: no such session, or one of another study.
    """
    named = st.query_params.get("sitting")
    if not named:
        return None
    sitting = store.session(named)
    if sitting.reader.study != study:
        raise StudyError("This session belongs to another study. Open the address that you were given.")
    if st.session_state.get("reader_sitting") != sitting.id:
        st.session_state["reader_sitting"] = sitting.id
        following = store.next_trial(sitting.id)
        if store.events(sitting.id):
            store.note(sitting.id, "reloaded", {"trial": following.index if following else None})
    return sitting


def enter(sitting: ReaderSession) -> None:
    """Continue a session, whose secret name stands in the address from now on."""
    st.session_state["reader_sitting"] = sitting.id
    st.query_params["sitting"] = sitting.id


def reader_foot(store: StudyStore, sitting: ReaderSession) -> None:
    """What went wrong, the reader's letters, and the way out."""
    show_trouble()
    with st.container(
        key="reader_foot",
        horizontal=True,
        horizontal_alignment="distribute",
        vertical_alignment="center",
    ):
        st.caption(f"Your letters: **{plain(sitting.reader.pseudonym)}**", width="content")
        if all(kind != "withdrawn" for kind, _ in store.events(sitting.id)):
            with st.popover("Withdraw", key="reader_withdraw"):
                st.markdown(
                    "You may stop at any time by closing the page; with the same address you can continue "
                    "later. If you withdraw, the answers of this session are left out of the analysis. This "
                    "cannot be taken back."
                )
                st.button(
                    "Withdraw my answers",
                    key="reader_withdraw_now",
                    on_click=_withdraw,
                    args=(store, sitting.id),
                )


def _withdraw(store: StudyStore, sitting_id: str) -> None:
    with told():
        store.note(sitting_id, "withdrawn")


@contextmanager
def told() -> Iterator[None]:
    """What a callback could not do is told when the page is drawn again, see `show_trouble`."""
    try:
        yield
    except SnapError as error:
        st.session_state["reader_trouble"] = str(error)


def show_trouble() -> None:
    """What went wrong since the page was drawn last, once."""
    if trouble := st.session_state.pop("reader_trouble", ""):
        st.error(plain(trouble))
