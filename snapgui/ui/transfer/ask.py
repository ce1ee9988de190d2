"""A new matrix: data set, models and presets, the button that starts it, and the work itself."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import streamlit as st
import torch

from snapgui.engine.presets import PresetName
from snapgui.errors import SnapError
from snapgui.progress import drain
from snapgui.transfer.read import matrices_folder
from snapgui.transfer.run import TransferOutcome, run_transfer
from snapgui.transfer.settings import TransferSettings
from snapgui.ui import resources
from snapgui.ui.jobs import Handle
from snapgui.ui.parts.folders import typed_path
from snapgui.ui.parts.text import plain
from snapgui.ui.transfer.asking import ask_folder, ask_patches, ask_presets, run_button
from snapgui.ui.transfer.job import start_contest
from snapgui.words import counted, duration

KIND = "transfer"
# A rough figure of two cores, for the words before the start; afterwards the time left is measured.
SECONDS_AN_ATTACK = 4.0


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
    path = ask_folder(KIND)
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
    presets = ask_presets(KIND, ("natural", "paper"))
    models = [*(known[name] for name in chosen), *([Path(typed)] if typed else [])]
    task, reason = None, "Type the path of a labelled data set and press Enter."
    try:
        if path:
            task, reason = _task(Path(path), models, presets)
    except SnapError as error:
        st.error(plain(error))
        reason = ""
    run_button(KIND, "Run matrix", task, reason, start_transfer)


def _task(
    folder: Path, models: list[Path], presets: tuple[PresetName, ...]
) -> tuple[TransferTask | None, str]:
    split, limit, beside = ask_patches(KIND, folder, 40)
    together = beside.checkbox(
        "Also on all models at once",
        value=True,
        key="transfer_together",
        help="Two further lines of the matrix: patches that lower the mean confidence of all models, and "
        "patches made against whichever model is still surest.",
    )
    if len(models) < 2:
        return None, "Choose two or more models."
    if not presets:
        return None, "Choose a preset."
    settings = TransferSettings(
        split=split,
        limit=limit,
        presets=presets,
        together=together,
        shard_size=min(20, max(4, limit // 8)),
        threads=torch.get_num_threads(),
    )
    attacks = (len(models) + (2 if together else 0)) * len(presets)
    st.caption(
        f"{counted(limit, 'metastasis', 'metastases')} at most, each attacked {counted(attacks, 'time')}: "
        f"about {duration(limit * attacks * SECONDS_AN_ATTACK)} on this computer's processor."
    )
    return TransferTask(tuple(models), folder, matrices_folder(), settings), ""


def start_transfer(task: TransferTask) -> None:
    """Hand the matrix to the worker."""
    start_contest(KIND, task.data.name, transfer_work(task, resources.device()), task)
