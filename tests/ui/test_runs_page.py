"""The Runs page: empty, one run opened, deleted after being asked."""

from dataclasses import replace

import pytest

from snapgui.engine.presets import PRESETS
from snapgui.engine.settings import AttackSettings
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
