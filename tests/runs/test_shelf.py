"""Saved runs side by side: their names and tags, the list, what is asked of it, two compared."""

import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from snapgui.engine.presets import PRESETS
from snapgui.errors import DataError
from snapgui.runs.files import bundle_files
from snapgui.runs.naturalness import LOOK_WORDS
from snapgui.runs.shelf.choose import ORDERS, Wanted, choose_runs, models_of, tags_of
from snapgui.runs.shelf.differences import Seen, differences
from snapgui.runs.shelf.labels import FILE, Label, clean_label, keep_label, read_label
from snapgui.runs.shelf.overview import Overview, kept_runs, read_overview
from snapgui.runs.store import load_run, run_folder
from snapgui.workspace import workspace

RUN = "20261126-060252-f37ffc"


@pytest.fixture
def add_run(own_workspace: Path) -> Callable[..., str]:
    """Puts the run of the old workspace into this one, under a name and with changed values."""

    def add(run_id: str = RUN, **changes: object) -> str:
        folder = workspace() / "runs" / run_id
        folder.mkdir(parents=True)
        with zipfile.ZipFile(Path(__file__).parents[1] / "old_workspace.zip") as archive:
            for name in ("original.png", "adversarial.png", "mask.png", "curve.csv", "result.json"):
                (folder / name).write_bytes(archive.read(f"workspace/runs/{RUN}/{name}"))
        values = json.loads((folder / "result.json").read_text(encoding="utf-8"))
        (folder / "result.json").write_text(
            json.dumps(values | {"run_id": run_id} | changes), encoding="utf-8"
        )
        return run_id

    return add


@pytest.fixture
def run(add_run) -> Overview:
    return read_overview(add_run())


def test_a_name_and_tags_lie_beside_the_run_whose_files_and_bundle_stay(add_run) -> None:
    run_id = add_run()
    folder, result = run_folder(run_id), load_run(run_id)
    files, bundle = {path.name: path.read_bytes() for path in folder.iterdir()}, bundle_files(result)
    assert read_label(folder) == Label() and read_overview(run_id).name == result.request.image_name
    keep_label(run_id, clean_label("  Slide 4,\nhot spot ", ["Teaching", "teaching", " ", "to  show"]))
    assert read_label(folder) == Label("Slide 4, hot spot", ("Teaching", "to show"))
    seen = read_overview(run_id)
    assert seen.name == "Slide 4, hot spot" and seen.label.tags == ("Teaching", "to show")
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.name != FILE} == files
    assert bundle_files(load_run(run_id)) == bundle


@pytest.mark.parametrize("text", ["", "[]", '{"name": 3, "tags": []}', '{"name": "a"}', "[" * 5000])
def test_a_damaged_label_is_none(add_run, text) -> None:
    run_id = add_run()
    (run_folder(run_id) / FILE).write_text(text, encoding="utf-8")
    assert read_label(run_folder(run_id)) == Label()


def test_a_run_that_is_gone_takes_no_name(own_workspace) -> None:
    with pytest.raises(DataError, match="whether the run was deleted"):
        keep_label(RUN, Label("late"))


@pytest.mark.parametrize(
    "changes",
    [
        {"p_before": "metastasis"},
        {"p_after": [0.1]},
        {"p_after": [float("nan"), 0.2]},
        {"attack": {"target": 5}},
        {"attack": 3},
        {"classes": [1, 2]},
        {"centre": "somewhere"},
        {"visibility": []},
        {"started": None},
        {"area_fraction": "wide"},
        {"naturalness": {"cells": 3}},
    ],
)
def test_a_damaged_run_is_named_in_one_sentence(add_run, changes) -> None:
    with pytest.raises(DataError, match=f"The run {RUN} is gone or damaged"):
        read_overview(add_run(**changes))


def test_the_list_knows_when_a_run_or_its_label_changed(add_run) -> None:
    first = add_run()
    (workspace() / "runs" / ".being-written").mkdir()
    (workspace() / "runs" / ".being-written" / "result.json").write_text("{}", encoding="utf-8")
    before = kept_runs()
    keep_label(first, Label("named"))
    assert list(before) == list(kept_runs()) == [first] and before != kept_runs()


def test_runs_are_found_by_words_outcome_patch_and_model_and_ordered(run) -> None:
    other = replace(
        run,
        run_id="20261127-060252-f37ffd",
        started="2026-11-27T06:02:52+00:00",
        label=Label("Weak one", ("Teaching",)),
        success=False,
        flipped=False,
        p_after=(0.2, 0.8),
        area_fraction=run.area_fraction / 2,
        best_step=run.best_step + 1,
        mean_de00=None,
        model_sha256="ab" * 32,
        attack=PRESETS["natural"].attack,
        cells=PRESETS["natural"].cells,
    )
    runs = [run, other]

    def found(**wanted: str) -> list[Overview]:
        return choose_runs(runs, Wanted(**wanted))

    assert found() == [other, run] and found(order="Oldest first") == [run, other]
    assert found(text="teach WEAK") == [other] and found(text=run.image_name[:4]) == [other, run]
    assert found(outcome="class changed") == [run] and found(outcome="not fooled") == [other]
    assert found(made_with="Preset natural") == [other] and found(model="ab" * 32) == [other]
    assert found(order="Surest first")[0] == run and found(order="Smallest area first")[0] == other
    assert found(order="Fewest steps first")[0] == run
    assert found(order="Least colour difference first") == [run, other], "what was not measured comes last"
    assert all(len(choose_runs(runs, Wanted(order=order))) == 2 for order in ORDERS)
    assert models_of(runs)["ab" * 32] == f"{run.model_name} (ababababab)" and tags_of(runs) == ["Teaching"]


def test_outcomes_say_what_the_verdict_says(run) -> None:
    assert run.outcome == "class changed" and replace(run, success=True).outcome == "goal reached"
    assert replace(run, success=False, flipped=False, stopped=True).outcome == "stopped"
    assert replace(run, p_before=(0.9, 0.1)).outcome == "nothing to fool", "as the verdict card has it"


def test_two_runs_differ_in_what_came_out_and_in_settings(add_run) -> None:
    result = load_run(add_run())
    attack = replace(result.request.attack, seed=7, steps=80)
    other = replace(
        result,
        request=replace(result.request, attack=attack),
        best_step=result.best_step - 1,
        area_fraction=0.123,
    )
    rows = {name: values for name, *values in differences(Seen(result, None), Seen(other, None))}
    steps = f"{other.best_step} of {result.steps}"
    assert rows["Steps"][1] == steps and rows["Area"][1] == "12.3 %"
    assert rows["Step limit"] == [str(result.request.attack.steps), "80"]
    assert rows["Before"][0] == rows["Before"][1] and rows["Naturalness"] == ["–", "–"]
    assert "Model" not in rows and "Image" not in rows and not set(rows) & set(LOOK_WORDS)
