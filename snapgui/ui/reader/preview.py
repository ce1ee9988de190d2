"""A reader's page tried by who makes the study: the same page, of which nothing is kept."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import streamlit as st

from snapgui.errors import SnapError
from snapgui.study.design.texts import instructions_text
from snapgui.study.reading.preview import Preview
from snapgui.study.reading.trial import key_words
from snapgui.ui.parts.text import plain
from snapgui.ui.reader.browser.widget import TRIAL_KEY, sent, trial_widget
from snapgui.ui.reader.frame import reader_column, reader_style, show_trouble, told
from snapgui.ui.reader.steps import KEPT_WORDS

KEY, CAME_FROM_DRAFT = "reader_preview", "reader_preview_of_draft"


@dataclass(frozen=True)
class Tried:
    """A preview and the step at which it is."""

    preview: Preview
    step: Literal["consent", "instructions", "trials"] = "consent"


def begin_preview(make: Callable[[], Preview]) -> None:
    """Show a preview from the next drawing on (callback); what keeps from it is told there."""
    with told():
        tried = Tried(make())
        st.session_state[KEY] = tried
        st.session_state[CAME_FROM_DRAFT] = tried.preview.draft


def is_previewing() -> bool:
    """Whether this session tries a reader's page."""
    return KEY in st.session_state


def was_previewing() -> bool:
    """Whether this session tried a study that is not made yet, and so comes back to it."""
    return bool(st.session_state.get(CAME_FROM_DRAFT))


def show_preview() -> None:
    """Draw the page as a reader sees it, with a way out."""
    reader_style()
    tried: Tried = st.session_state[KEY]
    preview, trial = tried.preview, tried.preview.trial
    if tried.step == "trials" and trial is not None:
        trial_widget(preview.message(), on_answer=take_answer, on_shown=lambda: None)
    else:
        with reader_column():
            st.header(plain(preview.settings.title), anchor=False)
            if tried.step == "consent":
                st.markdown(plain(preview.settings.consent) or KEPT_WORDS)
                _next("I agree and continue", replace(tried, step="instructions"))
            elif tried.step == "instructions":
                st.subheader("What to do", anchor=False)
                st.markdown(plain(preview.settings.instructions or instructions_text(preview.settings.kind)))
                st.markdown(key_words(preview.trials[0]))
                _next("Continue", replace(tried, step="trials"))
            else:
                st.markdown(
                    "That was the preview. A reader goes on like this to the end; the screen is measured "
                    "after the consent."
                )
    show_trouble()
    with st.container(
        key="reader_foot", horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
    ):
        st.caption("Preview: nothing of it is kept.", width="content")
        st.button("Leave the preview", key="preview_leave", on_click=_leave)


def take_answer(payload: Any = None) -> None:
    """Go on to the next trial (callback)."""
    payload = sent(TRIAL_KEY, "answer") if payload is None else payload
    if payload is None:
        return
    tried: Tried = st.session_state[KEY]
    try:
        st.session_state[KEY] = replace(tried, preview=tried.preview.answered(payload))
    except SnapError as error:
        st.session_state["reader_trouble"] = str(error)


def _next(label: str, following: Tried) -> None:
    st.button(plain(label), key="preview_next", type="primary", on_click=_go, args=(following,))


def _go(following: Tried) -> None:
    st.session_state[KEY] = following


def _leave() -> None:
    st.session_state.pop(KEY, None)
