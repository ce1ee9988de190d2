"""Cached demo patches and folders."""

from pathlib import Path

import streamlit as st

from snapgui.data.datasets import picture_files
from snapgui.data.demo import DEMO_FILE, DemoPatch, demo_patches
from snapgui.shipped import DEMO_FOLDER


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
