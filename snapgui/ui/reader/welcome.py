"""Before a reader's session: the access code where there is one, and the welcome."""

import streamlit as st

from snapgui.study.design.texts import duration_words
from snapgui.study.reading.steps import begin_session, with_dash
from snapgui.study.store.store import StudyStore
from snapgui.ui.parts.text import plain
from snapgui.ui.reader.frame import enter, show_trouble, told
from snapgui.ui.reader.resources import gate


def is_let_in() -> bool:
    """Whether this reader need not type a code, or has."""
    return gate() is None or bool(st.session_state.get("reader_let_in"))


def show_gate() -> None:
    """Ask for the access code."""
    st.header("Access code", anchor=False)
    st.markdown("Type the access code that you were given with this address.")
    with st.form("reader_gate", border=False, width=360):
        st.text_input("Access code", key="reader_code", max_chars=20, autocomplete="off")
        st.form_submit_button("Continue", on_click=_try_code)
    show_trouble()


def _try_code() -> None:
    door = gate()
    with told():
        st.session_state["reader_let_in"] = door is None or door.check(
            st.session_state["reader_code"], st.context.ip_address
        )
        if not st.session_state["reader_let_in"]:
            st.session_state["reader_trouble"] = (
                "This is not the access code. Check the letters and try again."
            )
    st.session_state["reader_code"] = ""


def show_welcome(store: StudyStore, study: str) -> None:
    """Title, how long it takes, and two ways in: as a new reader, or with the letters of before."""
    settings = store.study(study).settings
    trials = max(len(trials) for trials in store.study(study).lists[0])
    st.header(plain(settings.title), anchor=False)
    sessions = (
        ""
        if settings.sessions == 1
        else (
            f" You are asked to come {settings.sessions} times, with at least {settings.washout_days} "
            "days between."
        )
    )
    st.markdown(
        f"Thank you for taking part. One session has {trials:,} "
        f"{'pairs of pictures' if settings.kind == 'B' else 'pictures'} and takes "
        f"{plain(duration_words(settings.kind, trials))}."
        f"{plain(sessions)} You need a keyboard and a quiet place; sit as you do at work."
    )
    st.button(
        "Begin as a new reader", key="reader_begin", type="primary", on_click=_begin_new, args=(store, study)
    )
    with (
        st.expander("I was here before", expanded=bool(st.session_state.get("reader_trouble"))),
        st.form("reader_again", border=False, width=360),
    ):
        st.text_input(
            "Your eight letters",
            key="reader_letters",
            max_chars=20,
            placeholder="ABCD-EFGH",
            autocomplete="off",
        )
        st.form_submit_button("Continue", on_click=_begin_again, args=(store, study))
    show_trouble()


def _begin_new(store: StudyStore, study: str) -> None:
    _begin(store, study, None)


def _begin_again(store: StudyStore, study: str) -> None:
    _begin(store, study, with_dash(st.session_state["reader_letters"]))


def _begin(store: StudyStore, study: str, letters: str | None) -> None:
    with told():
        enter(begin_session(store, study, letters))
