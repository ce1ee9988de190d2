"""The visibility panel in words, and the screen that it assumes."""

import csv
import io

import numpy as np
import pytest

from snapgui.engine.settings import AttackSettings
from snapgui.engine.visibility.display import Display
from snapgui.engine.visibility.figures import Spread
from snapgui.engine.visibility.panel import panel
from snapgui.progress import drain
from snapgui.runs.records import RunRequest
from snapgui.runs.run import run_snap
from snapgui.runs.store import save_run
from snapgui.ui.result.screen import FILE, Screen, keep_screen, read_screen
from snapgui.ui.result.visibility_rows import other_table, panel_csv, spread_table
from snapgui.ui.result.visibility_words import (
    PREDICT,
    de00_words,
    headline_sentence,
    headline_table,
    nucleus_sentences,
    number,
)

DISPLAY = Display(zoom=1)


@pytest.fixture
def mask() -> np.ndarray:
    mask = np.zeros((96, 96), bool)
    mask[20:30, 20:30] = True
    return mask


@pytest.fixture
def measured(tissue, mask):
    altered = tissue.copy()
    altered[mask] = (250, 250, 0)
    return panel(tissue, altered, mask, DISPLAY)


def test_small_numbers_are_not_printed_as_nothing() -> None:
    assert (
        number(0, 2) == "0.00"
        and number(0.004, 2) == "< 0.01"
        and number(0.006, 2) == "0.01"
        and number(12.34, 1) == "12.3"
    )


@pytest.mark.parametrize(
    ("mean", "words"),
    [
        (0.4, "invisible"),
        (1.5, "seen on a close look"),
        (4, "seen when looked for"),
        (9, "plain at a glance"),
    ],
)
def test_colour_differences_in_words(mean, words) -> None:
    assert de00_words(Spread(mean, 99, 99)) == words


def test_the_headline_is_short_and_true(measured, tissue, mask) -> None:
    table = headline_table(measured)
    assert list(table) == ["Measure", "Inside the mask", "Ring around it", "Whole image", "How to read it"]
    assert len({len(column) for column in table.values()}) == 1 and len(table["Measure"]) == 5
    assert (
        table["Inside the mask"][0] == f"{measured.regions['mask'].de00.mean:.1f}"
        and table["Ring around it"][4] == "no change"
    )
    assert "below 1 invisible" in table["How to read it"][0]
    assert "plain at a glance" in headline_sentence(measured) and "1.1 % of the image" in headline_sentence(
        measured
    )
    assert (
        headline_sentence(panel(tissue, tissue, mask, DISPLAY))
        == "The two pictures are the same, pixel by pixel."
    )


def test_cells_are_set_beside_nuclei(measured, tissue, mask) -> None:
    text = " ".join(nucleus_sentences(measured))
    assert (
        f"own {measured.nuclei.nuclei} nuclei" in text
        and "Beside these nuclei the typical cell has" in text
        and "100.0 % have colours beyond" in text
    )
    glass = np.full((96, 96, 3), 245, np.uint8)
    assert "here 0 were found" in " ".join(nucleus_sentences(panel(glass, glass, mask, DISPLAY)))
    outside = tissue.copy()
    outside[0, 0] = 0
    assert "1 pixel changed outside the mask" in " ".join(
        nucleus_sentences(panel(tissue, outside, mask, DISPLAY))
    )


def test_all_numbers_stand_in_the_tables_and_in_the_file(measured) -> None:
    table = spread_table(measured)
    flip = measured.regions["mask"].flip
    assert table["Inside the mask"][:3] == [f"{value:.3f}" for value in (flip.mean, flip.tail, flip.worst)]
    assert table["Measure"][6:9] == ["SSIM mean", "SSIM 5th percentile", "SSIM minimum"]
    assert table["Inside the mask"][table["Measure"].index("L-infinity, levels of 255")] == str(
        measured.regions["mask"].linf_levels
    )
    others = other_table(measured)
    assert (
        len(set(others["Measure"])) == len(others["Measure"])
        and "Outside the image's stains" in others["Measure"]
    )
    assert any("z, median cell" in name for name in others["Measure"])
    rows = list(csv.DictReader(io.StringIO(panel_csv(measured))))
    found = {(row["measure"], row["region"]): row["value"] for row in rows}
    assert float(found["CIEDE2000 mean", "whole"]) == measured.regions["whole"].de00.mean


@pytest.fixture
def saved(app, tiny_victim, stained_patch) -> None:
    """One run in the workspace."""
    pixels = stained_patch(1, 190)
    request = RunRequest(
        pixels, pixels[..., 0] < 120, AttackSettings(steps=3), image_name="kept.png", true_class=1
    )
    save_run(drain(run_snap(tiny_victim, request)))


def open_measurements(app, page):
    """The Runs page with the fold of measurements open."""
    app.run().session_state["saved-measured"] = True
    return app.switch_page(page("runs")).run()


def test_the_panel_says_for_which_screen_and_that_readers_decide(
    app, page, saved, own_workspace, text_of
) -> None:
    (own_workspace / FILE).unlink()
    text = text_of(open_measurements(app, page))
    assert PREDICT in text and "41.9 pixels per degree (assumed, not measured)" in text
    tables = [table.value for table in app.table]
    assert tables[0].shape[0] == 5 and any(
        "To get LPIPS" in str(table.to_numpy()) and "pip install cvvdp" in str(table.to_numpy())
        for table in tables
    )


def test_another_screen_is_measured_kept_and_refused_where_it_cannot_be(app, page, saved, text_of) -> None:
    open_measurements(app, page)
    flip = app.table[0].value.iloc[2, 1]
    app.number_input(key="saved-visibility-screen-distance_mm").set_value(3000.0).run()
    assert "209.4 pixels per degree" in text_of(app) and app.table[0].value.iloc[2, 1] != flip
    assert read_screen() == Screen(distance_mm=3000.0, zoom=1)
    app.number_input(key="saved-visibility-screen-distance_mm").set_value(5000.0)
    app.number_input(key="saved-visibility-screen-width_px").set_value(20000).run()
    assert any("must be from 5 to 500" in error.value for error in app.error)
    assert "pixels per degree" in text_of(app) and read_screen().display.pixels_per_degree < 500


def test_the_kept_screen_is_there_in_the_next_session(app, page, saved, text_of) -> None:
    keep_screen(Screen(width_mm=600, width_px=3840, measured=True, zoom=1))
    assert "67.0 pixels per degree (measured)" in text_of(open_measurements(app, page))
