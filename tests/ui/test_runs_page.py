"""The Runs page: empty, a list with pictures, one run opened, named, two side by side, deleted after being
asked.
"""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from snapgui.engine.presets import PRESETS
from snapgui.engine.settings import AttackSettings
from snapgui.progress import drain
from snapgui.runs import store
from snapgui.runs.naturalness import naturalness_words
from snapgui.runs.records import RunRequest
from snapgui.runs.run import run_snap
from snapgui.runs.shelf.labels import Label, read_label
from snapgui.ui.runs.compare import names_of, shared_zoom
from snapgui.ui.runs.list import PAGE, tick_run
from snapgui.ui.runs.resources import _whole_pixels, shelf
from snapgui.ui.state import SnapState
from snapgui.words import counted


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


def rows_of(app) -> list[dict]:
    """The rows that the list shows."""
    (shown,) = [
        component.proto
        for component in app.get("bidi_component")
        if component.proto.component_name == "snap_runs"
    ]
    return json.loads(shown.json)["runs"]


def copy_of(result, number: int) -> str:
    """The same run once more, begun so many minutes earlier."""
    run_id = f"20250101-00{number:02d}00-abcdef"
    store.save_run(replace(result, run_id=run_id, started=f"2025-01-01T00:{59 - number:02d}:00+00:00"))
    return run_id


def test_no_run_yet(app, page, text_of):
    app.run().switch_page(page("runs")).run()
    assert "No run is saved yet" in text_of(app)


def test_the_newest_run_is_open_and_can_be_deleted(app, page, text_of, saved):
    app.run().switch_page(page("runs")).run()
    (row,) = rows_of(app)
    assert row["name"] == "kept.png" and row["before"].startswith("data:image/png") and row["after"]
    text = text_of(app)
    assert "kept.png" in text and "snap-card" in text and saved.run_id in text
    assert naturalness_words(saved.naturalness) in text.replace("**", "")
    # One number of steps, in the list and in the headline.
    assert f">{counted(saved.best_step, 'step')}, " in text and f"· {saved.best_step} of 3" in row["cost"]
    assert any("We attacked the classifier tiny (input 96 x 96 px" in code.value for code in app.code)
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
    assert rows_of(app)[0]["cost"].startswith("Retouched nuclei · ")
    text = text_of(app)
    assert "colours: retouched nuclei, stains changed by at most 60 %, as little as fools the model" in text
    assert "start: " not in text


def test_a_damaged_run_is_told_and_can_be_deleted(app, page, text_of, saved):
    (store.run_folder(saved.run_id) / "adversarial.png").write_bytes(b"broken")
    app.run().switch_page(page("runs")).run()
    assert "gone or damaged" in text_of(app) and rows_of(app)[0]["after"] == ""
    app.button(key="delete").click().run()
    assert store.list_runs() == []


def test_a_run_whose_record_is_damaged_is_named_beside_the_others(app, page, text_of, saved):
    other = copy_of(saved, 1)
    path = store.run_folder(other) / "result.json"
    path.write_text(
        json.dumps(json.loads(path.read_text(encoding="utf-8")) | {"p_before": 5}), encoding="utf-8"
    )
    app.run().switch_page(page("runs")).run()
    assert [row["id"] for row in rows_of(app)] == [saved.run_id] and "snap-card" in text_of(app)
    assert any(f"The run {other} is gone or damaged" in text.value for text in app.get("text"))
    app.button(key=f"delete-damaged-{other}").click().run()
    assert not store.run_folder(other).exists() and "snap-card" in text_of(app)


def test_a_run_is_named_tagged_and_found_again(app, page, text_of, saved):
    other = copy_of(saved, 1)
    app.run().switch_page(page("runs")).run()
    field = next(one for one in app.text_input if one.label == "Name of this run")
    field.set_value(" Hot  spot ").run()
    next(one for one in app.multiselect if one.label == "Tags of this run").set_value(["Teaching"]).run()
    assert read_label(store.run_folder(saved.run_id)) == Label("Hot spot", ("Teaching",))
    assert rows_of(app)[0]["name"] == "Hot spot" and rows_of(app)[0]["tags"] == ["Teaching"]
    app.text_input(key="runs_text").set_value("teaching").run()
    assert [row["id"] for row in rows_of(app)] == [saved.run_id] and "1 of 2 runs" in text_of(app)
    app.text_input(key="runs_text").set_value("").run()
    app.selectbox(key="runs_order").set_value("Oldest first").run()
    assert [row["id"] for row in rows_of(app)] == [other, saved.run_id]
    app.text_input(key="runs_text").set_value("nothing like it").run()
    assert "No run is like this" in text_of(app)


def test_many_runs_are_pages_of_24(app, page, saved):
    for number in range(PAGE):
        shutil.copytree(store.run_folder(saved.run_id), store.run_folder(f"20250101-00{number:02d}00-abcdef"))
    app.run().switch_page(page("runs")).run()
    assert len(rows_of(app)) == PAGE and len(shelf().runs) == PAGE + 1


def test_two_ticked_runs_stand_side_by_side(app, page, text_of, saved):
    other = copy_of(saved, 1)
    app.run().switch_page(page("runs")).run()
    app.session_state["snap"].ticked_runs = (saved.run_id, other)
    text = text_of(app.run())
    assert text.count("snap-card") == 2 and "Both are of the same picture." in text
    assert "<th>Steps</th>" in text and "kept.png, 01-01 00:58:00" in text
    assert len(app.get("image")) == 2
    app.button(key="runs_back").click().run()
    assert len(rows_of(app)) == 2
    # Deleted elsewhere meanwhile: the list comes back.
    app.session_state["snap"].ticked_runs = (saved.run_id, other)
    store.delete_run(other)
    assert len(rows_of(app.run())) == 1 and "snap-card" in text_of(app)


def test_two_are_ticked_at_most_and_a_second_click_takes_a_tick_away():
    state = SnapState()
    for run_id in ("a", "b", "c"):
        tick_run(state, run_id)
    assert state.ticked_runs == ("b", "c")
    tick_run(state, "b")
    assert state.ticked_runs == ("c",)


def test_both_pictures_have_one_whole_zoom(saved):
    assert (
        shared_zoom(1392, [saved]) == 4 and shared_zoom(976, [saved]) == 3 and shared_zoom(None, [saved]) == 3
    )
    large = replace(saved, request=replace(saved.request, pixels=np.zeros((400, 400, 3), np.uint8)))
    assert shared_zoom(1392, [saved, large]) == 1


def test_thumbnails_show_whole_pixels():
    small, large = np.zeros((24, 24, 3), np.uint8), np.arange(120 * 200 * 3, dtype=np.uint32).astype(np.uint8)
    assert _whole_pixels(small).shape == (96, 96, 3)
    pixels = large.reshape(120, 200, 3)
    assert (_whole_pixels(pixels) == pixels[12:108, 52:148]).all()


def test_names_tell_two_runs_apart(app, page, saved):
    copy_of(saved, 1)
    app.run().switch_page(page("runs")).run()
    first, second = shelf().runs
    assert len(set(names_of(first, second))) == 2
    natural = replace(second, attack=PRESETS["natural"].attack, cells=PRESETS["natural"].cells)
    assert names_of(first, natural)[1] == "kept.png, preset natural"
    assert names_of(first, replace(second, label=Label("other"))) == ("kept.png", "other")
