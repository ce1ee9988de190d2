"""Two runs side by side in one small table: what came out, and which settings differ."""

from collections.abc import Callable
from dataclasses import dataclass

from snapgui.engine.presets import preset_of
from snapgui.engine.settings import colours_words
from snapgui.engine.visibility.naturalness import Naturalness, look_of
from snapgui.runs.naturalness import LOOK_WORDS
from snapgui.runs.records import RunResult
from snapgui.runs.verdict import answer
from snapgui.words import (
    CENTRE_FOUND,
    CENTRE_WORDS,
    NONE,
    PLACEMENT_WORDS,
    START_WORDS,
    as_set,
    counted,
    duration,
    number,
    per_cent,
)

Row = tuple[str, str, str]


@dataclass(frozen=True)
class Seen:
    """A run, and how natural its picture is where that is known."""

    result: RunResult
    naturalness: Naturalness | None


# What came out stands there even where it is the same; settings only where they differ.
_OUTCOMES: dict[str, Callable[[Seen], str]] = {
    "Before": lambda seen: answer(seen.result, seen.result.p_before),
    "After": lambda seen: answer(seen.result, seen.result.p_after),
    "Highest control": lambda seen: _highest_control(seen.result),
    "Steps": lambda seen: steps_words(seen.result.best_step, seen.result.steps),
    "Area": lambda seen: per_cent(seen.result.area_fraction),
    "Centre": lambda seen: CENTRE_FOUND[seen.result.centre],
    "CIEDE2000 in the mask": lambda seen: _mean_de00(seen.result),
    "Naturalness": lambda seen: _look(seen.naturalness),
    "Cells picked out by the detector": lambda seen: _picked_out(seen.naturalness),
}
_SETTINGS: dict[str, Callable[[RunResult], str]] = {
    "Image": lambda run: run.request.image_name,
    "Pixels of the image": lambda run: run.image_sha256[:10],
    "Model": lambda run: f"{run.model_name} ({run.model_sha256[:10]})",
    "Class aimed at": lambda run: run.classes[run.target],
    "Preset": lambda run: preset_of(run.request.attack, run.request.cells) or "own settings",
    "Colours": lambda run: colours_words(run.request.attack),
    "Start": lambda run: (
        START_WORDS[run.request.attack.start] if run.request.attack.texture == "free" else NONE
    ),
    "Grid of the retouch": lambda run: (
        f"{run.request.attack.grid_px:g} px" if run.request.attack.texture == "retouch" else NONE
    ),
    "Cells asked": lambda run: _cells_asked(run),
    "Cells in the centre": lambda run: (
        CENTRE_WORDS[run.request.cells.centre] if run.request.cells else "as drawn"
    ),
    "Goal": lambda run: as_set(run.request.attack.confidence),
    "Step limit": lambda run: f"{run.request.attack.steps:,}",
    "Restarts": lambda run: f"{run.request.attack.restarts:,}",
    "Smoothness": lambda run: number(run.request.attack.smoothness),
    "Soft edge": lambda run: "yes" if run.request.attack.soft_edge else "no",
    "Gradient through shut rectifiers": lambda run: as_set(run.request.attack.leak),
    "Seeds, cells and patch": lambda run: (
        f"{run.request.cells.seed if run.request.cells else NONE}, {run.request.attack.seed}"
    ),
    "SNAP Studio": lambda run: run.versions.get("snap-studio", NONE),
    "PyTorch": lambda run: run.versions.get("torch", NONE),
    "Time": lambda run: f"{duration(run.seconds)} on {run.device}",
}


def differences(first: Seen, second: Seen) -> list[Row]:
    """What came out of two runs, then each setting in which they differ: its name and both values."""
    outcomes = [(name, read(first), read(second)) for name, read in _OUTCOMES.items()]
    settings = [(name, read(first.result), read(second.result)) for name, read in _SETTINGS.items()]
    return [*outcomes, *(row for row in settings if row[1] != row[2])]


def steps_words(best: int, run: int) -> str:
    """The step that was kept, of those that were run, such as ``43 of 50``."""
    return f"{best:,} of {run:,}" if best != run else f"{best:,}"


def _highest_control(run: RunResult) -> str:
    if not run.controls:
        return NONE
    name = max(run.controls, key=run.controls.__getitem__)
    return f"{run.classes[run.target]} {per_cent(run.controls[name])}, {name}"


def _mean_de00(run: RunResult) -> str:
    return f"{run.visibility['mask'].mean_de00:.1f}" if "mask" in run.visibility else NONE


def _look(found: Naturalness | None) -> str:
    return LOOK_WORDS[look_of(found)] if found else NONE


def _picked_out(found: Naturalness | None) -> str:
    if not found:
        return NONE
    return f"{found.picked_out:,} of {found.cells:,} ({found.picked_out_before:,} before)"


def _cells_asked(run: RunResult) -> str:
    cells = run.request.cells
    if cells is None:
        return "none proposed"
    place = PLACEMENT_WORDS[cells.placement].lower()
    if cells.placement == "all_nuclei":
        return f"{place}, at most {as_set(cells.area)}"
    return f"{counted(cells.count, 'cell')}, {place}, {as_set(cells.area)}"
