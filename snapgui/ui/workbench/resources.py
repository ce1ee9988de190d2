"""Cached demo patches, folders, predictions and findings."""

from pathlib import Path

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from snapgui.data.datasets import picture_files
from snapgui.data.demo import DEMO_FILE, DemoPatch, demo_patches
from snapgui.engine.checks import Finding, check_run
from snapgui.engine.images import to_image
from snapgui.engine.victim.victim import ModelCard, Victim
from snapgui.runs.records import RunRequest
from snapgui.shipped import DEMO_FOLDER


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


@st.cache_data(show_spinner=False, max_entries=2)
def _demo_list(stamp: int) -> list[DemoPatch]:
    return list(demo_patches())


def list_demo_patches() -> list[DemoPatch]:
    """The demo patches, none where they are missing; raises DataError where they are not what was shipped."""
    listing = DEMO_FOLDER / DEMO_FILE
    return _demo_list(listing.stat().st_mtime_ns) if listing.is_file() else []


@st.cache_data(max_entries=4, ttl=60, show_spinner="Reading the folder")
def folder_files(folder: str) -> list[Path]:
    """Picture files of a folder, sorted; raises ImageError if there are none."""
    return picture_files([Path(folder)])
