"""The steps of a reader's session: consent, display check, instructions, trials, breaks, thanks."""

import streamlit as st

from snapgui.study.design.texts import SECOND_PART, instructions_text
from snapgui.study.reading.steps import Step, find_progress, find_step, read_display
from snapgui.study.reading.trial import key_words
from snapgui.study.records import ReaderSession, Trial
from snapgui.study.store.store import StudyStore
from snapgui.ui.parts.text import plain
from snapgui.ui.reader.browser.widget import DISPLAY_KEY, display_widget, sent
from snapgui.ui.reader.frame import reader_column, show_trouble, told

KEPT_WORDS = (
    "What is kept: your answers, how long they took, and the size and distance of your screen. Your name is "
    "neither asked nor kept. You may stop at any time by closing the page."
)


def present_step(store: StudyStore, sitting: ReaderSession) -> tuple[Step, Trial | None]:
    """The step that is due, and the first trial without an answer."""
    following = store.next_trial(sitting.id)
    settings = store.study(sitting.reader.study).settings
    events = store.events(sitting.id)
    return find_step(sitting.trials, following, events, break_every=settings.break_every), following


def show_step(store: StudyStore, sitting: ReaderSession, step: Step, following: Trial | None) -> None:
    """Draw a step that is no trial."""
    settings = store.study(sitting.reader.study).settings
    with reader_column():
        st.header(plain(settings.title), anchor=False)
        if step == "consent":
            _show_letters(sitting)
            st.markdown(plain(settings.consent) or KEPT_WORDS)
            st.button(
                "I agree and continue",
                key="reader_consent",
                type="primary",
                shortcut="A",
                on_click=_note,
                args=(store, sitting.id, "consent"),
            )
        elif step == "display":
            st.subheader("Your screen", anchor=False)
            display_widget(on_measured=lambda: _keep_display(store, sitting.id))
            show_trouble()
        elif step == "instructions":
            st.subheader("What to do", anchor=False)
            st.markdown(plain(settings.instructions) or plain(instructions_text(settings.kind)))
            st.markdown(key_words(sitting.trials[0]))
            _continue(store, sitting, "instructions", {"part": 1})
        elif step == "second_part" and following is not None:
            st.subheader("The second part", anchor=False)
            st.markdown(SECOND_PART)
            st.markdown(key_words(following))
            _continue(store, sitting, "instructions", {"part": 2})
        elif step == "break" and following is not None:
            progress = find_progress(sitting.trials, following.index)
            st.subheader("A break", anchor=False)
            st.markdown(
                f"{progress.done:,} of {progress.total:,} are done. Look into the distance for a while, "
                "then continue when you like."
            )
            _continue(store, sitting, "break", {"before": following.index})
        elif step == "thanks":
            st.subheader("Thank you", anchor=False)
            st.markdown(_thanks(sitting, settings.sessions, settings.washout_days))
        else:
            st.subheader("You have withdrawn", anchor=False)
            st.markdown(
                "The answers of this session are left out of the analysis. Thank you for your "
                "time; you may close this page."
            )


def _show_letters(sitting: ReaderSession) -> None:
    st.markdown(
        "Write down these letters. They stand for you, and with them you can continue at another time "
        "or computer:"
    )
    st.header(plain(sitting.reader.pseudonym), anchor=False)


def _continue(store: StudyStore, sitting: ReaderSession, kind: str, data: dict[str, int]) -> None:
    st.button(
        "Continue",
        key=f"reader_{kind}_{data}",
        type="primary",
        shortcut="Enter",
        on_click=_note,
        args=(store, sitting.id, kind, data),
    )


def _note(store: StudyStore, sitting_id: str, kind: str, data: dict[str, int] | None = None) -> None:
    """Keep that a step was taken, once (callback)."""
    with told():
        if (kind, data or {}) not in store.events(sitting_id):
            store.note(sitting_id, kind, data)


def _keep_display(store: StudyStore, sitting_id: str) -> None:
    with told():
        store.note(sitting_id, "display", read_display(sent(DISPLAY_KEY, "measured")))


def _thanks(sitting: ReaderSession, sessions: int, washout_days: int) -> str:
    if sitting.number + 1 < sessions:
        return (
            "This session is complete and every answer is kept. Please come again in "
            f"{washout_days} days or later: open the address that you "
            "were given, choose “I was here before” and type your letters "
            f"**{plain(sitting.reader.pseudonym)}**."
        )
    return "The session is complete and every answer is kept. You may close this page."
