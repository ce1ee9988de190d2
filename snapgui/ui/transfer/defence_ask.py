"""A new table of defences: data set, defences and presets, the button that starts it, and the work itself."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st
import torch

from snapgui.engine.defences.catalogue import DEFENCE_WORDS
from snapgui.engine.defences.named import defence_of
from snapgui.engine.presets import PresetName
from snapgui.engine.victim.victim import Victim
from snapgui.errors import SnapError
from snapgui.progress import drain
from snapgui.transfer.plan import defence_contest
from snapgui.transfer.read import matrices_folder
from snapgui.transfer.run import TransferOutcome, run_contest
from snapgui.transfer.settings import TransferSettings
from snapgui.ui.jobs import Handle
from snapgui.ui.parts.text import plain, plain_list
from snapgui.ui.transfer.asking import ask_folder, ask_patches, ask_presets, run_button
from snapgui.ui.transfer.job import start_contest
from snapgui.words import counted

KIND = "defend"
# Cheap ones that differ in kind.
FIRST = ("jpeg", "median", "shift", "nuclei")
# What a search by scores costs is told by their number; enough to see a masked gradient.
QUERIES = 200


@dataclass(frozen=True)
class DefenceTask:
    """What a job is asked."""

    model_sha256: str
    defences: tuple[str, ...]
    data: Path
    out: Path
    settings: TransferSettings


def defence_work(victim: Victim, task: DefenceTask) -> Callable[[Handle], TransferOutcome]:
    """Work that drains one table."""

    def work(handle: Handle) -> TransferOutcome:
        contest = defence_contest(victim, [defence_of(words) for words in task.defences])
        steps = run_contest(contest, task.data, task.out, task.settings, stop=handle.stop)
        return drain(steps, handle.report)

    return work


def defence_controls(victim: Victim) -> None:
    """Folder, defences, presets and number, and the button that starts the table."""
    path = ask_folder(KIND)
    chosen = st.multiselect(
        "Defences",
        list(DEFENCE_WORDS),
        default=list(FIRST),
        key="defend_names",
        format_func=lambda name: defence_of(name).name,
        help=plain_list(f"{name}: {words}" for name, words in DEFENCE_WORDS.items()),
    )
    presets = ask_presets(KIND, ("natural", "strong"))
    task, reason = None, "Type the path of a labelled data set and press Enter."
    try:
        if path:
            task, reason = _task(victim, Path(path), chosen, presets)
    except SnapError as error:
        st.error(plain(error))
        reason = ""
    run_button(KIND, "Try defences", task, reason, lambda asked: start_defence(victim, asked))


def _task(
    victim: Victim, folder: Path, chosen: Sequence[str], presets: tuple[PresetName, ...]
) -> tuple[DefenceTask | None, str]:
    split, limit, beside = ask_patches(KIND, folder, 20)
    search = beside.checkbox(
        "Also an attacker who sees scores alone",
        value=False,
        key="defend_search",
        help=f"Random search with {QUERIES} questions a picture. Where it beats the attack through the "
        "defence, the gradient is masked and that attack's number means nothing.",
    )
    if not chosen:
        return None, "Choose a defence."
    if not presets:
        return None, "Choose a preset."
    settings = TransferSettings(
        split=split,
        limit=limit,
        presets=presets,
        together=False,
        clean=100,
        queries=QUERIES if search else 0,
        shard_size=min(20, max(4, limit // 4)),
        threads=torch.get_num_threads(),
    )
    st.caption(
        f"{counted(limit, 'metastasis', 'metastases')} at most, attacked without each defence and through it."
        " Votes take as many times longer as they have votes; the time left is told after the first part."
    )
    return DefenceTask(victim.card.sha256, tuple(chosen), folder, matrices_folder(), settings), ""


def start_defence(victim: Victim, task: DefenceTask) -> None:
    """Hand the table to the worker."""
    start_contest(KIND, task.data.name, defence_work(victim, task), task)
