"""What all pages share of one process: its jobs, its device, the victim, thumbnails, the data set last read.

What one room alone caches stands in the ``resources.py`` of that room.
"""

import logging
import os
from pathlib import Path

import streamlit as st
import torch

from snapgui import shipped
from snapgui.data.datasets import PatchSet, open_data_set
from snapgui.engine.images import read_pixels
from snapgui.engine.victim.memory import keep_freed_memory
from snapgui.engine.victim.victim import Victim, choose_device
from snapgui.errors import ModelError, SnapError
from snapgui.provenance import device_name
from snapgui.ui.jobs import Registry
from snapgui.ui.pixels import thumbnail_uri
from snapgui.words import counted
from snapgui.workspace import workspace


def shipped_model() -> Path:
    """The checkpoint that the app starts with; SNAP_MODEL names another."""
    return Path(os.environ.get("SNAP_MODEL") or shipped.MODEL)


@st.cache_resource(show_spinner=False)
def prepare_process() -> None:
    """Once a process: leave one core to the page, keep freed memory, log to the terminal."""
    torch.set_num_threads(max(1, (os.cpu_count() or 2) - 1))
    keep_freed_memory()
    logging.basicConfig(level=logging.WARNING)


@st.cache_resource(show_spinner=False)
def registry() -> Registry:
    """The background jobs of this process."""
    return Registry()


def device() -> str:
    """A GPU where there is one."""
    return choose_device().type


def device_words() -> str:
    """The device for people, for instance ``CPU, 1 thread``."""
    if device() != "cpu":
        return device_name(choose_device())
    return f"CPU, {counted(torch.get_num_threads(), 'thread')}"


def known_models() -> dict[str, Path]:
    """Checkpoints that need no path: those that ship, and those fetched into the workspace, by name."""
    folders = (shipped_model().parent, workspace() / "models")
    return {path.stem: path for folder in folders for path in sorted(folder.glob("*.safetensors"))}


def load_victim(path: Path | None) -> Victim:
    """The victim of a checkpoint, the shipped one where none is named; raises ModelError with what does not
    fit.
    """
    chosen = path or shipped_model()
    try:
        stamp = chosen.stat().st_mtime_ns, _card_stamp(chosen)
    except OSError as error:
        if path is None:
            raise ModelError(
                f"The shipped model {chosen.name} is missing. Train one with “python -m snapgui train”, "
                "or load a checkpoint of your own on the Model page."
            ) from error
        raise ModelError(
            f"{chosen} cannot be read ({error.strerror}). Check the name and the rights."
        ) from error
    return _load_victim(str(chosen), stamp, device())


def _card_stamp(path: Path) -> int:
    card = path.with_suffix(".json")
    return card.stat().st_mtime_ns if card.is_file() else 0


@st.cache_resource(max_entries=2, show_spinner="Loading the model")
def _load_victim(path: str, stamp: tuple[int, int], device: str) -> Victim:
    return Victim.load(Path(path), device=device)


@st.cache_data(max_entries=1000, show_spinner=False)
def _thumbnail(path: str, stamp: int) -> str:
    try:
        return thumbnail_uri(read_pixels(Path(path)))
    except SnapError:
        return ""


def thumbnail(path: Path) -> str:
    """A picture file as a small data URI; empty where it cannot be read."""
    return _thumbnail(str(path), path.stat().st_mtime_ns if path.is_file() else 0)


@st.cache_data(max_entries=1000, ttl=600, show_spinner=False)
def patch_thumbnail(folder: str, row: int, _patches: PatchSet) -> str:
    """One patch of a data set as a small data URI; empty where it cannot be read."""
    try:
        return thumbnail_uri(_patches.pixels(row))
    except SnapError:
        return ""


@st.cache_resource(max_entries=2, ttl=600, show_spinner="Reading the data set")
def data_set(folder: str) -> PatchSet:
    """A labelled data set; raises DataError with what is missing."""
    return open_data_set(Path(folder))
