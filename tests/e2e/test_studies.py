"""A study from a folder of pairs, made, answered, looked at, taken away and deleted as a person does it."""

import json
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from snapgui import shipped
from snapgui.engine.images import encode_png, read_pixels
from snapgui.study.store.store import open_store
from tests.study.simulated import answer_trial

pytestmark = pytest.mark.browser
expect.set_options(timeout=180_000)


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """Six demo patches with two painted cells."""
    folder = tmp_path / "pairs"
    for place in ("untouched", "altered"):
        (folder / place).mkdir(parents=True)
    for i, path in enumerate(sorted(shipped.DEMO_FOLDER.glob("*.png"))[:6]):
        pixels = read_pixels(path)
        altered = pixels.copy()
        altered[10:20, 12:22] = altered[60:70, 40:52] = np.random.default_rng(i).integers(60, 200, 3)
        for place, picture in (("untouched", pixels), ("altered", altered)):
            (folder / place / f"p{i}.png").write_bytes(encode_png(picture))
    return folder


def fill(page: Page, name: str, value: str) -> None:
    box = page.get_by_role("textbox", name=name, exact=True)
    box.fill(value)
    box.press("Enter")
    settle(page)


def settle(page: Page) -> None:
    page.wait_for_timeout(400)
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)
    page.wait_for_timeout(400)


def download(page: Page, name: str) -> bytes:
    with page.expect_download() as waiting:
        page.get_by_role("button", name=name, exact=True).click()
    return Path(waiting.value.path()).read_bytes()


def answer(name: str) -> None:
    """Three readers answer a study of the workspace."""
    store, rng = open_store(), np.random.default_rng(0)
    by_id = store.study(name).by_id()
    odd = {stimulus.source: 0.0 for stimulus in by_id.values()}
    for _ in range(3):
        session = store.begin(store.enrol(name).pseudonym)
        for trial in session.trials:
            store.record(session.id, answer_trial(trial, by_id, rng, 0.0, odd))
    store.close()


def test_a_study_is_made_answered_and_deleted(
    page, outside, app_address, app_workspace, pairs, monkeypatch
) -> None:
    page.goto(f"{app_address}/studies")
    # The app may hold audits and runs of other tests, which it would offer first.
    page.get_by_text("A folder", exact=True).click()
    fill(page, "Folder on this computer", str(pairs))
    expect(page.get_by_text("6 pictures", exact=True)).to_be_visible()
    page.get_by_text("Protocol: numbers, rules and texts").click()
    page.get_by_text("Let the model check the shams").click()
    page.get_by_text("B Which of two").click()
    expect(page.get_by_text("Each reader answers 3 pairs of SNAP and untouched.")).to_be_visible()
    fill(page, "Title", "Two fields")
    fill(page, "Responsible", "Dr. X, approval 1")
    page.get_by_role("button", name="Make the study", exact=True).click()
    expect(page.get_by_text("The study is frozen with 6 pictures.")).to_be_visible()
    settle(page)
    design = json.loads(download(page, "Design (JSON)"))
    name = f"study-{design['sha256'][:12]}"
    expect(page.get_by_text(f"{app_address}/?study={name}")).to_be_visible()
    expect(page.get_by_text(f"SHA-256 of the design: {design['sha256']}")).to_be_visible()
    assert design["study"]["settings"]["title"] == "Two fields" and design["study"]["settings"]["kind"] == "B"
    assert download(page, "Answers (ZIP)") == download(page, "Answers (ZIP)")
    monkeypatch.setenv("SNAP_WORKSPACE", str(app_workspace))
    answer(name)
    page.get_by_role("link", name="Analysis").click()
    chosen = page.get_by_role("combobox", name="Study, the newest first")
    expect(chosen).to_have_value(f"Two fields ({name})")
    expect(page.locator(".js-plotly-plot").first).to_be_visible()
    page.get_by_role("link", name="Studies").click()
    expect(page.get_by_text("Address for readers")).to_be_visible()
    settle(page)
    page.get_by_role("button", name="Delete this study").click()
    fill(page, "To confirm, type the title: Two fields", "Two fields")
    page.get_by_role("button", name="Delete for good", exact=True).click()
    expect(page.get_by_text(f"{name} is deleted.")).to_be_visible()
    expect(page.get_by_role("button", name="Delete for good")).not_to_be_visible()
    assert outside == []
