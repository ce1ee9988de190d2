"""The workspace: finished runs on disk, one folder each."""

import csv
import io
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from snapgui.engine.cells.outlines import read_mask
from snapgui.engine.images import decode_pixels
from snapgui.engine.settings import AttackSettings, CellSettings
from snapgui.engine.visibility.measures import Visibility
from snapgui.engine.visibility.naturalness import Naturalness
from snapgui.errors import DAMAGED, DataError, SnapError
from snapgui.runs.checking import RUN_ID, check_record
from snapgui.runs.files import bundle_files
from snapgui.runs.records import CurvePoint, RunRequest, RunResult
from snapgui.workspace import workspace, write_whole


@dataclass(frozen=True)
class RunSummary:
    """One line of the list of runs."""

    run_id: str
    started: str
    image_name: str
    true_class: int | None
    classes: tuple[str, ...]
    p_before: tuple[float, ...]
    p_after: tuple[float, ...]
    target: int
    success: bool
    flipped: bool
    stopped: bool
    steps: int
    area_fraction: float
    centre: str
    texture: str
    gamut: str
    model_name: str
    path: Path


def run_folder(run_id: str) -> Path:
    """The folder of a run; raises DataError for a name that is none, so that no path leaves the workspace."""
    if not RUN_ID.fullmatch(run_id):
        raise DataError(f"“{run_id[:60]}” is not the name of a run. Choose one from the list of runs.")
    return workspace() / "runs" / run_id


def save_run(result: RunResult, folder: Path | None = None) -> Path:
    """Write a run's files to its folder in the workspace, or to ``folder``, as `write_whole` does: without
    ``result.json``, the last of them, a folder is no run.

    Raises:
        DataError: the disk is full or the place cannot be written.
    """
    final = Path(folder) if folder else run_folder(result.run_id)
    write_whole(final, bundle_files(result), advice="Free space or choose another folder for the run.")
    return final


def load_run(run_id: str) -> RunResult:
    """A saved run; raises DataError if it is gone or damaged."""
    return read_run(run_folder(run_id))


def read_run(folder: Path) -> RunResult:
    """A run from the folder of its files; raises DataError if it is gone or damaged."""

    def read(name: str) -> bytes:
        path = folder / name
        if path.exists() and not path.is_file():
            # A named pipe would never end.
            raise DataError(f"{name} is not a file but a folder or a device")
        return path.read_bytes()

    return run_of_files(read, folder.name)


def run_of_files(read: Callable[[str], bytes], name: str) -> RunResult:
    """A run from its files, wherever they lie; raises DataError if one is gone or damaged."""
    try:
        values = check_record(json.loads(read("result.json")))
        original = decode_pixels(read("original.png"), name="original.png")
        adversarial = decode_pixels(read("adversarial.png"), name="adversarial.png")
        if adversarial.shape != original.shape:
            raise DataError("original.png and adversarial.png are of different sizes")
        curve = _read_curve(read("curve.csv").decode(), values["classes"])
        request = RunRequest(
            pixels=original,
            mask=read_mask(read("mask.png"), shape=(original.shape[0], original.shape[1])),
            attack=AttackSettings.from_json(values["attack"]),
            cells=CellSettings.from_json(values["cells"]) if values["cells"] else None,
            image_name=values["image_name"],
            mask_source=values["mask_source"],
            true_class=values["true_class"],
            synthetic=values["synthetic"],
        )
        return RunResult(
            request=request,
            adversarial=adversarial,
            curve=curve,
            visibility={
                region: Visibility(**_with_infinity(numbers))
                for region, numbers in values["visibility"].items()
            },
            p_before=tuple(values["p_before"]),
            p_after=tuple(values["p_after"]),
            classes=tuple(values["classes"]),
            findings=tuple(values["findings"]),
            controls=values["p_target_controls"],
            generator_sha256=values.get("generator_sha256"),
            naturalness=Naturalness.from_json(values["naturalness"]) if "naturalness" in values else None,
            **{
                field: values[field]
                for field in (
                    "run_id",
                    "best_step",
                    "steps",
                    "success",
                    "flipped",
                    "stopped",
                    "area_fraction",
                    "centre",
                    "seconds",
                    "model_name",
                    "model_sha256",
                    "image_sha256",
                    "device",
                    "started",
                    "versions",
                )
            },
        )
    except (*DAMAGED, csv.Error, SnapError) as error:
        raise DataError(f"The run {name} is gone or damaged ({error}). Delete it and run again.") from error


def _with_infinity(numbers: dict[str, Any]) -> dict[str, float]:
    """JSON has no infinity: an unlimited PSNR is stored as null."""
    return {name: float("inf") if value is None else value for name, value in numbers.items()}


def _read_curve(text: str, classes: list[str]) -> tuple[CurvePoint, ...]:
    points = tuple(
        CurvePoint(
            int(row["step"]), tuple(float(row[f"p_{name}"]) for name in classes), float(row["best_p_target"])
        )
        for row in csv.DictReader(io.StringIO(text))
    )
    if not points or not all(
        0 <= value <= 1 for point in points for value in (*point.p, point.best_p_target)
    ):
        raise ValueError("curve.csv holds no probabilities")
    return points


def list_runs() -> list[RunSummary]:
    """Saved runs, the newest first; folders that cannot be read are left out."""
    folder = workspace() / "runs"
    summaries = []
    for path in sorted(folder.glob("*/result.json"), reverse=True) if folder.is_dir() else ():
        if not RUN_ID.fullmatch(path.parent.name):
            continue  # such as a run that is just being written
        try:
            if not path.is_file():
                continue  # a named pipe would never end
            values = check_record(json.loads(path.read_text(encoding="utf-8")))
            summaries.append(
                RunSummary(
                    target=values["attack"]["target"],
                    texture=values["attack"].get("texture", "free"),
                    gamut=values["attack"]["gamut"],
                    path=path.parent,
                    classes=tuple(values["classes"]),
                    p_before=tuple(values["p_before"]),
                    p_after=tuple(values["p_after"]),
                    **{
                        name: values[name]
                        for name in (
                            "run_id",
                            "started",
                            "image_name",
                            "true_class",
                            "success",
                            "flipped",
                            "stopped",
                            "steps",
                            "area_fraction",
                            "centre",
                            "model_name",
                        )
                    },
                )
            )
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            continue
    return sorted(summaries, key=lambda summary: summary.started, reverse=True)


def delete_run(run_id: str) -> None:
    """Remove a run's folder."""
    shutil.rmtree(run_folder(run_id), ignore_errors=True)
