"""Cached demo patches, folders and findings."""

from pathlib import Path

import streamlit as st

from snapgui.data.datasets import picture_files
from snapgui.data.demo import DEMO_FILE, DEMO_FOLDER, DemoPatch, demo_patches
from snapgui.engine.checks import Finding, check_run
from snapgui.engine.victim.victim import Victim
from snapgui.runs.records import RunRequest


@st.cache_data(max_entries=64, show_spinner=False)
def _findings(sha256: str, request: RunRequest, _victim: Victim) -> list[Finding]:
    return check_run(_victim, request.pixels, request.mask, request.attack, true_class=request.true_class)


def find_findings(victim: Victim, request: RunRequest) -> list[Finding]:
    """What is worth saying before a run."""
    return _findings(victim.card.sha256, request, victim)


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
