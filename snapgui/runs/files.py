"""A run's files: what is written to its folder."""

import csv
import io
import json
import math
from dataclasses import asdict
from typing import Any

import numpy as np

from snapgui.engine.cells.qupath import cells_geojson
from snapgui.engine.images import encode_png
from snapgui.engine.visibility.gamut_shares import gamut_shares
from snapgui.runs.picture_text import MADE_TO_FOOL, run_text
from snapgui.runs.records import RunResult


def bundle_files(result: RunResult) -> dict[str, bytes]:
    """The files of a run by name, in the order of reading."""
    request = result.request
    return {
        "original.png": encode_png(request.pixels, text=run_text(result, "The picture before.")),
        "adversarial.png": adversarial_png(result),
        "mask.png": encode_png(
            request.mask.astype(np.uint8) * 255, text=run_text(result, "White marks where pixels may change.")
        ),
        "curve.csv": curve_csv(result).encode(),
        "result.json": (json.dumps(result_json(result), indent=2, allow_nan=False) + "\n").encode(),
    }


def adversarial_png(result: RunResult) -> bytes:
    """The changed picture at its own size, saying of itself what it is."""
    return encode_png(result.adversarial, text=run_text(result, MADE_TO_FOOL))


def run_geojson(result: RunResult) -> bytes:
    """Cells and altered pixels as annotations of QuPath."""
    changed = (result.request.pixels != result.adversarial).any(axis=2)
    return cells_geojson(result.request.mask, changed)


def curve_csv(result: RunResult) -> str:
    """The confidence curve, one row a step: ``step,p_CLASS,...,best_p_target``."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["step", *(f"p_{name}" for name in result.classes), "best_p_target"])
    for point in result.curve:
        writer.writerow([point.step, *(f"{p:.6f}" for p in point.p), f"{point.best_p_target:.6f}"])
    return stream.getvalue()


def result_json(result: RunResult) -> dict[str, Any]:
    """Everything about a run but its pixels, as plain values; an unlimited PSNR becomes null."""
    request, target = result.request, result.target
    return {
        "run_id": result.run_id,
        "started": result.started,
        "success": result.success,
        "flipped": result.flipped,
        "stopped": result.stopped,
        "p_target_before": result.p_before[target],
        "p_target_after": result.p_after[target],
        "p_before": list(result.p_before),
        "p_after": list(result.p_after),
        "classes": list(result.classes),
        "target": target,
        "steps": result.steps,
        "best_step": result.best_step,
        "area_fraction": result.area_fraction,
        "centre": result.centre,
        "gamut": request.attack.gamut,
        "seed": request.attack.seed,
        "seconds": result.seconds,
        "attack": request.attack.to_json(),
        "cells": request.cells.to_json() if request.cells else None,
        "mask_source": request.mask_source,
        "image_name": request.image_name,
        "true_class": request.true_class,
        "synthetic": request.synthetic,
        "model_name": result.model_name,
        "model_sha256": result.model_sha256,
        "image_sha256": result.image_sha256,
        "device": result.device,
        "versions": dict(result.versions),
        "p_target_controls": dict(result.controls),
        "visibility": {
            region: {
                name: value if math.isfinite(value) else None for name, value in asdict(measured).items()
            }
            for region, measured in result.visibility.items()
        },
        "gamut_shares": asdict(
            gamut_shares(request.pixels, result.adversarial, stains=request.attack.stains)
        ),
        "findings": list(result.findings),
        **({"generator_sha256": result.generator_sha256} if result.generator_sha256 else {}),
        **({"naturalness": asdict(result.naturalness)} if result.naturalness else {}),
    }
