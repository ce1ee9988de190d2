"""Cached lines and pictures of saved runs: a run's own files never change, its label may."""

from dataclasses import dataclass

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from snapgui.engine.images import read_pixels
from snapgui.engine.visibility.measures import enlarge
from snapgui.errors import DataError, SnapError
from snapgui.runs.shelf.overview import Overview, Stamp, kept_runs, read_overview
from snapgui.runs.store import run_folder
from snapgui.ui.pixels import data_uri

THUMBNAIL_PX = 96


@dataclass(frozen=True)
class Shelf:
    """What lies in the workspace: the runs that can be read, and why others cannot, by id."""

    runs: tuple[Overview, ...]
    damaged: dict[str, str]


@st.cache_data(max_entries=5000, show_spinner=False)
def _overview(run_id: str, stamp: Stamp) -> Overview:
    return read_overview(run_id)


def shelf() -> Shelf:
    """Every saved run; raises DataError where the workspace cannot be read."""
    runs, damaged = [], {}
    for run_id, stamp in kept_runs().items():
        try:
            runs.append(_overview(run_id, stamp))
        except DataError as error:
            damaged[run_id] = str(error)
    return Shelf(tuple(runs), damaged)


@st.cache_data(max_entries=400, show_spinner=False)
def thumbnails(run_id: str) -> tuple[str, str]:
    """A run's pictures before and after as data URIs, each pixel shown whole; empty where one is damaged."""
    before, after = (_thumbnail(run_id, name) for name in ("original.png", "adversarial.png"))
    return before, after


def _thumbnail(run_id: str, name: str) -> str:
    try:
        return data_uri(_whole_pixels(read_pixels(run_folder(run_id) / name)))
    except (OSError, SnapError):
        return ""


def _whole_pixels(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The middle of a picture, at most 96 px a side, at 1:1; a smaller one enlarged by a whole number."""
    height, width = pixels.shape[:2]
    top, left = max(0, (height - THUMBNAIL_PX) // 2), max(0, (width - THUMBNAIL_PX) // 2)
    part = pixels[top : top + THUMBNAIL_PX, left : left + THUMBNAIL_PX]
    return enlarge(part, max(1, THUMBNAIL_PX // max(part.shape[:2])))
