"""Words, zooms, charts and the choices of a session: plain functions behind the pages."""

import numpy as np
import pytest

from snapgui.engine.settings import AttackSettings, CellSettings
from snapgui.errors import ImageError
from snapgui.runs.records import CurvePoint, RunRequest
from snapgui.ui.parts.browser import zoom_for
from snapgui.ui.parts.charts import confidence_chart, decimate
from snapgui.ui.pixels import thumbnail_uri, window_overview
from snapgui.ui.result.comparison.pictures import choose_gain
from snapgui.ui.state import (
    Choice,
    MaskChoice,
    SnapState,
    choose_window,
    control_values,
    set_mask,
    take_picture,
    undo_mask,
)
from snapgui.ui.workbench.stage import picture_words
from snapgui.words import duration, per_cent, shorten

GREY = np.full((96, 96, 3), 128, np.uint8)


@pytest.mark.parametrize(
    ("share", "words"),
    [(0.5, "50.0 %"), (0.99996, "> 99.9 %"), (0.00001, "< 0.1 %"), (1.0, "100.0 %"), (0.0, "0.0 %")],
)
def test_per_cent_never_rounds_to_certainty(share, words):
    assert per_cent(share) == words


def test_other_words():
    assert duration(5.2) == "5 s" and duration(125) == "2 min 5 s" and duration(float("inf")) == "unknown"
    assert shorten("short.png") == "short.png"
    assert len(shorten("a" * 60)) <= 24


@pytest.mark.parametrize(("largest", "gain"), [(0, 16), (7, 16), (8, 8), (60, 2), (64, 1), (200, 1)])
def test_gain_keeps_differences_inside_the_picture(largest, gain):
    altered = GREY.copy()
    altered[0, 0, 0] = 255 if largest > 127 else 128 + largest
    original = GREY.copy()
    original[0, 0, 0] = 255 - largest if largest > 127 else 128
    assert choose_gain(original, altered) == gain


def test_zoom_is_whole_and_fits():
    assert zoom_for(1290, 4, least=2, most=4) == 3
    assert zoom_for(874, 4, least=2, most=4) == 2
    assert zoom_for(200, 4, least=2, most=4) == 2
    assert zoom_for(None, 1, least=3, most=6) == 6


def test_curve_keeps_both_ends_and_all_classes():
    points = [CurvePoint(step, (step / 1000, 1 - step / 1000), step / 1000) for step in range(1001)]
    kept = decimate(points)
    assert len(kept) == 200 and kept[0].step == 0 and kept[-1].step == 1000
    figure = confidence_chart(points, ("normal", "metastasis"), threshold=0.95, target=0, best_step=7)
    assert [trace.name for trace in figure.data] == ["normal", "metastasis", "kept"]
    assert figure.data[0].y[-1] == pytest.approx(100) and figure.data[2].x == (7,)
    assert figure.layout.shapes[0].y0 == pytest.approx(95)


def test_overview_frames_the_window():
    picture = window_overview(np.full((300, 600, 3), 200, np.uint8), left=0, top=0, size_px=96, width_px=300)
    assert picture.shape == (150, 300, 3)
    assert (picture[0, 0] == 0).all() and (picture[140, 290] == 200).all()


def test_thumbnail_is_png():
    assert thumbnail_uri(GREY).startswith("data:image/png;base64,iVBOR")


def test_a_picture_too_small_changes_nothing():
    state = SnapState()
    take_picture(state, Choice(GREY, "good"))
    with pytest.raises(ImageError, match="10 x 10 px"):
        take_picture(state, Choice(GREY[:10, :10], "tiny.png"))
    assert state.choice is not None and state.choice.name == "good"


def test_a_larger_field_is_seen_through_a_window():
    field = np.zeros((200, 300, 3), np.uint8)
    field[50:146, 20:116] = 77
    state = SnapState()
    take_picture(state, Choice(field, "field.png", true_class=1, told="White was guessed."))
    assert "White was guessed." in picture_words(state.choice, None)
    choose_window(state, left=20, top=50)
    assert (state.choice.pixels == 77).all() and state.choice.true_class == 1
    take_picture(state, Choice(GREY, "patch"))
    assert state.large_field is None


def test_undo_goes_back_mask_by_mask():
    state = SnapState()
    take_picture(state, Choice(GREY, "good"))
    empty, full = np.zeros((96, 96), bool), np.ones((96, 96), bool)
    set_mask(state, MaskChoice(empty, "proposed", CellSettings()))
    before = state.canvas_revision
    set_mask(state, MaskChoice(full, "edited"))
    undo_mask(state)
    assert (
        state.mask.source == "proposed" and not state.mask.mask.any() and state.mask.cells == CellSettings()
    )
    assert state.canvas_revision > before
    undo_mask(state)
    assert state.mask.source == "proposed"


def test_controls_carry_every_setting():
    attack, cells = AttackSettings(target=1, steps=7), CellSettings(count=3, area=0.07)
    values = control_values(attack, cells)
    request = RunRequest(GREY, np.ones((96, 96), bool), attack, cells)
    assert values["area"] == 7.0 and values["steps"] == request.attack.steps and values["target"] == 1
    assert (
        AttackSettings(
            **{key: values[key] for key in ("target", "gamut", "start", "steps")},
            confidence=values["confidence"] / 100,
        )
        == attack
    )
