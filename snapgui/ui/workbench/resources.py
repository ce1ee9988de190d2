"""Cached predictions and findings."""

from collections.abc import Callable
from typing import Any

import numpy as np
import streamlit as st
import torch
from numpy.typing import NDArray

from snapgui.engine.checks import Finding, check_run
from snapgui.engine.images import to_image
from snapgui.engine.victim.victim import ModelCard, Victim
from snapgui.runs.records import RunRequest

# By the whole card, not by the weights alone: classes, input size and normalisation change the answer too. By
# its text, as Streamlit's own hash of hundreds of details takes longer than a page has.
BY_CARD: dict[str | type[Any], Callable[[Any], Any]] = {ModelCard: repr}


@st.cache_data(max_entries=256, show_spinner=False, hash_funcs=BY_CARD)
def _logits(card: ModelCard, pixels: NDArray[np.uint8], _victim: Victim) -> torch.Tensor:
    with torch.no_grad():
        return _victim(to_image(pixels)[None].to(_victim.mean.device)).float().cpu()


def predict_pixels(victim: Victim, pixels: NDArray[np.uint8]) -> tuple[float, ...]:
    """Probability of each class for one image."""
    return tuple(map(float, victim.probabilities(_logits(victim.card, pixels, victim))[0]))


@st.cache_data(max_entries=64, show_spinner=False, hash_funcs=BY_CARD)
def _findings(card: ModelCard, request: RunRequest, _victim: Victim) -> list[Finding]:
    return check_run(
        _victim,
        request.pixels,
        request.mask,
        request.attack,
        true_class=request.true_class,
        clean=_logits(card, request.pixels, _victim)[0],
    )


def find_findings(victim: Victim, request: RunRequest) -> list[Finding]:
    """What a person should know before a run."""
    return _findings(victim.card, request, victim)
