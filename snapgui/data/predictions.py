"""What a victim says of picture files."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from snapgui.engine.images import read_window_told, to_image
from snapgui.engine.tissue import why_not_tissue
from snapgui.engine.victim.victim import Victim
from snapgui.errors import ImageError
from snapgui.words import as_text, defuse


def predict_files(
    victim: Victim, files: Sequence[Path], *, batch_size: int = 64
) -> tuple[list[Path], NDArray[np.float64], list[str], list[str]]:
    """What a victim says of pictures of 96 x 96 px.

    Returns:
        The files that were read, their probabilities ``(N, K)``, why others were not, and of which white had
        to be guessed or which show no tissue, in sentences.

    Raises:
        ImageError: none can be read; in the words of the first.
    """
    read: list[Path] = []
    rows = [np.empty((0, len(victim.card.classes)))]
    refused: list[str] = []
    told: list[str] = []
    guesses: list[str] = []
    for start in range(0, len(files), batch_size):
        images = []
        for file in files[start : start + batch_size]:
            try:
                pixels, guessed = read_window_told(file)
                guesses += [guessed] if guessed else []
                images.append(to_image(pixels))
                read.append(file)
                if instead := why_not_tissue(pixels):
                    told.append(
                        f"{as_text(file.name)} shows {instead}, not tissue that can be read: its class means "
                        "nothing."
                    )
            except ImageError as error:
                refused.append(str(error))
        if images:
            rows.append(victim.predict(torch.stack(images)).cpu().double().numpy())
    if refused and not read:
        raise ImageError(refused[0])
    if guesses:
        others = f" So it is with {len(guesses) - 1:,} more, each by itself." if len(guesses) > 1 else ""
        told.insert(0, f"{guesses[0]}{others}")
    return read, np.concatenate(rows), refused, told


def predictions_csv(names: Sequence[str], p: NDArray[np.float64], classes: Sequence[str]) -> str:
    """One row a picture for probabilities ``(N, K)``: ``file``, ``p_CLASS`` for each class, ``predicted``.

    Names that a spreadsheet would compute are defused.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["file", *(f"p_{name}" for name in classes), "predicted"])
    for name, row in zip(names, p, strict=True):
        predicted = classes[int(row.argmax())]
        writer.writerow([defuse(name), *(f"{value:.6f}" for value in row), defuse(predicted)])
    return stream.getvalue()
