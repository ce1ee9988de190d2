"""What a matrix and a table of defences both ask."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from snapgui.data.datasets import is_data_set
from snapgui.engine.presets import PRESET_NAMES, PRESETS, PresetName
from snapgui.errors import DataError
from snapgui.ui import resources
from snapgui.ui.parts.folders import folder_field
from snapgui.ui.parts.job import Task, work_button
from snapgui.ui.parts.text import plain, plain_list

ALL = "all patches"


def ask_folder(kind: str) -> str:
    """The labelled data set; empty where none is given."""
    return folder_field(
        "Labelled data set on this computer",
        key=f"{kind}_folder",
        placeholder="/path/to/data",
        words="A folder with train_labels.csv (Kaggle's layout), with the folders normal and metastasis, or "
        "with PCam's HDF5 files.",
    )


def ask_presets(kind: str, first: Sequence[PresetName]) -> tuple[PresetName, ...]:
    """The presets, in their own order."""
    chosen = st.multiselect(
        "Presets",
        PRESET_NAMES,
        default=list(first),
        key=f"{kind}_presets",
        help=plain_list(f"{name}: {PRESETS[name].words}" for name in PRESET_NAMES),
    )
    return tuple(name for name in PRESET_NAMES if name in chosen)


def ask_patches(kind: str, folder: Path, first: int) -> tuple[str | None, int, Any]:
    """The split (None takes all), how many metastases at most, and the place for one more control beside
    them; raises DataError for a folder without labels.
    """
    if not is_data_set(folder):
        raise DataError(
            f"{folder} is not a labelled data set; it must be known which patches are metastases."
        )
    patches = resources.data_set(str(folder))
    left, middle, right = st.columns(3)
    split = left.selectbox(
        "Split", [*sorted(set(patches.splits), key=lambda name: name == "train"), ALL], key=f"{kind}_split"
    )
    limit = int(middle.number_input("Metastases, at most", 1, 100_000, first, 10, key=f"{kind}_limit"))
    return None if split == ALL else split, limit, right


def run_button(kind: str, label: str, task: Task | None, reason: str, start: Callable[[Task], None]) -> None:
    """The button that starts ``task``, and why it cannot where it cannot."""
    running = any(job.topic == task for job in resources.registry().active())
    with st.container(horizontal=True, vertical_alignment="center"):
        work_button(
            label,
            task,
            start,
            key=f"run_{kind}",
            ready=not reason and not running,
            type="primary",
        )
        if reason or running:
            st.caption(plain(reason or "This very one is running or waits, see above."))
