"""Prediction of a whole folder or labelled data set: plain functions, no Streamlit."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from snapgui.data.datasets import PatchSet, picture_files
from snapgui.data.predictions import predictions_csv
from snapgui.engine.images import Told, read_told, require_window, to_image
from snapgui.engine.victim.victim import Victim
from snapgui.errors import ImageError
from snapgui.ui.jobs import Handle
from snapgui.words import as_text

BATCH = 32


@dataclass(frozen=True)
class FolderTask:
    """What to predict: names, how to read each, labels where the folder is a data set."""

    folder: Path
    names: tuple[str, ...]
    read: Callable[[int], Told]
    labels: NDArray[np.int64] | None = None
    split: str = ""


@dataclass(frozen=True)
class FolderAnswer:
    """What a victim says of a folder.

    Attributes:
        names: of the pictures that were read.
        p: float64 ``(N, K)``, probability of each class.
        labels: int64 ``(N,)``, where known.
        refused: one sentence for each picture that was not read.
        told: one for each of which it had to be guessed what white is.
        stopped: a person stopped it before its end.
    """

    task: FolderTask
    names: tuple[str, ...]
    p: NDArray[np.float64]
    labels: NDArray[np.int64] | None
    refused: tuple[str, ...]
    told: tuple[str, ...]
    stopped: bool
    classes: tuple[str, ...]
    model_name: str
    model_sha256: str

    @property
    def predicted(self) -> NDArray[np.int64]:
        """Most probable class of each picture, int64 ``(N,)``."""
        return self.p.argmax(axis=1)


def plain_task(folder: Path) -> FolderTask:
    """Every picture file of a folder; raises ImageError if there is none."""
    files = picture_files([folder])
    return FolderTask(folder, tuple(as_text(path.name) for path in files), lambda i: read_told(files[i]))


def labelled_task(folder: Path, patches: PatchSet, *, split: str, limit: int) -> FolderTask:
    """A fixed random choice of at most ``limit`` patches of one split."""
    chosen = patches.split(split).sample(limit)
    return FolderTask(folder, chosen.ids, lambda i: (chosen.pixels(i), ""), chosen.labels, split)


def predict_folder(
    victim: Victim, task: FolderTask, *, progress: Callable[[int], None], stop: Callable[[], bool]
) -> FolderAnswer:
    """Predict batch by batch; what is no patch is refused with a sentence, the rest is predicted."""
    kept: list[int] = []
    refused: list[str] = []
    told: list[str] = []
    p = [np.empty((0, len(victim.card.classes)))]
    stopped = False
    for start in range(0, len(task.names), BATCH):
        if stop():
            stopped = True
            break
        images = []
        for i in range(start, min(start + BATCH, len(task.names))):
            try:
                pixels, guessed = task.read(i)
                images.append(to_image(require_window(pixels, task.names[i])))
                kept.append(i)
                told += [guessed] if guessed else []
            except ImageError as error:
                refused.append(str(error))
        if images:
            p.append(victim.predict(torch.stack(images)).cpu().double().numpy())
        progress(min(start + BATCH, len(task.names)))
    return FolderAnswer(
        task,
        tuple(task.names[i] for i in kept),
        np.concatenate(p),
        None if task.labels is None else task.labels[kept],
        tuple(refused),
        tuple(told),
        stopped,
        victim.card.classes,
        victim.card.name,
        victim.card.sha256,
    )


def answer_csv(answer: FolderAnswer) -> str:
    """One row a picture: ``file,p_<class>...,predicted``."""
    return predictions_csv(answer.names, answer.p, answer.classes)


def confusion(labels: NDArray[np.int64], predicted: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """Counts int64 ``(K, K)``: rows are true classes, columns predicted ones."""
    counts = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(counts, (labels, predicted), 1)
    return counts


def roc_points(
    labels: NDArray[np.int64], scores: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """False and true positive share at every threshold, from (0, 0) to (1, 1); ties make one slanted step."""
    order = np.argsort(-scores, kind="stable")
    ends = np.append(np.nonzero(np.diff(scores[order]))[0], len(scores) - 1)
    hits, misses = np.cumsum(labels[order] == 1)[ends], np.cumsum(labels[order] != 1)[ends]
    return np.append(0.0, misses / max(misses[-1], 1)), np.append(0.0, hits / max(hits[-1], 1))


def folder_work(victim: Victim, task: FolderTask) -> Callable[[Handle], FolderAnswer]:
    """Work that predicts every picture of a task."""

    def work(handle: Handle) -> FolderAnswer:
        return predict_folder(victim, task, progress=lambda done: handle.report(done, None), stop=handle.stop)

    return work
