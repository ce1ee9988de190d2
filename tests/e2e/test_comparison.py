"""The comparison viewer in a browser: exact pixels, every mode, keys that stay with it, alternatives opened
from the chart.
"""

import base64
import re
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from snapgui.engine.images import decode_pixels
from snapgui.engine.visibility.measures import enlarge

pytestmark = pytest.mark.browser
HEAD_PX, GAP_PX = 24, 12


def settle(page: Page) -> None:
    """Wait until Streamlit has nothing left to draw."""
    page.wait_for_timeout(400)
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)
    page.wait_for_timeout(700)


def picture_in(viewer: Locator, pane: int, side: int = 96) -> np.ndarray:
    """The picture that stands in the left or right pane of the stage, as drawn."""
    uri = viewer.locator("canvas.stage").evaluate("stage => stage.toDataURL('image/png')")
    stage, zoom = (
        decode_pixels(base64.b64decode(uri.split(",", 1)[1])),
        int(viewer.get_attribute("data-zoom")),
    )
    half = (stage.shape[1] - GAP_PX) // 2
    left = int(np.floor((stage.shape[1] - half if pane else 0) + half / 2 - side / 2 * zoom + 0.5))
    return stage[HEAD_PX : HEAD_PX + side * zoom, left : left + side * zoom]


def saved_picture(page: Page, name: str) -> np.ndarray:
    button = page.get_by_role("button", name=name, exact=True)
    if not button.is_visible():
        page.get_by_role("button", name="More", exact=True).click()
        expect(button).to_be_visible()
    with page.expect_download() as waiting:
        button.click()
    page.keyboard.press("Escape")
    return decode_pixels(Path(waiting.value.path()).read_bytes())


@pytest.fixture
def viewer(page: Page, app_address: str) -> Locator:
    """The viewer of a saved run, the pointer on it."""
    page.goto(app_address)
    expect(page.get_by_role("button", name="Run", exact=True)).to_be_visible(timeout=180_000)
    settle(page)
    page.locator('.gallery button[title*="metastasis"]').first.click()
    expect(page.get_by_text("Model says metastasis")).to_be_visible(timeout=60_000)
    settle(page)
    page.get_by_text("Expert", exact=True).click()
    steps = page.get_by_role("spinbutton", name="Step limit")
    steps.fill("4")
    steps.press("Enter")
    settle(page)
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator(".snap-card")).to_be_visible(timeout=180_000)
    page.get_by_role("link", name="Runs").click()
    expect(page.get_by_text("Delete this run")).to_be_visible(timeout=60_000)
    settle(page)
    found = page.locator(".comparison")
    expect(found).to_have_attribute("data-ready", "yes", timeout=60_000)
    found.locator("canvas.stage").hover()
    return found


def test_a_run_is_compared_in_every_way(page: Page, outside: list[str], viewer: Locator) -> None:
    expect(viewer).to_have_attribute("data-shows", "side")
    zoom = int(viewer.get_attribute("data-zoom"))
    altered, mask = (
        saved_picture(page, "Adversarial image (PNG)"),
        saved_picture(page, "Mask (PNG)")[..., 0] > 0,
    )
    assert zoom >= 4 and (picture_in(viewer, 1) == enlarge(altered, zoom)).all(), (
        "every pixel as saved, repeated and not blended"
    )
    before = picture_in(viewer, 0)[::zoom, ::zoom]
    assert (before[~mask] == altered[~mask]).all() and (before[mask] != altered[mask]).any()

    viewer.locator("canvas.stage").hover()
    page.keyboard.down(" ")
    expect(viewer).to_have_attribute("data-now", "original")
    assert (picture_in(viewer, 1) == enlarge(before, zoom)).all()
    page.keyboard.up(" ")
    expect(viewer).to_have_attribute("data-now", "altered")

    for key, stain in (("2", "haematoxylin"), ("3", "eosin"), ("1", "rgb")):
        page.keyboard.press(key)
        expect(viewer).to_have_attribute("data-stain", stain)
        assert (np.ptp(picture_in(viewer, 1), axis=2) == 0).all() == (stain != "rgb"), "stains are grey"
    page.keyboard.press("a")
    expect(viewer).to_have_attribute("data-rim", "on")
    assert (picture_in(viewer, 0) != enlarge(before, zoom)).any()
    page.keyboard.press("a")

    page.keyboard.press("d")
    expect(viewer).to_have_attribute("data-shows", "difference")
    gain = int(viewer.locator("select.gain").input_value())
    expected = np.clip(128 + gain * (altered.astype(int) - before), 0, 255)
    assert (
        picture_in(viewer, 1)[::zoom, ::zoom] == expected
    ).all() and f"plus {gain} ×" in viewer.inner_text()
    page.keyboard.press("d")
    expect(viewer).to_have_attribute("data-shows", "side")

    page.keyboard.press("h")
    heat = picture_in(viewer, 1)[::zoom, ::zoom]
    assert (
        len(np.unique(heat[~mask].reshape(-1, 3), axis=0)) == 1
        and (heat[mask].sum(axis=1) > heat[~mask].sum(axis=1).max()).any()
    )
    page.keyboard.press("m")
    assert ((picture_in(viewer, 1)[::zoom, ::zoom, 0] == 255) == mask).all()
    page.keyboard.press("w")
    expect(viewer).to_have_attribute("data-shows", "swipe")
    page.keyboard.press("b")
    expect(viewer).to_have_attribute("data-now", "original")
    expect(viewer).to_have_attribute("data-now", "altered")
    page.keyboard.press("s")

    page.mouse.wheel(0, -240)
    page.wait_for_timeout(200)
    assert int(viewer.get_attribute("data-zoom")) == zoom, "the page scrolls until the viewer was clicked"
    viewer.locator("canvas.stage").click()
    page.mouse.wheel(0, -120)
    expect(viewer).not_to_have_attribute("data-zoom", str(zoom))
    page.keyboard.press("0")
    expect(viewer).to_have_attribute("data-zoom", str(zoom))

    page.get_by_text("Measurements: how visible is it?").click()
    page.get_by_text("All visibility numbers").click()
    box = page.get_by_role("textbox", name="Weights for LPIPS on this computer")
    box.click()
    viewer.locator("canvas.stage").hover()
    page.keyboard.type("23ad mb")
    assert box.input_value() == "23ad mb"
    assert [viewer.get_attribute(f"data-{name}") for name in ("shows", "stain", "rim", "now")] == [
        "side",
        "rgb",
        "off",
        "altered",
    ]
    box.fill("")
    settle(page)

    page.get_by_text("Other ways to the same confidence").click()
    page.get_by_role("button", name="Compare with other attacks").click()
    expect(page.locator('[class*="st-key-stop-alternatives"] button:visible')).to_be_visible(timeout=60_000)
    opened = page.get_by_role("button", name="Open in the viewer")
    expect(page.get_by_text(re.compile(r"^\d+ of 12 done")).or_(opened).first).to_be_visible(timeout=180_000)
    # The buttons come when all are made; each has its own time, as the processor may be shared.
    for done in range(12):
        expect(page.get_by_text(re.compile(rf"^{done} of 12 done"))).to_have_count(0, timeout=180_000)
    expect(opened).to_have_count(12, timeout=60_000)
    settle(page)
    page.locator(".js-plotly-plot").last.locator(".point").nth(7).click(force=True)
    expect(page.get_by_text(re.compile("Shown in place of this run's picture"))).to_be_visible(timeout=60_000)
    expect(viewer).not_to_have_attribute("data-name", "Adversarial")
    page.get_by_role("button", name="Back to this run's picture").click()
    expect(viewer).to_have_attribute("data-name", "Adversarial", timeout=60_000)

    page.set_viewport_size({"width": 1024, "height": 768})
    settle(page)
    size = viewer.bounding_box()
    assert size["height"] < 700 and size["x"] >= 0 and size["x"] + size["width"] <= 1024
    assert int(viewer.get_attribute("data-zoom")) >= 4 and (
        picture_in(viewer, 0)[:: int(viewer.get_attribute("data-zoom"))].shape[0] == 96
    )
    assert outside == []


def test_a_point_of_the_naturalness_figure_opens_its_pictures(
    page: Page, outside: list[str], app_address: str
) -> None:
    page.goto(f"{app_address}/naturalness")
    viewer = page.locator(".comparison")
    expect(viewer).to_have_attribute("data-name", "natural", timeout=180_000)
    settle(page)
    trace = page.locator(".js-plotly-plot .scatterlayer .trace", has=page.locator(".point")).last
    trace.locator(".point").click(force=True)
    expect(viewer).not_to_have_attribute("data-name", "natural", timeout=60_000)
    expect(viewer).to_have_attribute("data-ready", "yes")
    settle(page)
    assert (picture_in(viewer, 0) != 0).any()
    viewer.locator("canvas.stage").hover()
    page.keyboard.press("b")
    expect(viewer).to_have_attribute("data-shows", "blink")
    page.get_by_text("FLIP", exact=True).first.click()
    expect(page.get_by_text("mean FLIP of the whole picture")).to_be_visible()
    assert outside == []
