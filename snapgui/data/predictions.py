"""What a victim says of picture files."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from snapgui.engine.images import read_window, to_image
from snapgui.engine.victim.victim import Victim


def predict_files(victim: Victim, files: Sequence[Path], *, batch_size: int = 64) -> NDArray[np.float64]:
    """Probabilities ``(N, K)`` for pictures of 96 x 96 px; raises ImageError for one that is unreadable or of
    another size.
    """
    rows = [np.empty((0, len(victim.card.classes)))]
    for start in range(0, len(files), batch_size):
        images = torch.stack([to_image(read_window(file)) for file in files[start : start + batch_size]])
        rows.append(victim.predict(images).double().cpu().numpy())
    return np.concatenate(rows)


def predictions_csv(names: Sequence[str], p: NDArray[np.float64], classes: Sequence[str]) -> str:
    """One row a picture for probabilities ``(N, K)``: ``file``, ``p_CLASS`` for each class, ``predicted``."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["file", *(f"p_{name}" for name in classes), "predicted"])
    for name, row in zip(names, p, strict=True):
        writer.writerow([name, *(f"{value:.6f}" for value in row), classes[int(row.argmax())]])
    return stream.getvalue()
