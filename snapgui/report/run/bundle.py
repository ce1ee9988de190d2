"""What goes into a run's ZIP: the files of its folder, its figure, manifest and hashes."""

from snapgui.report.bundle.manifest import make_bundle
from snapgui.report.run.figure import figure_png
from snapgui.runs.files import bundle_files
from snapgui.runs.records import RunResult


def bundle_zip(result: RunResult) -> bytes:
    """The files of a run with manifest and hashes as one ZIP; the same run gives the same bytes."""
    request = result.request
    return make_bundle(
        bundle_files(result) | {"figure.png": figure_png(result)},
        {
            "kind": "run",
            "name": result.run_id,
            "started": result.started,
            "model": {"name": result.model_name, "sha256": result.model_sha256},
            "inputs": {
                "image": request.image_name,
                "synthetic": request.synthetic,
                "rgb_sha256": result.image_sha256,
            },
            "settings": {
                "attack": request.attack.to_json(),
                "cells": request.cells.to_json() if request.cells else None,
            },
            "device": result.device,
            "made_with": dict(result.versions),
        },
    )
