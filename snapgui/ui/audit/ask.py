"""A new audit: what is asked, and the button that starts it."""

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
from snapgui.ui.parts.folders import folder_field
from snapgui.ui.state import SnapState, bench_settings
from snapgui.words import counted

ALL = "all patches"
# About ten shards: only finished ones survive a stop, and only after the first is the time known. Below 8
# images batches get small.
SHARDS, LEAST_SHARD, MOST_SHARD = 10, 8, 32
CLASS_OF = {"metastasis": (1,), "normal": (0,), "both": (0, 1)}
PLURAL = {"metastasis": "metastases", "normal": "normal patches"}


def audit_controls(state: SnapState, victim: Victim) -> None:
    """Folder, split, limit, class and comparisons, and the button that starts the audit."""
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
            st.error(str(error))
            reason = ""
    running = resources.registry().active()
    if task is not None and running:
        reason = (
            "An audit is running, see below. Stop it or wait for its end."
            if any(job.kind == "audit" for job in running)
            else "Other work is running. Wait for its end or stop it on its own page."
        )
    st.button(
        "Run audit",
        type="primary",
        key="run_audit",
        disabled=task is None or bool(reason),
        on_click=start_audit,
        args=(task,),
    )
    if reason:
        st.caption(reason)


def _ask(state: SnapState, folder: Path, victim: Victim) -> tuple[AuditTask | None, str]:
    """The controls that need a data set; gives what is asked, and why it cannot be done."""
    patches = _labelled(folder)
    left, middle, right, last = st.columns([1, 0.8, 1.35, 1.6])
    splits = sorted(set(patches.splits), key=lambda name: (name == "train", name))
    split = left.selectbox(
        "Split",
        [*splits, ALL] if len(splits) > 1 else splits,
        key="audit_split",
        persist_state="session",
        help="The part of the data set that is audited. On its training patches the model looks better than "
        "it is.",
    )
    limit = middle.number_input(
        "Number of patches, at most",
        1,
        1_000_000,
        200,
        50,
        key="audit_limit",
        persist_state="session",
        help="A fixed random sample of this many patches.",
    )
    source = right.segmented_control(
        "True class attacked",
        SOURCES,
        default="metastasis",
        required=True,
        key="audit_source",
        persist_state="session",
        help="Images of this class that the model classifies correctly are attacked, each towards the "
        "other class.",
    )
    groups = last.multiselect(
        "Also compare",
        list(GROUP_WORDS),
        key="audit_groups",
        persist_state="session",
        format_func=GROUP_WORDS.__getitem__,
        placeholder="nothing else",
        help="SNAP over several areas, numbers of cells, colour gamuts or placements. Each makes the audit "
        "longer. The controls (the same cells filled without optimisation, a square, the whole image) are "
        "always included.",
    )
    cells, attack = bench_settings()
    chosen = (patches if split == ALL else patches.split(split)).sample(int(limit), seed=0)
    settings = AuditSettings(
        split=None if split == ALL else split,
        limit=int(limit),
        source=source or "metastasis",
        groups=tuple(group for group in GROUPS if group == "standard" or group in groups),
        cells=cells,
        attack=attack,
        shard_size=min(MOST_SHARD, max(LEAST_SHARD, -(-len(chosen) // SHARDS))),
        threads=torch.get_num_threads(),
    )
    count = sum(int(label) in CLASS_OF[settings.source] for label in chosen.labels)
    which = "" if settings.source == "both" else f", {count:,} of them {PLURAL[settings.source]}"
    st.caption(
        f"As set on the Workbench: {settings_words(cells, attack)}.  \n{len(chosen):,} "
        f"patches{which}; each of those that the model classifies correctly is altered in "
        f"{len(conditions_of(settings))} ways. {estimate_words(settings, count)}"
    )
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
