"""Predicting a folder in the background: controls, progress, and what came out."""

import math
from pathlib import Path

import streamlit as st

from snapgui.data.datasets import is_data_set
from snapgui.engine.victim.victim import Victim
from snapgui.errors import DataError, SnapError
from snapgui.statistics import share
from snapgui.training.evaluate import figures_of
from snapgui.ui import resources
from snapgui.ui.jobs import Snapshot
from snapgui.ui.model.charts import confusion_chart, roc_chart
from snapgui.ui.model.prediction import (
    FolderAnswer,
    FolderTask,
    answer_csv,
    confusion,
    folder_work,
    labelled_task,
    plain_task,
)
from snapgui.ui.parts.charts import show_chart
from snapgui.ui.parts.folders import folder_field
from snapgui.ui.parts.job import find_job, show_job, stage_words, start_job, work_button
from snapgui.ui.parts.text import plain
from snapgui.words import below_chance, per_cent

KIND = "folder"


def predict_controls(victim: Victim) -> FolderTask | None:
    """Folder, split and limit, and the button that starts the prediction; gives what it would predict."""
    path = folder_field(
        "Folder on this computer",
        key="predict_folder",
        placeholder="/path/to/patches",
        words="A folder of 96 px patches, or a labelled data set (train_labels.csv, class "
        "folders, or PCam's HDF5 files).",
    )
    task = None
    if path:
        try:
            task = _task(Path(path))
        except SnapError as error:
            st.error(plain(error))
    job = find_job(KIND)
    if task is not None:
        st.caption(
            f"{len(task.names):,} patches to predict."
            + (" Their true classes are known." if task.labels is not None else "")
        )
    work_button(
        "Predict",
        task,
        lambda asked: start_prediction(victim, asked),
        key="predict",
        ready=job is None or not job.active,
        type="primary",
    )
    return task


def _task(folder: Path) -> FolderTask:
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder. Give the path of a folder with patches.")
    if not is_data_set(folder):
        return plain_task(folder)
    patches = resources.data_set(str(folder))
    left, right, _ = st.columns([1, 1, 2])
    split = left.selectbox(
        "Split",
        sorted(set(patches.splits), key=lambda name: (name == "train", name)),
        key="predict_split",
        help="The part of the data set to predict.",
    )
    limit = right.number_input(
        "Number of patches, at most",
        10,
        1_000_000,
        500,
        100,
        key="predict_limit",
        help="A fixed random sample of this many patches.",
    )
    return labelled_task(folder, patches, split=split, limit=limit)


def start_prediction(victim: Victim, task: FolderTask) -> None:
    """Hand the folder to the worker."""
    start_job(
        KIND,
        task.folder.name,
        folder_work(victim, task),
        topic=task,
        brief=lambda done: f"{done:,} of {len(task.names):,} patches",
    )


def show_folder_run() -> None:
    """Draw the prediction that this session follows."""
    show_job(
        KIND,
        lambda job: st.progress((job.progress or 0) / len(job.topic.names), text=plain(_progress_words(job))),
        show_answer,
        stop_help="What is predicted until then is shown.",
        stopped="The prediction was stopped before it began.",
        lost="The prediction that this page followed is not available any more. Predict again.",
    )


def _progress_words(job: Snapshot) -> str:
    return stage_words(
        job,
        lambda done: f"{done:,} of {len(job.topic.names):,} patches predicted",
        starting="Starting",
        unit="batch",
    )


def show_answer(answer: FolderAnswer) -> None:
    """Counts, table and CSV; accuracy, confusion and ROC where the true classes are known."""
    where = f"{answer.task.folder.name}{f', {answer.task.split}' if answer.task.split else ''}"
    st.markdown(
        f"**{plain(where)}: {len(answer.names):,} patches predicted by {plain(answer.model_name)}**"
        + (" (stopped before the end)" if answer.stopped else "")
    )
    if answer.refused:
        st.warning(f"{len(answer.refused):,} files were left out. The first: {plain(answer.refused[0])}")
    if answer.told:
        others = f" So it is with {len(answer.told) - 1:,} more." if answer.told[1:] else ""
        st.caption(plain(f"{answer.told[0]}{others}"))
    if not answer.names:
        return
    if answer.labels is not None and len(answer.classes) == 2:
        _show_accuracy(answer)
    counts = [int((answer.predicted == index).sum()) for index in range(len(answer.classes))]
    st.caption(
        "Model says: "
        + plain(", ".join(f"{name} {count:,}" for name, count in zip(answer.classes, counts, strict=True)))
    )
    st.download_button(
        "Table (CSV)",
        answer_csv(answer),
        f"{answer.task.folder.name}-predictions.csv",
        "text/csv",
        key="predictions_csv",
        on_click="ignore",
    )
    columns = {name: answer.p[:, index] * 100 for index, name in enumerate(answer.classes)}
    st.dataframe(
        {"File": answer.names, **columns, "Model says": [answer.classes[i] for i in answer.predicted]},
        # Numbers, not words, so that a click on the title sorts them.
        column_config={name: st.column_config.NumberColumn(format="%.1f %%") for name in columns},
        hide_index=True,
        height=240,
    )


def _show_accuracy(answer: FolderAnswer) -> None:
    assert answer.labels is not None
    found = figures_of(answer.labels, answer.p[:, 1])
    low, high = found.accuracy_interval
    one_class = math.isnan(found.auc)
    auc = "not defined, since only one class is here" if one_class else f"{found.auc:.3f}"
    st.markdown(
        f"Accuracy **{per_cent(found.accuracy)}** (95 % interval {low * 100:.1f} to "
        f"{high * 100:.1f}), AUC **{plain(auc)}**"
    )
    right_ones = int((answer.predicted == answer.labels).sum())
    if doubt := below_chance(share(right_ones, len(answer.labels))):
        st.warning(plain(doubt))
    left, right = st.columns(2)
    with left:
        show_chart(
            confusion_chart(confusion(answer.labels, answer.predicted, 2), answer.classes),
            key="confusion",
        )
    if not one_class:
        with right:
            show_chart(roc_chart(answer.labels, answer.p[:, 1]), key="roc")
        right.caption("ROC curve; the dot is the model's own threshold of 50 %.")
