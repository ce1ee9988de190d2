"""Requests of runs that have not ended: a process that is killed loses the steps, but not what was asked."""

import json
import shutil

import numpy as np

from snapgui.engine.cells.outlines import read_mask
from snapgui.engine.images import encode_png, read_pixels
from snapgui.engine.settings import AttackSettings, CellSettings
from snapgui.errors import DAMAGED, DataError, SnapError
from snapgui.runs.records import RunRequest
from snapgui.runs.store import run_folder
from snapgui.workspace import workspace, write_whole

KEPT = 20


def save_request(run_id: str, request: RunRequest) -> None:
    """Remember what a run was asked until `drop_request`; raises DataError where the workspace cannot be
    written.
    """
    folder = workspace() / "unfinished" / run_folder(run_id).name
    values = {
        "attack": request.attack.to_json(),
        "cells": request.cells.to_json() if request.cells else None,
        "image_name": request.image_name,
        "mask_source": request.mask_source,
        "true_class": request.true_class,
        "synthetic": request.synthetic,
    }
    files = {
        "original.png": encode_png(request.pixels),
        "mask.png": encode_png(request.mask.astype(np.uint8) * 255),
        "request.json": json.dumps(values).encode(),
    }
    write_whole(folder, files, advice="Free space; the run itself continues.")
    for old in sorted(path for path in folder.parent.iterdir() if not path.name.startswith("."))[:-KEPT]:
        shutil.rmtree(old, ignore_errors=True)


def load_request(run_id: str) -> RunRequest:
    """What an unfinished run was asked; raises DataError if there is none of this name."""
    folder = workspace() / "unfinished" / run_folder(run_id).name
    try:
        values = json.loads((folder / "request.json").read_text(encoding="utf-8"))
        pixels = read_pixels(folder / "original.png")
        mask = read_mask((folder / "mask.png").read_bytes(), shape=(pixels.shape[0], pixels.shape[1]))
        attack = AttackSettings.from_json(values.pop("attack"))
        cells = values.pop("cells")
        return RunRequest(pixels, mask, attack, CellSettings.from_json(cells) if cells else None, **values)
    except (*DAMAGED, SnapError) as error:
        raise DataError(f"There is no unfinished run {run_id} ({str(error)[:120]}).") from error


def drop_request(run_id: str) -> None:
    """Forget a request whose run has ended."""
    shutil.rmtree(workspace() / "unfinished" / run_folder(run_id).name, ignore_errors=True)
