"""A new matrix: data set, models and presets, the button that starts it, and the work itself."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st
import torch

from snapgui.data.datasets import is_data_set
from snapgui.engine.presets import PRESET_NAMES, PRESETS
from snapgui.errors import SnapError
from snapgui.progress import drain
from snapgui.transfer.read import matrices_folder
from snapgui.transfer.run import TransferOutcome, TransferProgress, run_transfer
from snapgui.transfer.settings import TransferSettings
from snapgui.ui import resources
from snapgui.ui.jobs import Handle, Snapshot
from snapgui.ui.parts.folders import folder_field, typed_path
from snapgui.ui.parts.job import show_job, stage_words, start_job
from snapgui.ui.parts.text import plain, plain_list
from snapgui.words import counted, duration

KIND = "transfer"
ALL = "all patches"


@dataclass(frozen=True)
class TransferTask:
    """What a job is asked."""

    models: tuple[Path, ...]
    data: Path
    out: Path
    settings: TransferSettings


def transfer_work(task: TransferTask, device: str) -> Callable[[Handle], TransferOutcome]:
    """Work that drains one matrix."""

    def work(handle: Handle) -> TransferOutcome:
        steps = run_transfer(task.models, task.data, task.out, task.settings, device=device, stop=handle.stop)
        return drain(steps, handle.report)

    return work


def transfer_controls() -> None:
    """Folder, models, presets and number, and the button that starts the matrix."""
    path = folder_field(
        "Labelled data set on this computer",
        key="transfer_folder",
        placeholder="/path/to/data",
        words="A folder with train_labels.csv (Kaggle's layout), with the folders normal and metastasis, or "
        "with PCam's HDF5 files.",
    )
    known = resources.known_models()
    chosen = st.multiselect(
        "Models",
        list(known),
        default=list(known),
        key="transfer_models",
        help="Patches are made on each of these and tried on all. Models that ship with SNAP Studio and "
        "those fetched into the workspace are listed.",
    )
    typed = typed_path(
        st.text_input(
            "A further checkpoint on this computer (may stay empty)",
            key="transfer_path",
            placeholder="/path/to/model.safetensors",
        )
    )
    presets = st.multiselect(
        "Presets",
        PRESET_NAMES,
        default=["natural", "paper"],
        key="transfer_presets",
        help=plain_list(f"{name}: {PRESETS[name].words}" for name in PRESET_NAMES),
    )
    task, reason = None, "Type the path of a labelled data set and press Enter."
    try:
        if path:
            task, reason = _task(Path(path), [known[name] for name in chosen], typed, presets)
    except SnapError as error:
        st.error(plain(error))
        reason = ""
    running = any(job.topic == task for job in resources.registry().active())
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Run matrix",
            type="primary",
            key="run_transfer",
            disabled=task is None or bool(reason) or running,
            on_click=start_transfer,
            args=(task,),
        )
        if reason or running:
            st.caption(plain(reason or "This very matrix is running or waits, see above."))


def _task(
    folder: Path, models: list[Path], typed: str, presets: Sequence[str]
) -> tuple[TransferTask | None, str]:
    if not is_data_set(folder):
        return None, f"{folder} is not a labelled data set; a matrix needs to know which are metastases."
    patches = resources.data_set(str(folder))
    left, middle, right = st.columns(3)
    split = left.selectbox(
        "Split", [*sorted(set(patches.splits), key=lambda name: name == "train"), ALL], key="transfer_split"
    )
    limit = int(middle.number_input("Metastases, at most", 1, 100_000, 40, 20, key="transfer_limit"))
    together = right.checkbox(
        "Also on all models at once",
        value=True,
        key="transfer_together",
        help="Two further lines of the matrix: patches that lower the mean confidence of all models, and "
        "patches made against whichever model is still surest.",
    )
    paths = [*models, *([Path(typed)] if typed else [])]
    if len(paths) < 2:
        return None, "Choose two or more models."
    if not presets:
        return None, "Choose a preset."
    settings = TransferSettings(
        split=None if split == ALL else split,
        limit=limit,
        presets=tuple(name for name in PRESET_NAMES if name in presets),
        together=together,
        shard_size=min(20, max(4, limit // 8)),
        threads=torch.get_num_threads(),
    )
    lines = len(paths) + (2 if together else 0)
    st.caption(
        f"{counted(limit, 'metastasis', 'metastases')} at most, each attacked "
        f"{counted(lines * len(presets), 'time')}: about "
        f"{duration(limit * lines * len(presets) * SECONDS_AN_ATTACK)} on this computer's processor."
    )
    return TransferTask(tuple(paths), folder, matrices_folder(), settings), ""


# A rough figure of two cores, for the words before the start; afterwards the time left is measured.
SECONDS_AN_ATTACK = 4.0


def start_transfer(task: TransferTask) -> None:
    """Hand the matrix to the worker (callback)."""
    start_job(KIND, task.data.name, transfer_work(task, resources.device()), topic=task, brief=_brief_words)


def _brief_words(progress: TransferProgress) -> str:
    left = "" if progress.left_s is None else f", about {duration(progress.left_s)} left"
    return f"{progress.done} of {progress.shards} parts{left}"


def show_transfer_job() -> None:
    """Draw the matrix that this session follows: its progress, or how it ended."""
    show_job(
        KIND,
        lambda job: st.progress(_share(job), text=plain(_words(job))),
        _show_incomplete,
        stop_help="Ends after the present part. What is done stays on disk; the same matrix goes on from it.",
        stopped="The matrix was stopped before it began.",
        lost="The matrix that this page followed is not running any more. What was done is kept: run the "
        "same one again and it goes on from there.",
    )


def _share(job: Snapshot) -> float:
    progress: TransferProgress | None = job.progress
    return progress.done / progress.shards if progress and progress.shards else 0.0


def _words(job: Snapshot) -> str:
    def words(progress: TransferProgress) -> str:
        if not progress.shards:
            return "Looking for metastases that all models recognise"
        return f"{_brief_words(progress)} · now: {progress.doing}"

    return stage_words(job, words, starting="Reading the models", unit="part")


def _show_incomplete(outcome: TransferOutcome) -> None:
    if outcome.failures:
        first = next(iter(outcome.failures.values())).rstrip(".")
        st.warning(
            f"{counted(len(outcome.failures), 'part')} could not be done. The first: {plain(first)}. Run the "
            "same matrix again to try these."
        )
    elif outcome.summary is None:
        st.info("The matrix was stopped. What is done is kept; run the same one again to do the rest.")
