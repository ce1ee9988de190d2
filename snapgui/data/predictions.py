"""What a victim says of picture files."""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from snapgui.engine.images import read_window, to_image
from snapgui.engine.victim import Victim


@dataclass(frozen=True)
class Prediction:
    """One picture's probabilities, in the order of the victim's classes."""

    file: str
    p: tuple[float, ...]


def predict_files(
    victim: Victim, files: Sequence[Path], *, batch_size: int = 64, progress: Callable[[int], None] | None = None
) -> list[Prediction]:
    """Predictions for pictures of 96 x 96 px; raises ImageError for one that cannot be read or is of another size."""
    predictions: list[Prediction] = []
    for start in range(0, len(files), batch_size):
        chosen = files[start : start + batch_size]
        images = torch.stack([to_image(read_window(file)) for file in chosen])
        rows = victim.predict(images).cpu()
        predictions += [Prediction(str(file), tuple(map(float, row))) for file, row in zip(chosen, rows, strict=True)]
        if progress:
            progress(len(predictions))
    return predictions


def predictions_csv(predictions: Sequence[Prediction], classes: Sequence[str]) -> str:
    """The columns ``file``, ``p_CLASS`` for each class, and ``predicted``."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["file", *(f"p_{name}" for name in classes), "predicted"])
    for prediction in predictions:
        top = max(range(len(classes)), key=prediction.p.__getitem__)
        writer.writerow([prediction.file, *(f"{p:.6f}" for p in prediction.p), classes[top]])
    return stream.getvalue()
