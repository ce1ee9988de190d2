"""A workspace in which every page has something to show: an audit, runs, and two studies of the demo patches,
one of them answered by simulated readers.
"""

import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from snapgui import shipped
from snapgui.audit.read import audits_folder
from snapgui.audit.run import run_audit
from snapgui.audit.settings import AuditSettings
from snapgui.data.demo import DemoPatch, demo_patches
from snapgui.engine.cells.outlines import draw_mask
from snapgui.engine.cells.placement import place_cells
from snapgui.engine.images import read_pixels
from snapgui.engine.presets import PRESETS
from snapgui.engine.victim.memory import keep_freed_memory
from snapgui.engine.victim.victim import Victim
from snapgui.progress import drain
from snapgui.runs.records import RunRequest
from snapgui.runs.run import run_snap
from snapgui.runs.shelf.labels import clean_label, keep_label
from snapgui.runs.store import save_run
from snapgui.study.design.recipe import suggest_recipe, suggest_repeats
from snapgui.study.design.settings import StudySettings
from snapgui.study.design.texts import CONTACT, consent_text, instructions_text
from snapgui.study.pictures.build import build_study
from snapgui.study.pictures.material import material_from_audit
from snapgui.study.store.store import StudyStore, open_store
from tests.study.simulated import answer_trial

ANSWERED, OPEN = "Small fields of tissue (simulated readers)", "Small fields of tissue"
RUNS = (("few", "two painted nuclei"), ("paper", "as in the abstract"), *[("natural", "")] * 4)
NORMAL, READERS = 6, 6


@dataclass(frozen=True)
class Filled:
    """What is in the workspace: the data set that was audited, and the names of the studies."""

    data: Path
    open: str
    answered: str


def fill_workspace(folder: Path, *, steps: int = PRESETS["natural"].attack.steps) -> Filled:
    """Make it in a folder, or take what an earlier call made there; from then on it is the workspace of this
    process. ``steps`` of the audit: fewer are faster, and fool less.
    """
    os.environ["SNAP_WORKSPACE"] = str(folder)
    os.environ.pop("SNAP_DATABASE_URL", None)
    data, ready = folder / "demo-patches", folder / "filled.txt"
    if not ready.exists():
        keep_freed_memory()
        folder.mkdir(parents=True, exist_ok=True)
        patches = demo_patches()
        _copy_patches(patches, data)
        _save_runs(patches)
        settings = AuditSettings(
            cells=PRESETS["natural"].cells,
            attack=replace(PRESETS["natural"].attack, steps=steps),
            threads=torch.get_num_threads(),
            shard_size=6,
        )
        audit = drain(run_audit(shipped.MODEL, data, audits_folder(), settings)).folder
        store = open_store()
        names = [_make_study(audit, store, title, seed) for seed, title in enumerate((OPEN, ANSWERED), 1)]
        _answer(store, names[1])
        store.close()
        ready.write_text("\n".join(names), encoding="utf-8")
    return Filled(data, *ready.read_text(encoding="utf-8").split("\n"))


def _copy_patches(patches: list[DemoPatch], data: Path) -> None:
    """All metastases and some normal patches in a folder for each class."""
    normal = [patch for patch in patches if patch.true_class == 0][:NORMAL]
    for patch in [*normal, *(patch for patch in patches if patch.true_class == 1)]:
        folder = data / ("normal", "metastasis")[patch.true_class]
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(patch.path, folder)


def _save_runs(patches: list[DemoPatch]) -> None:
    victim = Victim.load(shipped.MODEL)
    shown = [patch for patch in patches if patch.true_class == 1]
    for (name, words), patch in zip(RUNS, shown[:1] + shown, strict=False):
        pixels, preset = read_pixels(patch.path), PRESETS[name]
        mask = draw_mask(place_cells(victim, pixels, preset.cells, preset.attack), pixels.shape[:2])
        request = RunRequest(
            pixels,
            mask,
            preset.attack,
            cells=preset.cells,
            image_name=patch.name,
            mask_source="proposed",
            true_class=patch.true_class,
            synthetic=True,
        )
        result = drain(run_snap(victim, request))
        save_run(result)
        if words:
            keep_label(result.run_id, clean_label(words, ["teaching"]))


def _make_study(audit: Path, store: StudyStore, title: str, seed: int) -> str:
    material = material_from_audit(audit)
    recipe = suggest_recipe(len(material.names))
    repeats, gap = suggest_repeats(recipe.sources)
    settings = StudySettings(
        title,
        seed,
        repeats=repeats,
        repeat_gap=gap,
        consent=consent_text("A").replace(CONTACT, "Dr. A. Example, no real study"),
        instructions=instructions_text("A"),
    )
    outcome = drain(build_study(material, recipe, settings, store))
    assert outcome is not None
    return outcome.name


def _answer(store: StudyStore, name: str) -> None:
    by_id, rng = store.study(name).by_id(), np.random.default_rng(0)
    odd = {stimulus.source: rng.normal(0, 0.4) for stimulus in by_id.values()}
    for _ in range(READERS):
        session, bold = store.begin(store.enrol(name).pseudonym), rng.normal(0, 0.3)
        for trial in session.trials:
            answer = answer_trial(trial, by_id, rng, bold, odd)
            # There, pictures are 24 px a side.
            x, y = answer.click_x_px, answer.click_y_px
            place = {"click_x_px": x and 4 * x, "click_y_px": y and 4 * y}
            store.record(session.id, replace(answer, **place))
