"""Alternatives at matched confidence: each as asked, believed only as saved, kept beside its run."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from snapgui.engine.cells.outlines import draw_mask
from snapgui.engine.cells.proposals import propose_cells
from snapgui.engine.images import to_image
from snapgui.engine.presets import PRESETS
from snapgui.engine.settings import AttackSettings, CellSettings
from snapgui.engine.visibility.display import Display
from snapgui.errors import DataError, SettingsError
from snapgui.progress import drain
from snapgui.report.verify.retouch import beyond_bound
from snapgui.runs.alternatives import Alternative, compute_alternatives, plan_alternatives
from snapgui.runs.alternatives_store import (
    alternatives_folder,
    alternatives_stamp,
    keep_alternative,
    read_alternatives,
)
from snapgui.runs.records import RunRequest, RunResult
from snapgui.runs.run import run_snap
from snapgui.runs.store import delete_run, run_folder, save_run
from snapgui.ui.result.screen import Screen, keep_screen, read_screen

DISPLAY = Display(zoom=1)


@pytest.fixture
def victim(linear_victim, tissue):
    """Calls the drawn tissue metastasis, by a little."""
    made = linear_victim(scale=0.02)
    with torch.no_grad():
        z = made(to_image(tissue)[None])[0]
        made.network[1].bias[1] += z[0] - z[1] + 1
    return made


@pytest.fixture
def result(victim, tissue) -> RunResult:
    mask = draw_mask(propose_cells(tissue, CellSettings(count=6, area=0.08, centre="excluded")), (96, 96))
    return drain(
        run_snap(
            victim,
            RunRequest(tissue, mask, AttackSettings(steps=40), image_name="drawn tissue", true_class=1),
        )
    )


@pytest.fixture
def saved(result, monkeypatch) -> RunResult:
    save_run(result)
    return result


def make(steps) -> tuple[list[Alternative], list[str], list]:
    seen: list = []
    failures = drain(steps, seen.append)
    return [progress.finished for progress in seen if progress.finished], failures, seen


def test_every_alternative_is_as_asked_and_as_saved(victim, result, tissue) -> None:
    made, failures, seen = make(compute_alternatives(victim, result, DISPLAY))
    assert [way.name for way in made] == [
        plan.name for plan in plan_alternatives(result.request.attack)
    ] and failures == []
    assert seen[-1].done == seen[-1].count == len(made) and max(progress.step for progress in seen) > 0
    by_name = {way.name: way for way in made}
    for way in made:
        assert way.p == pytest.approx(victim.predict(to_image(way.pixels)[None])[0].tolist(), abs=1e-6)
        assert (
            way.pixels[~way.mask] == tissue[~way.mask]
        ).all() and way.visibility.changed_outside_mask_px == 0
        assert way.reached_goal == (way.p[0] >= 0.95) and way.reached_goal == (way.family != "control")
        assert (way.steps is None) == (way.family == "control") and way.visibility.display == DISPLAY
    assert (by_name["snap-range"].pixels == result.adversarial).all() and by_name[
        "snap-range"
    ].steps == result.steps
    mask = result.request.mask
    for name in ("snap-pca", "cells-any-colour", "control-median", "control-nuclei"):
        assert (by_name[name].mask == mask).all()
    square = by_name["square"].mask
    rows, columns = np.nonzero(square)
    assert square.sum() == mask.sum() and not square[32:64, 32:64].any()
    assert np.ptp(columns) == round(mask.sum() ** 0.5) - 1 and abs(np.ptp(rows) - np.ptp(columns)) <= 1
    assert (by_name["square-any-colour"].mask == square).all()
    low, high = tissue.min(axis=(0, 1)), tissue.max(axis=(0, 1))
    assert ((by_name["square"].pixels[square] >= low) & (by_name["square"].pixels[square] <= high)).all()
    whole = by_name["whole-image"]
    assert whole.mask.all() and np.abs(whole.pixels.astype(int) - tissue).max() == 2
    assert (
        whole.visibility.regions["mask"].de00.mean
        < by_name["snap-range"].visibility.regions["mask"].de00.mean
    )
    median = np.median(tissue.reshape(-1, 3), axis=0)
    assert np.abs(by_name["control-median"].pixels[mask] - median).max() <= 1


def test_a_retouched_run_is_compared_with_free_colours(victim, result, tissue) -> None:
    """The run itself is the retouch, not the gamut whose name stands unused in its settings."""
    attack = replace(PRESETS["natural"].attack, steps=12)
    run = drain(run_snap(victim, replace(result.request, attack=attack)))
    plans = {plan.name: plan for plan in plan_alternatives(attack)}
    assert next(iter(plans)) == "snap-retouch" and "snap-stain" in plans
    have = set(plans) - {"snap-retouch", "snap-stain", "square", "control-random"}
    made, failures, _ = make(compute_alternatives(victim, run, DISPLAY, have=have))
    by_name = {way.name: way for way in made}
    assert not failures and [way.name for way in made] == [name for name in plans if name not in have]
    assert (by_name["snap-retouch"].pixels == run.adversarial).all()
    for name, retouch in (("snap-stain", False), ("square", True), ("control-random", True)):
        assert beyond_bound(tissue, by_name[name].pixels, attack.bound).any() == (not retouch), name
    assert by_name["square"].words == "One square, retouched"
    assert by_name["control-random"].words == "Cells with random retouch"


def test_stop_gives_up_what_is_being_made_and_the_rest_is_made_later(victim, result) -> None:
    steps = compute_alternatives(victim, result, DISPLAY, stop=lambda: True)
    made, failures, _ = make(steps)
    assert made == [] and failures == []
    names = [plan.name for plan in plan_alternatives(result.request.attack)]
    made, _, seen = make(compute_alternatives(victim, result, DISPLAY, have=set(names[:-2])))
    assert [way.name for way in made] == names[-2:] and seen[0].count == 2


def test_what_cannot_be_made_is_a_sentence_and_the_rest_goes_on(victim, result) -> None:
    flat = replace(result, request=replace(result.request, pixels=np.full((96, 96, 3), 200, np.uint8)))
    have = {plan.name for plan in plan_alternatives(result.request.attack)} - {
        "control-nuclei",
        "control-median",
    }
    made, failures, _ = make(compute_alternatives(victim, flat, DISPLAY, have=have))
    assert [way.name for way in made] == ["control-median"]
    assert len(failures) == 1 and "no nuclei were found" in failures[0] and "own nuclei" in failures[0]


def test_a_run_by_a_rule_of_earlier_records_has_alternatives_that_are_not_optimised(victim, result) -> None:
    earlier = replace(result.request.attack, optimiser="adam")
    run = replace(result, request=replace(result.request, attack=earlier))
    made, failures, _ = make(compute_alternatives(victim, run, DISPLAY))
    assert [way.name for way in made] == ["snap-range", "control-median", "control-random", "control-nuclei"]
    assert len(failures) == 7 and all("The optimiser “adam” is in records" in words for words in failures)


def test_alternatives_are_kept_beside_their_run(victim, saved) -> None:
    attack = saved.request.attack
    have = {plan.name for plan in plan_alternatives(attack)} - {"snap-range", "square", "control-random"}
    made, _, _ = make(compute_alternatives(victim, saved, DISPLAY, have=have))
    assert read_alternatives(saved.run_id, attack) == [] and alternatives_stamp(saved.run_id) == ()
    for way in made:
        before = alternatives_stamp(saved.run_id)
        keep_alternative(saved.run_id, way)
        assert alternatives_stamp(saved.run_id) != before
    for way, kept in zip(made, read_alternatives(saved.run_id, attack), strict=True):
        assert (kept.pixels == way.pixels).all() and (kept.mask == way.mask).all()
        assert replace(kept, pixels=way.pixels, mask=way.mask) == way
    values = json.loads((alternatives_folder(saved.run_id) / "square.json").read_text(encoding="utf-8"))
    assert values["area_fraction"] == made[1].mask.mean()
    (alternatives_folder(saved.run_id) / "square.png").write_bytes(b"broken")
    assert [way.name for way in read_alternatives(saved.run_id, attack)] == ["snap-range", "control-random"]
    delete_run(saved.run_id)
    with pytest.raises(DataError, match="not in the workspace any more"):
        keep_alternative(saved.run_id, made[0])
    assert not run_folder(saved.run_id).exists(), "a deleted run does not come back"


def test_the_screen_is_kept_and_a_damaged_file_is_no_disaster(own_workspace) -> None:
    assert read_screen() == Screen() and Screen().display == Display(), (
        "the same office screen is assumed everywhere"
    )
    laptop = Screen(width_mm=310, width_px=1920, distance_mm=450, zoom=3, measured=True)
    keep_screen(laptop)
    assert read_screen() == laptop and read_screen().display.pixels_per_degree == pytest.approx(
        450 / (310 / 1920) * np.pi / 180
    )
    (own_workspace / "screen.json").write_text('{"width_mm": 1}', encoding="utf-8")
    assert read_screen() == Screen()
    with pytest.raises(SettingsError, match="has pixels of 25 mm"):
        Screen(width_mm=5000, width_px=200)
    with pytest.raises(SettingsError, match="pixels per degree"):
        Screen(width_mm=500, width_px=20000, distance_mm=5000)
