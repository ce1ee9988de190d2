"""One line of the list of runs: read strictly, so that a damaged run is named and never shown half."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from snapgui.engine.presets import preset_of
from snapgui.engine.settings import AttackSettings, CellSettings
from snapgui.engine.visibility.naturalness import Look, Naturalness, look_of
from snapgui.errors import DAMAGED, DataError, SnapError
from snapgui.runs.shelf.labels import FILE, Label, read_label
from snapgui.runs.store import run_folder
from snapgui.words import CENTRE_FOUND, TEXTURE_WORDS, per_cent
from snapgui.workspace import workspace

# When a run's own file and its label were last written.
Stamp = tuple[int, int]
OUTCOMES = ("goal reached", "class changed", "not fooled", "stopped", "nothing to fool")


@dataclass(frozen=True)
class Overview:
    """What a list tells of a run; the names are those of `RunResult`.

    Attributes:
        mean_de00: mean CIEDE2000 in the mask; None where it was not measured.
        look: how natural it is; None in runs of before it was measured.
        label: what a person calls it.
    """

    run_id: str
    started: str
    image_name: str
    classes: tuple[str, ...]
    target: int
    p_before: tuple[float, ...]
    p_after: tuple[float, ...]
    success: bool
    flipped: bool
    stopped: bool
    best_step: int
    steps: int
    area_fraction: float
    centre: str
    model_name: str
    model_sha256: str
    attack: AttackSettings
    cells: CellSettings | None
    mean_de00: float | None
    look: Look | None
    label: Label

    @property
    def name(self) -> str:
        """What people call it."""
        return self.label.name or self.image_name

    @property
    def outcome(self) -> str:
        """What came out, one of `OUTCOMES`."""
        if max(self.p_before) == self.p_before[self.target]:
            return "nothing to fool"
        if self.success:
            return "goal reached"
        return "class changed" if self.flipped else "stopped" if self.stopped else "not fooled"

    @property
    def made_with(self) -> str:
        """The preset, or else the kind of colours."""
        preset = preset_of(self.attack, self.cells)
        return f"Preset {preset}" if preset else TEXTURE_WORDS[self.attack.texture]

    @property
    def answers(self) -> tuple[str, str]:
        """What the model said before and after, such as ``metastasis 99.1 %``."""
        before, after = (_answer(self.classes, p) for p in (self.p_before, self.p_after))
        return before, after


def kept_runs() -> dict[str, Stamp]:
    """The runs in the workspace by id, with the stamp at which each changes; raises DataError where the
    workspace cannot be read.
    """
    folder = workspace() / "runs"
    found = {}
    for path in folder.glob("*/result.json") if folder.is_dir() else ():
        if _is_run(path.parent.name):
            found[path.parent.name] = (_written(path), _written(path.with_name(FILE)))
    return found


def read_overview(run_id: str) -> Overview:
    """A saved run as a list tells it; raises DataError where it is gone or damaged."""
    folder = run_folder(run_id)
    try:
        return _overview(
            run_id, json.loads((folder / "result.json").read_text(encoding="utf-8")), read_label(folder)
        )
    except (*DAMAGED, SnapError) as error:
        raise DataError(f"The run {run_id} is gone or damaged ({str(error)[:120]}). Delete it.") from error


def _overview(run_id: str, values: dict[str, Any], label: Label) -> Overview:
    attack = AttackSettings.from_json(values["attack"])
    classes = tuple(_text(name) for name in values["classes"])
    p_before, p_after = (_probabilities(values[name], len(classes)) for name in ("p_before", "p_after"))
    if attack.target >= len(classes):
        raise ValueError(f"class {attack.target} is aimed at, and there are {len(classes)}")
    if values["centre"] not in CENTRE_FOUND:
        raise ValueError("centre is neither open nor excluded")
    mean_de00 = values["visibility"].get("mask", {}).get("mean_de00")
    return Overview(
        run_id=run_id,
        started=_text(values["started"]),
        image_name=_text(values["image_name"]),
        classes=classes,
        target=attack.target,
        p_before=p_before,
        p_after=p_after,
        success=bool(values["success"]),
        flipped=bool(values["flipped"]),
        stopped=bool(values["stopped"]),
        best_step=int(values["best_step"]),
        steps=int(values["steps"]),
        area_fraction=_number(values["area_fraction"]),
        centre=values["centre"],
        model_name=_text(values["model_name"]),
        model_sha256=_text(values["model_sha256"]),
        attack=attack,
        cells=CellSettings.from_json(values["cells"]) if values["cells"] else None,
        mean_de00=None if mean_de00 is None else _number(mean_de00),
        look=look_of(Naturalness.from_json(values["naturalness"])) if "naturalness" in values else None,
        label=label,
    )


def _probabilities(values: Sequence[Any], count: int) -> tuple[float, ...]:
    p = tuple(map(_number, values))
    if len(p) != count or count < 2:
        raise ValueError(f"{len(p)} probabilities for {count} classes")
    return p


def _number(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{value} is no number")
    return number


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.40} is no text")
    return value


def _answer(classes: Sequence[str], p: Sequence[float]) -> str:
    top = max(range(len(p)), key=p.__getitem__)
    return f"{classes[top]} {per_cent(p[top])}"


def _is_run(name: str) -> bool:
    """False for such as a run that is just being written."""
    try:
        run_folder(name)
    except DataError:
        return False
    return True


def _written(path: Path) -> int:
    try:
        return int(path.stat().st_mtime_ns)
    except OSError:
        return 0
