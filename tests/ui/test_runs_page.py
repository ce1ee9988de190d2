"""The Runs page: empty, one run opened, deleted after being asked."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from snapgui.engine.images import encode_png
from snapgui.engine.presets import PRESETS
from snapgui.engine.settings import AttackSettings
from snapgui.errors import DataError
from snapgui.progress import drain
from snapgui.runs import store
from snapgui.runs.naturalness import naturalness_words
from snapgui.runs.records import RunRequest
from snapgui.runs.run import run_snap


@pytest.fixture
def saved(app, tiny_victim, stained_patch):
    pixels = stained_patch(1, 190)
    mask = pixels[..., 0] < 120
    result = drain(
        run_snap(
            tiny_victim,
            RunRequest(pixels, mask, AttackSettings(steps=3), image_name="kept.png", true_class=1),
        )
    )
    store.save_run(result)
    return result


def test_no_run_yet(app, page, text_of):
    app.run().switch_page(page("runs")).run()
    assert "No run is saved yet" in text_of(app)


def test_the_newest_run_is_open_and_can_be_deleted(app, page, text_of, saved):
    app.run().switch_page(page("runs")).run()
    assert app.dataframe[0].value["Image"].tolist() == ["kept.png"]
    text = text_of(app)
    assert "kept.png" in text and "snap-card" in text and saved.run_id in text
    assert naturalness_words(saved.naturalness) in text.replace("**", "")
    assert store.list_runs()
    app.button(key="delete").click().run()
    assert store.list_runs() == []
    assert "No run is saved yet" in text_of(app)


def test_a_retouched_run_is_told_as_such(app, page, text_of, tiny_victim, stained_patch):
    pixels = stained_patch(1, 190)
    attack = replace(PRESETS["natural"].attack, steps=3)
    request = RunRequest(pixels, pixels[..., 0] < 120, attack, image_name="own.png", true_class=1)
    store.save_run(drain(run_snap(tiny_victim, request)))
    app.run().switch_page(page("runs")).run()
    assert app.dataframe[0].value["Colours"].tolist() == ["Retouched nuclei"]
    text = text_of(app)
    assert "colours: retouched nuclei, stains changed by at most 60 %, as little as fools the model" in text
    assert "start: " not in text


def test_a_damaged_run_is_told_and_can_be_deleted(app, page, text_of, saved):
    (store.run_folder(saved.run_id) / "adversarial.png").write_bytes(b"broken")
    app.run().switch_page(page("runs")).run()
    assert "gone or damaged" in text_of(app)
    app.button(key="delete").click().run()
    assert store.list_runs() == []


def said(name: str, *values: object):
    """Damage to what ``result.json`` says: another value, or none."""

    def change(folder: Path) -> None:
        found = json.loads((folder / "result.json").read_text(encoding="utf-8"))
        del found[name]
        (folder / "result.json").write_text(
            json.dumps(found | dict.fromkeys([name] * len(values), *values)), encoding="utf-8"
        )

    return change


DAMAGE = {
    "a list": lambda folder: (folder / "result.json").write_text("[]", encoding="utf-8"),
    "deep": lambda folder: (folder / "result.json").write_text("[" * 100_000, encoding="utf-8"),
    "cut": lambda folder: (folder / "result.json").write_text('{"run_id": ', encoding="utf-8"),
    "not text": lambda folder: (folder / "result.json").write_bytes(b"\xff\xfe{}"),
    **{
        f"{name} {value}": said(name, value)
        for name, value in (
            *(
                ("p_before", 3),
                ("p_before", [0.5]),
                ("p_after", ["a", "b"]),
                ("p_after", [0.5, float("nan")]),
            ),
            *(("classes", "ab"), ("classes", [1, 2]), ("classes", None), ("started", None), ("started", 5)),
            *(("started", "long ago"), ("image_name", None), ("image_name", ["x"]), ("steps", "3")),
            *(("steps", 10**400), ("area_fraction", "much"), ("area_fraction", None), ("true_class", 9)),
            *(("model_name", {}), ("attack", []), ("attack", {"target": 7}), ("seconds", "long")),
            *(("findings", "none"), ("versions", None), ("visibility", {"mask": 3}), ("run_id", "../../x")),
            *(("p_target_controls", [1]), ("centre", 4), ("naturalness", {"cells": "many"}), ("stopped", 1)),
        )
    },
    "no classes": said("classes"),
    "no picture": lambda folder: (folder / "adversarial.png").unlink(),
    "another size": lambda folder: (folder / "adversarial.png").write_bytes(
        encode_png(np.zeros((8, 8, 3), np.uint8))
    ),
    "a folder": lambda folder: ((folder / "mask.png").unlink(), (folder / "mask.png").mkdir()),
    "an empty curve": lambda folder: (folder / "curve.csv").write_text("", encoding="utf-8"),
    "a pipe": lambda folder: ((folder / "curve.csv").unlink(), os.mkfifo(folder / "curve.csv")),
}


def test_no_damaged_run_takes_the_others_with_it(app, page, text_of, saved):
    folder = store.run_folder(saved.run_id)
    whole = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    for number, damage in enumerate(DAMAGE.values()):
        other = store.run_folder(f"20990101-000000-{number:06x}")
        shutil.copytree(folder, other)
        values = whole | {"run_id": other.name, "started": "2099-01-01T00:00:00+00:00"}
        (other / "result.json").write_text(json.dumps(values), encoding="utf-8")
        damage(other)
        with pytest.raises(DataError, match="gone or damaged"):
            store.load_run(other.name)
    listed = store.list_runs()
    assert saved.run_id in [run.run_id for run in listed] and len(listed) < 8
    app.run().switch_page(page("runs")).run()
    assert "gone or damaged" in text_of(app) and "kept.png" in app.dataframe[0].value["Image"].tolist()
