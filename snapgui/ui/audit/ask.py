"""A new audit: what is asked, and the button that starts it."""

from collections.abc import Sequence
from pathlib import Path

import streamlit as st
import torch

from snapgui.audit.read import audits_folder
from snapgui.audit.settings import GROUPS, SOURCES, AuditSettings, conditions_of
from snapgui.audit.words import GROUP_WORDS, settings_words
from snapgui.data.datasets import PatchSet, is_data_set, picture_files
from snapgui.engine.victim.victim import Victim
from snapgui.errors import DataError, SnapError
from snapgui.ui import resources
from snapgui.ui.audit.audits import AuditTask
from snapgui.ui.audit.estimate import estimate_words
from snapgui.ui.audit.progress import start_audit
from snapgui.ui.jobs import Snapshot
from snapgui.ui.parts.chip import KINDS
from snapgui.ui.parts.folders import folder_field
from snapgui.ui.parts.job import work_button
from snapgui.ui.parts.text import plain
from snapgui.ui.state import SnapState, bench_settings
from snapgui.words import counted, listed, shorten

ALL = "all patches"
# About ten shards: only finished ones survive a stop, and only after the first is the time known. Below 8
# images batches get small.
SHARDS, LEAST_SHARD, MOST_SHARD = 10, 8, 32
CLASS_OF = {"metastasis": (1,), "normal": (0,), "both": (0, 1)}
PLURAL = {"metastasis": "metastases", "normal": "normal patches"}
QUICK, FULL, OWN = "Quick look: 24 patches", "Full", "Own number"
QUICK_COUNT, OWN_COUNT = 24, 200


def audit_controls(state: SnapState, victim: Victim) -> None:
    """Folder, split, number, class and comparisons, and the button that starts the audit."""
    path = folder_field(
        "Labelled data set on this computer",
        key="audit_folder",
        placeholder="/path/to/data",
        words="A folder with train_labels.csv (Kaggle's layout), with the folders normal and metastasis, or "
        "with PCam's HDF5 files: an audit "
        "needs the true classes.",
    )
    task, reason = None, "Type the path of a labelled data set and press Enter."
    if path:
        try:
            task, reason = _ask(state, Path(path), victim)
        except SnapError as error:
            st.error(plain(error))
            reason = ""
    running = resources.registry().active()
    before = [job for job in running if job.topic == task] if task is not None else []
    if before:
        reason = "This very audit is running or waits, see above. Stop it, or change something."
    with st.container(horizontal=True, vertical_alignment="center"):
        work_button(
            "Add to the queue" if running else "Run audit",
            task,
            start_audit,
            key="run_audit",
            ready=not reason,
            type="primary",
        )
        if reason:
            st.caption(plain(reason))
        elif running:
            st.caption(plain(queue_words(running)))


def queue_words(running: Sequence[Snapshot]) -> str:
    """What has to end before new work begins, the oldest first."""
    named = [
        f"{KINDS.get(job.kind.split()[0], (job.kind, ''))[0]} of {shorten(job.label)}" for job in running
    ]
    first = f"{named[0]} is running"
    waiting = f", {listed(named[1:])} {'waits' if len(named) == 2 else 'wait'}" if named[1:] else ""
    return f"{first}{waiting}. The audit begins when {'it has' if len(named) == 1 else 'all have'} ended."


def _ask(state: SnapState, folder: Path, victim: Victim) -> tuple[AuditTask | None, str]:
    """The controls that need a data set; gives what is asked, and why it cannot be done."""
    patches = _labelled(folder)
    splits = sorted(set(patches.splits), key=lambda name: (name == "train", name))
    # A row that breaks where the window is narrow.
    with st.container(horizontal=True, vertical_alignment="top"):
        split = st.selectbox(
            "Split",
            [*splits, ALL] if len(splits) > 1 else splits,
            key="audit_split",
            width=170,
            persist_state="session",
            help="The part of the data set that is audited. On its training patches the model looks better "
            "than it is.",
        )
        in_split = patches if split == ALL else patches.split(split)
        limit = _ask_number(len(in_split))
        source = st.segmented_control(
            "True class attacked",
            SOURCES,
            default="metastasis",
            required=True,
            key="audit_source",
            persist_state="session",
            help="Images of this class that the model classifies correctly are attacked, each towards the "
            "other class.",
        )
        groups = st.multiselect(
            "Also compare",
            list(GROUP_WORDS),
            key="audit_groups",
            width=240,
            persist_state="session",
            format_func=GROUP_WORDS.__getitem__,
            placeholder="nothing else",
            help="SNAP over several areas, numbers of cells, colours allowed or places. Each makes the audit "
            "longer. The controls (the same cells filled without optimisation, a square, the whole image) "
            "are always included.",
        )
    cells, attack = bench_settings()
    chosen = in_split if limit is None else in_split.sample(limit, seed=0)
    settings = AuditSettings(
        split=None if split == ALL else split,
        limit=limit,
        source=source or "metastasis",
        groups=tuple(group for group in GROUPS if group == "standard" or group in groups),
        cells=cells,
        attack=attack,
        shard_size=min(MOST_SHARD, max(LEAST_SHARD, -(-len(chosen) // SHARDS))),
        threads=torch.get_num_threads(),
    )
    count = sum(int(label) in CLASS_OF[settings.source] for label in chosen.labels)
    which = "" if settings.source == "both" else f", {count:,} of them {PLURAL[settings.source]}"
    st.markdown(
        f"{len(chosen):,} patches{plain(which)}; each of those that the model classifies correctly is "
        f"altered in {len(conditions_of(settings))} ways. "
        f"**{plain(estimate_words(settings, count, victim))}**"
    )
    st.caption(f"As set on the Workbench: {plain(settings_words(cells, attack))}.")
    task = AuditTask(state.model_path or resources.shipped_model(), folder, audits_folder(), settings)
    if not count:
        return (
            task,
            (
                f"None of these patches is labelled {settings.source}, so there is nothing to attack. "
                "Choose another split or class, or more patches."
            ),
        )
    if len(victim.card.classes) != 2:
        return (
            task,
            (
                f"The model has {len(victim.card.classes)} classes; labels of these data sets are "
                "normal and metastasis. Load a model with two."
            ),
        )
    return task, ""


def _ask_number(there: int) -> int | None:
    """How many patches at most; None takes all."""
    much = st.segmented_control(
        "Patches",
        (QUICK, FULL, OWN),
        default=QUICK,
        required=True,
        key="audit_much",
        persist_state="session",
        format_func=lambda name: f"{FULL}: {there:,}" if name == FULL else name,
        help="Less than all are a fixed random sample. A quick look tells whether an audit is worth its "
        "time; its intervals are wide.",
    )
    if much == FULL:
        return None
    if much != OWN:
        return QUICK_COUNT
    return int(
        st.number_input(
            "Number of patches, at most",
            1,
            1_000_000,
            OWN_COUNT,
            50,
            key="audit_limit",
            width=200,
            persist_state="session",
        )
    )


def _labelled(folder: Path) -> PatchSet:
    """The data set in a folder; raises DataError, also where the pictures have no labels."""
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder. Give the path of a folder with a labelled data set.")
    if is_data_set(folder):
        return resources.data_set(str(folder))
    try:
        what = f"{counted(len(picture_files([folder])), 'picture')} without true classes"
    except SnapError:
        what = "neither labels nor pictures"
    raise DataError(
        f"{folder} holds {what}. An audit needs to know which patches are metastases: add "
        "train_labels.csv with the columns id and label and put the pictures in train/ (Kaggle's layout), "
        "or give a folder with PCam's HDF5 files."
    )
