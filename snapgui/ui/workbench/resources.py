"""Cached predictions and findings."""

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from snapgui.engine.checks import Finding, check_run
from snapgui.engine.images import to_image
from snapgui.engine.victim.victim import ModelCard, Victim
from snapgui.runs.records import RunRequest


# By the whole card, not by the weights alone: classes, input size and normalisation change the answer too.
@st.cache_data(max_entries=256, show_spinner=False)
def _predict(card: ModelCard, pixels: NDArray[np.uint8], _victim: Victim) -> tuple[float, ...]:
    return tuple(map(float, _victim.predict(to_image(pixels)[None])[0]))


def predict_pixels(victim: Victim, pixels: NDArray[np.uint8]) -> tuple[float, ...]:
    """Probability of each class for one image."""
    return _predict(victim.card, pixels, victim)


@st.cache_data(max_entries=64, show_spinner=False)
def _findings(card: ModelCard, request: RunRequest, _victim: Victim) -> list[Finding]:
    return check_run(_victim, request.pixels, request.mask, request.attack, true_class=request.true_class)


def find_findings(victim: Victim, request: RunRequest) -> list[Finding]:
    """What a person should know before a run."""
    return _findings(victim.card, request, victim)
