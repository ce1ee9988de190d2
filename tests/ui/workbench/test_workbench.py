"""The workbench, driven without a browser: choose, mask, run, stop, reload, bad files."""

import io
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from snapgui.engine.cells.outlines import draw_mask
from snapgui.engine.cells.placement import place_cells
from snapgui.engine.images import encode_png, read_pixels
from snapgui.engine.presets import PRESETS
from snapgui.engine.settings import AttackSettings, CellSettings
from snapgui.engine.victim.victim import Victim
from snapgui.errors import DataError
from snapgui.runs import store
from snapgui.ui import resources
from snapgui.ui.jobs import KEPT_JOBS, Registry
from snapgui.ui.state import Choice, MaskChoice, choose, set_mask
from snapgui.ui.workbench import work
from snapgui.ui.workbench.keys import press_key


def paper(app):
    """The page with the paper's preset: a number of scattered cells, free colours, an end at the goal."""
    app.run()
    return app.button_group(key="preset").set_value("paper").run()


def run_to_its_end(app, wait_for_job):
    app.button(key="run").click().run()
    wait_for_job(app.session_state["snap"].jobs["attack"])
    return app.run()


def test_arrival_has_everything_for_a_run(app, text_of):
    text = text_of(app.run())
    assert "Research use only" in text and "0.97 µm/px" in text and "tiny (ababababab)" in text
    assert "Model says **metastasis**" in text and "truth: **metastasis**" in text
    assert app.button_group(key="preset").value == "natural" and "**Area 19.6 %**" in text
    assert not app.button(key="run").disabled
    assert sum(button.proto.type == "primary" for button in app.button) == 1
    state = app.session_state["snap"]
    assert state.choice.synthetic and state.mask.source == "proposed"
    assert app.session_state["target"] == 0


def test_a_run_reaches_its_verdict_and_is_kept(app, text_of, wait_for_job):
    app.run()
    text = text_of(run_to_its_end(app, wait_for_job))
    job_id = app.session_state["snap"].jobs["attack"]
    assert (
        "Controls, the same cells not optimised" in text
        and re.search(r"\d+ steps?, 19\.6 % of the pixels", text)
        and "Model fooled" in text
    )
    assert app.query_params["run"] == job_id
    saved = store.load_run(job_id)
    assert saved.success and saved.flipped and saved.p_before[1] > 0.5
    assert {button.label for button in app.get("download_button")} >= {
        "Figure (PNG)",
        "Everything (ZIP)",
        "Adversarial image (PNG)",
    }


def test_a_reload_finds_the_run_and_its_choices(app, text_of, wait_for_job, page):
    app.run()
    app.number_input(key="steps").set_value(33)
    app.slider(key="area").set_value(8.0)
    run_to_its_end(app.run(), wait_for_job)
    job_id, mask = app.session_state["snap"].jobs["attack"], app.session_state["snap"].mask.mask
    again = AppTest.from_file(app._script_path, default_timeout=30)
    again.query_params["run"] = job_id
    assert "Model fooled" in text_of(again.run())
    state = again.session_state["snap"]
    assert state.jobs["attack"] == job_id and (state.mask.mask == mask).all()
    assert again.number_input(key="steps").value == 33 and again.slider(key="area").value == 8.0


def test_after_a_restart_the_saved_run_is_shown(app, text_of, wait_for_job, monkeypatch):
    run_to_its_end(app.run(), wait_for_job)
    job_id = app.session_state["snap"].jobs["attack"]
    fresh = Registry()
    monkeypatch.setattr(resources, "registry", lambda: fresh)
    again = AppTest.from_file(app._script_path, default_timeout=30)
    again.query_params["run"] = job_id
    assert "Model fooled" in text_of(again.run())
    assert again.session_state["snap"].result.run_id == job_id


def test_a_killed_process_gives_back_what_the_run_was_asked(app, text_of, monkeypatch, own_workspace):
    app.run()
    app.number_input(key="steps").set_value(77)
    app.slider(key="area").set_value(7.0).run()
    held = Registry()
    monkeypatch.setattr(held, "submit", lambda *args, **more: more["job_id"])
    monkeypatch.setattr(resources, "registry", lambda: held)
    app.button(key="run").click().run()
    mask, fresh = app.session_state["snap"].mask.mask, Registry()
    monkeypatch.setattr(resources, "registry", lambda: fresh)
    again = AppTest.from_file(app._script_path, default_timeout=30)
    (noted,) = (own_workspace / "unfinished").iterdir()
    again.query_params["run"] = noted.name
    assert "did not come to its end" in text_of(again.run())
    assert (again.session_state["snap"].mask.mask == mask).all()
    assert again.number_input(key="steps").value == 77 and again.slider(key="area").value == 7.0
    assert not again.button(key="run").disabled


@pytest.mark.parametrize("name", ["20260101-000000-abcdef", "../../etc", ""])
def test_an_unknown_run_in_the_address_is_no_disaster(app, text_of, name):
    app.query_params["run"] = name
    text = text_of(app.run())
    assert "Model says" in text
    assert ("neither running nor among the saved runs" in text) == bool(name)


def test_a_job_of_another_kind_in_the_address_is_not_taken(app, text_of, wait_for_job):
    other = resources.registry().submit("folder", "set", lambda handle: "predicted", topic="a folder")
    wait_for_job(other)
    app.query_params["run"] = other
    assert "neither running nor among the saved runs" in text_of(app.run())
    assert "attack" not in app.session_state["snap"].jobs and "run" not in app.query_params


def test_a_run_that_the_worker_has_forgotten_is_still_shown(app, text_of, wait_for_job):
    run_to_its_end(paper(app), wait_for_job)
    run_id = app.session_state["snap"].jobs["attack"]
    app.slider(key="count").set_value(7).run()
    later = [resources.registry().submit("folder", "set", lambda handle: 1) for _ in range(KEPT_JOBS + 1)]
    wait_for_job(later[-1])
    assert resources.registry().snapshot(run_id) is None
    assert run_id in text_of(app.run()) and app.query_params["run"] == run_id
    assert app.slider(key="count").value == 7, "the bench stays as it is"


def test_a_run_that_is_over_at_once_leaves_no_request_behind(app, wait_for_job, monkeypatch, own_workspace):
    submit = resources.registry().submit

    def submit_and_wait(*args, **more):
        job_id = submit(*args, **more)
        wait_for_job(job_id)
        return job_id

    monkeypatch.setattr(resources.registry(), "submit", submit_and_wait)
    app.run().button(key="run").click().run()
    assert (own_workspace / "runs" / app.session_state["snap"].jobs["attack"]).is_dir()
    assert list((own_workspace / "unfinished").iterdir()) == []


def test_stop_keeps_the_best_so_far(app, text_of, wait_for_job):
    paper(app)
    # Out of reach with such cells, so that the run is still going on when Stop comes.
    app.number_input(key="steps").set_value(5000)
    app.slider(key="count").set_value(5)
    app.slider(key="area").set_value(0.5).run()
    app.button(key="run").click().run()
    job_id = app.session_state["snap"].jobs["attack"]
    assert app.button(key="run").disabled
    app.button(key="stop-attack").click().run()
    wait_for_job(job_id, 5)
    assert "snap-card" in text_of(app.run())
    result = resources.registry().snapshot(job_id).result.result
    assert result.stopped and result.steps < 5000
    assert store.load_run(job_id).stopped


def test_a_run_that_cannot_be_saved_is_still_shown(app, text_of, wait_for_job, monkeypatch):
    def full(result):
        raise DataError("The run cannot be written (No space left).")

    monkeypatch.setattr(work, "save_run", full)
    text = text_of(run_to_its_end(app.run(), wait_for_job))
    assert "No space left" in text and "download it now" in text and "Model fooled" in text


def test_settings_reach_the_run(app, wait_for_job):
    app.run()
    app.selectbox(key="gamut").set_value("stain")
    app.selectbox(key="start").set_value("nuclear")
    app.number_input(key="confidence").set_value(80.0)
    app.run()
    app.button_group(key="centre").set_value("excluded")
    run_to_its_end(app.run(), wait_for_job)
    request = resources.registry().snapshot(app.session_state["snap"].jobs["attack"]).topic
    assert (request.attack.gamut, request.attack.start, request.attack.confidence) == (
        "stain",
        "nuclear",
        0.8,
    )
    assert request.cells.centre == "excluded" and not request.mask[32:64, 32:64].any()
    assert request.synthetic and request.true_class == 1


def test_controls_keep_their_values_across_pages(app, page):
    paper(app)
    app.slider(key="count").set_value(7)
    app.selectbox(key="gamut").set_value("pca")
    app.run()
    app.switch_page(page("runs")).run()
    app.switch_page(page("workbench")).run()
    assert app.slider(key="count").value == 7 and app.selectbox(key="gamut").value == "pca"
    assert not app.exception


def test_trim_places_cells_for_the_attack_that_is_set(app, linear_victim, monkeypatch):
    """As the command line does: the same settings, the same mask."""
    victim = linear_victim(scale=0.01)
    monkeypatch.setattr(Victim, "load", lambda path, **more: victim)
    paper(app)
    app.button_group(key="placement").set_value("trim").run()
    before = app.session_state["snap"].mask.mask
    app.selectbox(key="gamut").set_value("stain")
    app.selectbox(key="start").set_value("random").run()
    state = app.session_state["snap"]
    attack = AttackSettings(target=0, gamut="stain", start="random")
    cells = place_cells(victim, state.choice.pixels, CellSettings(placement="trim"), attack)
    assert (state.mask.mask == draw_mask(cells, (96, 96))).all() and (state.mask.mask != before).any()
    revision = state.canvas_revision
    app.number_input(key="steps").set_value(33).run()
    assert app.session_state["snap"].canvas_revision == revision, "the step limit decides nothing of it"


def test_an_edited_mask_is_not_proposed_over(app):
    paper(app)
    state = app.session_state["snap"]
    drawn = np.zeros((96, 96), bool)
    drawn[5:12, 5:12] = True
    set_mask(state, MaskChoice(drawn, "edited", state.mask.cells))
    app.slider(key="count").set_value(5).run()
    assert (app.session_state["snap"].mask.mask == drawn).all()
    next(button for button in app.button if button.label == "Propose cells").click().run()
    assert app.session_state["snap"].mask.source == "proposed"


def test_a_preset_sets_every_control_and_leaves_class_centre_and_seed(app):
    app.run()
    app.button_group(key="centre").set_value("excluded")
    app.number_input(key="cell_seed").set_value(4).run()
    for name, preset in PRESETS.items():
        app.button_group(key="preset").set_value(name).run()
        cells, attack = preset.cells, preset.attack
        state = app.session_state["snap"]
        assert state.mask.cells == replace(cells, centre="excluded", seed=4)
        assert app.selectbox(key="texture").value == attack.texture
        assert app.toggle(key="least_change").value == attack.least_change
        assert app.number_input(key="confidence").value == attack.confidence * 100
        assert app.slider(key="count").disabled == (cells.placement == "all_nuclei")
        assert not app.button(key="run").disabled and not app.exception


def test_an_empty_mask_cannot_be_run(app, text_of):
    app.run()
    next(button for button in app.button if button.label == "Clear").click().run()
    assert "The mask is empty" in text_of(app)
    assert app.button(key="run").disabled


def test_cells_that_find_no_room_are_told(app, text_of):
    paper(app)
    app.slider(key="count").set_value(40)
    app.slider(key="area").set_value(0.5).run()
    state = app.session_state["snap"]
    assert state.mask is not None
    assert state.mask_error == "" or state.mask_error in text_of(app)


def animated() -> bytes:
    stream = io.BytesIO()
    frames = [Image.new("RGB", (96, 96), colour) for colour in ("red", "blue")]
    frames[0].save(stream, "PNG", save_all=True, append_images=frames[1:])
    return stream.getvalue()


GOOD = encode_png(np.random.default_rng(0).integers(100, 200, (96, 96, 3), dtype=np.uint8))


@pytest.mark.parametrize(
    ("name", "data", "sentence"),
    [
        ("notes.txt", b"words", "is not a PNG"),
        ("large.png", GOOD + b"\0" * (21 * 2**20), "at most 20 MB"),
        ("cut.png", GOOD[: len(GOOD) // 2], "damaged or cut short"),
        ("moving.png", animated(), "frames"),
        ("tiny.png", encode_png(np.zeros((10, 10, 3), np.uint8)), "10 x 10 px"),
        ("empty.png", b"", "empty"),
    ],
)
def test_a_bad_file_is_told_and_nothing_is_lost(app, text_of, name, data, sentence):
    app.run()
    before = app.session_state["snap"].choice.name
    app.button_group(key="image_source").set_value("File").run()
    app.file_uploader(key="image_file").upload(name, data).run()
    assert not app.exception
    assert any(sentence in error.value for error in app.error)
    assert app.session_state["snap"].choice.name == before and app.session_state["snap"].mask is not None


def test_a_good_file_is_taken_and_a_field_gets_a_window(app, text_of, stained_patch):
    app.run()
    app.button_group(key="image_source").set_value("File").run()
    app.file_uploader(key="image_file").upload("patch.png", encode_png(stained_patch(3, 190))).run()
    assert app.session_state["snap"].choice.name == "patch.png"
    assert "truth: not known" in text_of(app)
    field = np.concatenate([stained_patch(4, 150), stained_patch(5, 190)], axis=1)
    app.file_uploader(key="image_file").upload("field.png", encode_png(field)).run()
    slider = next(slider for slider in app.slider if slider.label.startswith("From the left"))
    slider.set_value(96).run()
    state = app.session_state["snap"]
    assert (state.choice.pixels == field[:, 96:]).all()
    assert "Model says **metastasis**" in text_of(app)


def test_a_mask_goes_out_and_comes_back(app, text_of):
    app.run()
    mask = np.zeros((96, 96), np.uint8)
    mask[40:50, 40:50] = 255
    app.file_uploader(key="mask_file").upload("mask.png", encode_png(mask)).run()
    state = app.session_state["snap"]
    assert state.mask.source == "imported" and state.mask.mask.sum() == 100
    app.file_uploader(key="mask_file").upload("wrong.png", encode_png(mask[:50])).run()
    assert any("must be of one size" in error.value for error in app.error)
    assert app.session_state["snap"].mask.mask.sum() == 100


def test_a_folder_without_pictures_is_told(app, text_of, tmp_path):
    app.run()
    app.button_group(key="image_source").set_value("Folder").run()
    app.text_input(key="image_folder").set_value(str(tmp_path / "nowhere")).run()
    assert "does not exist" in text_of(app)
    assert app.session_state["snap"].choice is not None


def test_missing_model_and_demo_are_told(app, text_of, monkeypatch, tmp_path):
    monkeypatch.setenv("SNAP_MODEL", str(tmp_path / "gone.safetensors"))
    monkeypatch.setattr("snapgui.ui.filmstrip.strip.list_demo_patches", list)
    text = text_of(app.run())
    assert "The shipped model gone.safetensors is missing" in text
    assert "The demo patches are missing" in text
    assert "No model loaded" in text


def test_a_widget_that_loses_its_value_falls_back_to_the_sessions_own(app, page):
    """As when the page is left while it is drawn: the browser then shows what the widget begins with."""
    paper(app)
    app.slider(key="count").set_value(7)
    app.selectbox(key="start").set_value("nuclear").run()
    begins = [app.slider(key=key).proto.default[0] for key in ("count", "area")]
    begins += [app.number_input(key=key).proto.default for key in ("steps", "confidence")]
    assert begins == [7, 5.0, 50, 95.0] and app.selectbox(key="start").proto.default == 2 - 1
    app.switch_page(page("audit")).run()
    assert app.session_state["snap"].controls["steps"] == 50 and not app.exception


def test_a_result_belongs_to_its_picture(app, text_of, wait_for_job, patches):
    run_to_its_end(app.run(), wait_for_job)
    own, other = app.session_state["snap"].choice, patches[3]
    choose(app.session_state["snap"], Choice(read_pixels(other.path), other.name, other.true_class))
    text = text_of(app.run())
    assert "Model fooled" not in text and f"The last run was on {own.name}" in text
    buttons = [button.label for button in app.get("download_button")]
    assert "run" not in app.query_params and buttons == ["Save mask (PNG)", "Save cells (GeoJSON)"]
    app.button(key="back_to_run").click().run()
    assert "Model fooled" in text_of(app) and app.session_state["snap"].choice.name == own.name


def test_keys_undo_and_redo_the_mask_and_change_the_brush(app):
    app.run()
    state = app.session_state["snap"]
    proposed, drawn = state.mask, MaskChoice(np.eye(96, dtype=bool), "edited")
    set_mask(state, drawn)
    for pressed, mask in (("undo", proposed), ("redo", drawn), ("redo", drawn), ("undo", proposed)):
        press_key(state, pressed)
        assert state.mask is mask
    for _ in range(20):
        press_key(state, "thicker")
    assert state.controls["brush_px"] == 24 == app.run().number_input(key="brush_px").value


def test_open_on_another_page_leads_to_the_run_and_its_picture(app, page, wait_for_job):
    paper(app)
    app.number_input(key="steps").set_value(5000)
    app.slider(key="count").set_value(5)
    app.slider(key="area").set_value(0.5)
    # All of it pressed at once: the run is of what the page says then, not of what it said before.
    app.button(key="run").click().run()
    job_id = app.session_state["snap"].jobs["attack"]
    assert app.session_state["spot"] is None, "whoever works is not invited to guess"
    again = AppTest.from_file(app._script_path, default_timeout=30)
    again.switch_page(page("runs")).run()
    again.button(key=f"chip-open-{job_id}").click().run()
    assert again.session_state["snap"].jobs["attack"] == job_id and not again.exception
    assert again.number_input(key="steps").value == 5000 and again.query_params["run"] == job_id
    assert f"chip-stop-{job_id}" not in {button.key for button in again.button}, "the page itself shows it"
    again.button(key="stop-attack").click().run()
    wait_for_job(job_id)
