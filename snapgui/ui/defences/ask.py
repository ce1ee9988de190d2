"""A new table of defences: data set, defences and presets, the button that starts it, and the work itself."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st
import torch

from snapgui.data.datasets import is_data_set
from snapgui.engine.defences.named import DEFENCES, defence_of
from snapgui.engine.presets import PRESET_NAMES, PRESETS
from snapgui.engine.victim.victim import Victim
from snapgui.errors import SnapError
from snapgui.progress import drain
from snapgui.transfer.plan import defence_contest
from snapgui.transfer.read import matrices_folder
from snapgui.transfer.run import TransferOutcome, TransferProgress, run_contest
from snapgui.transfer.settings import TransferSettings
from snapgui.ui import resources
from snapgui.ui.jobs import Handle, Snapshot
from snapgui.ui.parts.folders import folder_field
from snapgui.ui.parts.job import show_job, stage_words, start_job
from snapgui.ui.parts.text import plain, plain_list
from snapgui.words import counted, duration

KIND = "defend"
ALL = "all patches"
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
        return drain(
            run_contest(contest, task.data, task.out, task.settings, stop=handle.stop), handle.report
        )

    return work


def defence_controls(victim: Victim) -> None:
    """Folder, defences, presets and number, and the button that starts the table."""
    path = folder_field(
        "Labelled data set on this computer",
        key="defend_folder",
        placeholder="/path/to/data",
        words="A folder with train_labels.csv (Kaggle's layout), with the folders normal and metastasis, or "
        "with PCam's HDF5 files.",
    )
    chosen = st.multiselect(
        "Defences",
        list(DEFENCES),
        default=list(FIRST),
        key="defend_names",
        format_func=lambda name: defence_of(name).name,
        help=plain_list(f"{name}: {words}" for name, (_, _, words) in DEFENCES.items()),
    )
    presets = st.multiselect(
        "Presets",
        PRESET_NAMES,
        default=["natural", "strong"],
        key="defend_presets",
        help=plain_list(f"{name}: {PRESETS[name].words}" for name in PRESET_NAMES),
    )
    task, reason = None, "Type the path of a labelled data set and press Enter."
    try:
        if path:
            task, reason = _task(victim, Path(path), chosen, presets)
    except SnapError as error:
        st.error(plain(error))
        reason = ""
    running = any(job.topic == task for job in resources.registry().active())
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Try defences",
            type="primary",
            key="run_defend",
            disabled=task is None or bool(reason) or running,
            on_click=start_defence,
            args=(victim, task),
        )
        if reason or running:
            st.caption(plain(reason or "This very table is running or waits, see above."))


def _task(
    victim: Victim, folder: Path, chosen: Sequence[str], presets: Sequence[str]
) -> tuple[DefenceTask | None, str]:
    if not is_data_set(folder):
        return None, f"{folder} is not a labelled data set; it must be known which are metastases."
    patches = resources.data_set(str(folder))
    left, middle, right = st.columns(3)
    split = left.selectbox(
        "Split", [*sorted(set(patches.splits), key=lambda name: name == "train"), ALL], key="defend_split"
    )
    limit = int(middle.number_input("Metastases, at most", 1, 100_000, 20, 10, key="defend_limit"))
    search = right.checkbox(
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
        split=None if split == ALL else split,
        limit=limit,
        presets=tuple(name for name in PRESET_NAMES if name in presets),
        together=False,
        clean=100,
        queries=QUERIES if search else 0,
        shard_size=min(20, max(4, limit // 4)),
        batch_size=20,
        threads=torch.get_num_threads(),
    )
    st.caption(
        f"{counted(limit, 'metastasis', 'metastases')} at most, attacked without each defence and through it."
        " Votes take as many times longer as they have votes; the time left is told after the first part."
    )
    return DefenceTask(victim.card.sha256, tuple(chosen), folder, matrices_folder(), settings), ""


def start_defence(victim: Victim, task: DefenceTask) -> None:
    """Hand the table to the worker (callback)."""
    start_job(KIND, task.data.name, defence_work(victim, task), topic=task, brief=_brief_words)


def _brief_words(progress: TransferProgress) -> str:
    left = "" if progress.left_s is None else f", about {duration(progress.left_s)} left"
    return f"{progress.done} of {progress.shards} parts{left}"


def show_defence_job() -> None:
    """Draw the table that this session follows: its progress, or how it ended."""
    show_job(
        KIND,
        lambda job: st.progress(_share(job), text=plain(_words(job))),
        _show_incomplete,
        stop_help="Ends after the present part. What is done stays on disk; the same table goes on from it.",
        stopped="The table was stopped before it began.",
        lost="The table that this page followed is not running any more. What was done is kept: ask for the "
        "same one again and it goes on from there.",
    )


def _share(job: Snapshot) -> float:
    progress: TransferProgress | None = job.progress
    return progress.done / progress.shards if progress and progress.shards else 0.0


def _words(job: Snapshot) -> str:
    def words(progress: TransferProgress) -> str:
        return f"{_brief_words(progress)} · now: {progress.doing}"

    return stage_words(job, words, starting="Reading the patches", unit="part")


def _show_incomplete(outcome: TransferOutcome) -> None:
    if outcome.failures:
        first = next(iter(outcome.failures.values())).rstrip(".")
        st.warning(
            f"{counted(len(outcome.failures), 'part')} could not be done. The first: {plain(first)}. Ask for "
            "the same table again to try these."
        )
    elif outcome.summary is None:
        st.info("The table was stopped. What is done is kept; ask for the same one again to do the rest.")
