"""The alternatives to a run, kept beside it: three files each, the JSON last, so that what is there is
whole.
"""

import json
from pathlib import Path

import numpy as np

from snapgui.engine.cells.outlines import read_mask
from snapgui.engine.images import encode_png, read_pixels
from snapgui.engine.settings import AttackSettings
from snapgui.engine.visibility.figures import VisibilityPanel
from snapgui.errors import DataError, SnapError
from snapgui.runs.alternatives import Alternative, plan_alternatives
from snapgui.runs.store import run_folder
from snapgui.workspace import write_whole


def alternatives_folder(run_id: str) -> Path:
    """Where the alternatives to a run are kept."""
    return run_folder(run_id) / "alternatives"


def require_kept(run_id: str) -> None:
    """Raise DataError where the run's own files are not in the workspace."""
    if not (run_folder(run_id) / "result.json").is_file():
        raise DataError(
            "The run is not in the workspace any more, so what it is compared with cannot be kept. "
            "Run it again."
        )


def keep_alternative(run_id: str, alternative: Alternative) -> None:
    """Write one alternative beside its run; raises DataError where the run is gone or the disk is full."""
    require_kept(run_id)
    folder = alternatives_folder(run_id)
    values = {
        "p": list(alternative.p),
        "reached_goal": alternative.reached_goal,
        "steps": alternative.steps,
        "words": alternative.words,
        "family": alternative.family,
        "area_fraction": alternative.area_fraction,
        "visibility": alternative.visibility.to_json(),
    }
    files = {
        f"{alternative.name}.png": encode_png(alternative.pixels),
        f"{alternative.name}-mask.png": encode_png(alternative.mask.astype(np.uint8) * 255),
        f"{alternative.name}.json": json.dumps(values, indent=1, allow_nan=False).encode(),
    }
    write_whole(folder, files, advice=f"Free space, then continue: “{alternative.words}” is not kept yet.")


def read_alternatives(run_id: str, attack: AttackSettings) -> list[Alternative]:
    """What is kept beside a run, in the order of the plan; what is missing or damaged is left out."""
    folder = alternatives_folder(run_id)
    found = []
    for plan in plan_alternatives(attack):
        try:
            values = json.loads((folder / f"{plan.name}.json").read_text(encoding="utf-8"))
            pixels = read_pixels(folder / f"{plan.name}.png")
            found.append(
                Alternative(
                    name=plan.name,
                    words=plan.words,
                    family=plan.family,
                    pixels=pixels,
                    mask=read_mask(
                        (folder / f"{plan.name}-mask.png").read_bytes(),
                        shape=(pixels.shape[0], pixels.shape[1]),
                    ),
                    p=tuple(map(float, values["p"])),
                    reached_goal=bool(values["reached_goal"]),
                    steps=values["steps"],
                    visibility=VisibilityPanel.from_json(values["visibility"]),
                )
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, SnapError):
            continue
    return found


def alternatives_stamp(run_id: str) -> tuple[tuple[str, int], ...]:
    """Names and times of what is kept: it changes whenever an alternative is added."""
    folder = alternatives_folder(run_id)
    return (
        tuple((path.name, path.stat().st_mtime_ns) for path in sorted(folder.glob("*.json")))
        if folder.is_dir()
        else ()
    )
