"""A trial on the reader's page: what goes to the browser, and what comes back."""

import io
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from snapgui.errors import SnapError
from snapgui.study.design.freeze import read_file
from snapgui.study.reading.steps import largest_picture_px, read_answer, read_screen
from snapgui.study.reading.trial import feedback_message, read_pictures, trial_message
from snapgui.study.records import ReaderSession, Response, Stimulus, StoreError, Trial
from snapgui.study.store.folders import study_folder
from snapgui.study.store.store import StudyStore
from snapgui.ui.reader.browser.widget import TRIAL_KEY, sent, trial_widget
from snapgui.ui.reader.frame import told


def show_trial(store: StudyStore, sitting: ReaderSession, trial: Trial) -> None:
    """Show a trial; whatever comes back is kept before the page is drawn again."""
    stimuli = store.study(sitting.reader.study).by_id()
    pictures = read_pictures(study_folder(sitting.reader.study), trial, stimuli)
    message = trial_message(sitting, trial, pictures) | {
        "feedback": st.session_state.get("reader_feedback") if trial.index else None,
        "largest_px": largest_picture_px(store.events(sitting.id)),
        "refused": st.session_state.get("reader_refused", 0),
    }
    trial_widget(
        message, on_answer=lambda: keep_answer(store, sitting), on_shown=lambda: keep_exposure(store, sitting)
    )


def keep_answer(store: StudyStore, sitting: ReaderSession, payload: Any = None) -> None:
    """Keep the answer that the browser sent; the same again changes nothing (callback)."""
    payload = sent(TRIAL_KEY, "answer") if payload is None else payload
    if payload is None:
        return
    try:
        response = read_answer(sitting.trials, payload)
        if store.record(sitting.id, response):
            trial = sitting.trials[response.trial_index]
            st.session_state["reader_feedback"] = _feedback(store, sitting, trial, response)
            if trial.exposure_ms is None:
                store.note(sitting.id, "shown", {**read_screen(payload.get("screen")), "trial": trial.index})
    except SnapError as error:
        if isinstance(error, StoreError):
            st.session_state["reader_trouble"] = str(error)
        # The browser asks anew; where another window was first, it continues with the next trial instead.
        st.session_state["reader_refused"] = st.session_state.get("reader_refused", 0) + 1


def keep_exposure(store: StudyStore, sitting: ReaderSession) -> None:
    """Keep that a timed picture was shown, and for how long, whether or not an answer follows (callback)."""
    screen = read_screen(sent(TRIAL_KEY, "shown"))
    if not screen:
        return
    with told():
        store.note(sitting.id, "shown", screen)


def _feedback(
    store: StudyStore, sitting: ReaderSession, trial: Trial, response: Response
) -> dict[str, Any] | None:
    stimuli = store.study(sitting.reader.study).by_id()
    if not trial.feedback:
        return None
    masks = [_read_mask(sitting, stimuli[name]) for name in trial.stimuli]
    return feedback_message(trial, response, stimuli, masks)


def _read_mask(sitting: ReaderSession, stimulus: Stimulus) -> NDArray[np.bool_] | None:
    if stimulus.mask not in stimulus.files:
        return None
    data = read_file(study_folder(sitting.reader.study), stimulus, stimulus.mask)
    with Image.open(io.BytesIO(data)) as picture:
        return np.asarray(picture.convert("L")) > 127
