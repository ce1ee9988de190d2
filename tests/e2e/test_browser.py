"""The app as a person uses it."""

import csv
import io
import json
import re
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from snapgui import shipped
from snapgui.engine.images import decode_pixels, to_image
from snapgui.engine.victim.victim import Victim
from snapgui.words import per_cent

pytestmark = pytest.mark.browser
expect.set_options(timeout=180_000)
VERDICT = ".snap-card"
# Watches every frame for what turns grey because it is about to be drawn anew.
WATCH_GREY = """() => { window.grey = []; const look = () => {
  for (const node of document.querySelectorAll('[data-testid="stMain"] [data-stale="true"]'))
    if (getComputedStyle(node).opacity < 1) window.grey.push(node.className);
  requestAnimationFrame(look); }; look(); }"""


def settle(page: Page, pause_ms: int = 700) -> None:
    """Wait until Streamlit has nothing left to draw."""
    page.wait_for_timeout(400)
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)
    page.wait_for_timeout(pause_ms)


def open_workbench(page: Page, address: str) -> None:
    page.goto(address)
    expect(page.get_by_role("button", name="Run", exact=True)).to_be_visible()
    settle(page)


def pick_metastasis(page: Page) -> None:
    page.locator('.gallery button[title*="metastasis"]').first.click()
    expect(page.get_by_text("Model says metastasis")).to_be_visible()
    expect(page.locator("canvas.upper-canvas")).to_be_visible()
    settle(page)


def area_px(page: Page) -> int:
    words = page.get_by_text(re.compile(r"\(\d+ px\) in")).first.inner_text()
    return int(re.search(r"\((\d+) px\)", words).group(1))


def draw_blob(page: Page, x: float, y: float) -> None:
    """Paint a short stroke with the brush, at a place of the canvas given as shares of its side."""
    canvas = page.locator("canvas.upper-canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    left, top = box["x"] + x * box["width"], box["y"] + y * box["height"]
    page.mouse.move(left, top)
    page.mouse.down()
    page.mouse.move(left + 14, top + 6, steps=6)
    page.mouse.up()


def expert_number(page: Page, name: str) -> Locator:
    """A number's box, after what hides it was opened."""
    box = page.get_by_role("spinbutton", name=name)
    if not box.is_visible():
        page.get_by_text("Expert", exact=True).click()
        expect(box).to_be_visible()
        settle(page)
    return box


def set_number(page: Page, name: str, value: str) -> None:
    box = expert_number(page, name)
    box.fill(value)
    box.press("Enter")
    settle(page)


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def download(page: Page, name: str) -> bytes:
    with page.expect_download() as waiting:
        press(page, name)
    return Path(waiting.value.path()).read_bytes()


def check_small_and_dark(page: Page) -> None:
    """In a window of 1024 x 768 px the whole loop is in sight, and a dark system gets a dark page."""
    page.set_viewport_size({"width": 1024, "height": 768})
    settle(page)
    for part in (
        page.locator(".gallery").first,
        page.get_by_text("Natural", exact=True).first,
        page.get_by_role("slider", name=re.compile("Area")),
        page.get_by_role("button", name="Run", exact=True),
        page.locator(".comparison canvas.stage"),
        page.locator(VERDICT),
        page.get_by_role("button", name="Figure (PNG)"),
        page.get_by_role("button", name="Everything (ZIP)"),
    ):
        box = part.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= 1024, part
        assert box["y"] >= 0 and box["y"] + box["height"] <= 768, part
    surround = "getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor"
    assert page.evaluate(surround) == "rgb(226, 226, 226)"
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(f"{surround} === 'rgb(30, 30, 30)'")
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1440, "height": 900})
    settle(page)


def check_bundle(data: bytes, victim: Victim) -> dict:
    """What the ZIP says is what its pictures say."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    assert set(files) == {
        "original.png",
        "adversarial.png",
        "mask.png",
        "curve.csv",
        "result.json",
        "figure.png",
        "manifest.json",
        "SHA256SUMS",
    }
    values = json.loads(files["result.json"])
    original, adversarial = decode_pixels(files["original.png"]), decode_pixels(files["adversarial.png"])
    mask = decode_pixels(files["mask.png"])[..., 0] > 0
    assert (original[~mask] == adversarial[~mask]).all() and (original[mask] != adversarial[mask]).any()
    assert float(mask.mean()) == pytest.approx(values["area_fraction"])
    p = victim.predict(to_image(adversarial)[None])[0]
    assert np.allclose(p.numpy(), values["p_after"], atol=1e-3)
    assert values["model_sha256"] == victim.card.sha256
    return values


def test_a_person_fools_the_model_and_takes_the_evidence_away(
    page, outside, app_address, shipped_victim
) -> None:
    open_workbench(page, app_address)
    pick_metastasis(page)
    expert_number(page, "Step limit")
    press(page, "Propose cells")
    settle(page)
    page.keyboard.press("Escape")
    proposed = area_px(page)
    assert 0 < proposed <= 0.3 * 9216, "the default proposal exceeds its 30 per cent"

    draw_blob(page, 0.2, 0.85)
    expect(page.get_by_text(re.compile("centre, edited"))).to_be_visible()
    settle(page)
    drawn = area_px(page)
    assert drawn > proposed
    page.keyboard.press("Control+z")
    expect(page.get_by_text(f"({proposed} px)")).to_be_visible()
    page.keyboard.press("Control+Shift+Z")
    expect(page.get_by_text(f"({drawn} px)")).to_be_visible()
    settle(page)
    brush = page.get_by_role("spinbutton", name="Brush, px")
    assert brush.input_value() == "8"
    page.keyboard.press("]")
    expect(brush).to_have_value("10")
    settle(page)

    canvas = page.locator("canvas.upper-canvas")
    edited = canvas.bounding_box()
    page.get_by_text("2 x", exact=True).click()
    expect(canvas).to_have_attribute("width", str(round(2 * edited["width"])))
    settle(page)
    draw_blob(page, 0.3, 0.05)
    expect(page.get_by_text(f"({drawn} px)")).to_have_count(0)
    assert 0 < area_px(page) - drawn < 100, "a stroke is half as wide on the picture"
    page.keyboard.press("Control+z")
    expect(page.get_by_text(f"({drawn} px)")).to_be_visible()
    page.get_by_text("1 x", exact=True).click()
    settle(page)

    assert canvas.bounding_box() == edited
    press(page, "Run")
    expect(page.locator(VERDICT)).to_be_visible()
    settle(page)
    viewer = page.locator(".comparison canvas.stage").bounding_box()
    head_px = 24
    assert abs(viewer["y"] + head_px - edited["y"]) < 1, "the picture keeps its place"
    assert abs(viewer["x"] + viewer["width"] / 2 - edited["x"] - edited["width"] / 2) < 2
    assert edited["width"] >= 560 and viewer["height"] > edited["height"]
    drawn_px = page.locator(".comparison canvas.stage").evaluate("stage => [stage.width, stage.height]")
    assert drawn_px == pytest.approx([viewer["width"], viewer["height"]]), "stretched"
    download_row = page.get_by_role("button", name="Everything (ZIP)").bounding_box()
    assert max(download_row["y"], viewer["y"] + head_px + edited["height"]) < 900, "without scrolling"
    expect(page.get_by_text(re.compile(r"metastasis \d+\.\d % (->|→) "))).to_be_visible()
    values = check_bundle(download(page, "Everything (ZIP)"), shipped_victim)
    assert values["mask_source"] == "edited" and values["synthetic"] and values["true_class"] == 1
    assert round(values["area_fraction"] * 9216) == drawn
    assert values["flipped"], "a typical metastasis is to flip at the default settings"
    assert decode_pixels(download(page, "Figure (PNG)")).shape[1] > 1800
    check_small_and_dark(page)
    page.keyboard.press("ArrowRight")
    expect(page.get_by_text(re.compile("The last run was on"))).to_be_visible()
    expect(page.locator(VERDICT)).to_have_count(0)
    assert "run=" not in page.url and outside == []


def test_a_long_run_survives_a_reload_and_stops_when_asked(
    page, outside, app_address, shipped_victim
) -> None:
    open_workbench(page, app_address)
    pick_metastasis(page)
    press(page, "Clear")
    settle(page)
    draw_blob(page, 0.1, 0.1)
    expect(page.get_by_text(re.compile("no cell in the centre, drawn"))).to_be_visible()
    set_number(page, "Step limit", "5000")
    set_number(page, "Goal, per cent", "99.9")
    press(page, "Run")
    expect(page.get_by_text("ms per step")).to_be_visible()
    run = re.search(r"run=([\w-]+)", page.url).group(1)
    settle(page)
    page.evaluate(WATCH_GREY)
    page.wait_for_timeout(3000)
    assert page.evaluate("window.grey") == [], "nothing turns grey while a run is followed"

    page.goto(f"{app_address}/analysis")
    expect(page.get_by_text(re.compile(r"step \d+ of 5000"))).to_be_visible()
    press(page, "Open run")
    expect(page.get_by_text("ms per step")).to_be_visible()
    assert run in page.url
    page.reload()
    expect(page.get_by_text("ms per step")).to_be_visible()
    assert run in page.url
    press(page, "Stop")
    expect(page.locator(VERDICT)).to_be_visible()
    expect(page.get_by_text("stopped early")).to_be_visible()
    settle(page)
    values = check_bundle(download(page, "Everything (ZIP)"), shipped_victim)
    assert (
        values["run_id"] == run
        and values["stopped"]
        and values["steps"] < 5000
        and values["mask_source"] == "drawn"
    )

    page.get_by_role("link", name="Runs").click()
    expect(page.locator(VERDICT)).to_be_visible()
    page.get_by_role("link", name="Model").click()
    expect(page.get_by_text("Predict a folder")).to_be_visible()
    expect(page.get_by_text("How good it is", exact=True)).to_be_visible()

    page.get_by_role("link", name="Runs").click()
    shown = page.locator(f'{VERDICT}[data-of="{run}"]')
    expect(shown).to_be_visible()
    settle(page)
    page.get_by_role("button", name="Delete this run").click()
    press(page, "Delete for good")
    expect(shown).to_have_count(0)
    expect(page.get_by_role("button", name="Delete for good")).not_to_be_visible()
    assert outside == []


@pytest.fixture
def labelled_set(tmp_path: Path) -> Path:
    """Four metastases and two normal demo patches in Kaggle's layout."""
    folder = tmp_path / "demo-patches"
    (folder / "patches").mkdir(parents=True)
    labels, splits = ["id,label"], ["id,split"]
    for word, count in (("metastasis", 4), ("normal", 2)):
        for picture in sorted(shipped.DEMO_FOLDER.glob(f"{word}*.png"))[:count]:
            shutil.copy(picture, folder / "patches")
            labels.append(f"{picture.stem},{int(word == 'metastasis')}")
            splits.append(f"{picture.stem},val")
    (folder / "train_labels.csv").write_text("\n".join(labels), encoding="utf-8")
    (folder / "splits.csv").write_text("\n".join(splits), encoding="utf-8")
    return folder


def test_an_audit_is_run_kept_and_opened_on_the_workbench(page, outside, app_address, labelled_set) -> None:
    # The menu is pressed while the page is being drawn: no control may lose its value.
    page.goto(app_address)
    page.get_by_role("link", name="Audit").click()
    page.get_by_role("link", name="Workbench").click()
    expect(page.get_by_role("button", name="Run", exact=True)).to_be_visible()
    settle(page)
    assert expert_number(page, "Step limit").input_value() == "50"
    set_number(page, "Step limit", "6")
    page.get_by_role("link", name="Audit").click()
    # Folded where the app holds audits already.
    fold = page.locator("details").filter(has_text="New audit")
    fold.wait_for()
    if fold.get_attribute("open") is None:
        page.get_by_text("New audit", exact=True).click()
    folder = page.get_by_role("textbox", name="Labelled data set on this computer")
    folder.fill(str(labelled_set))
    folder.press("Enter")
    expect(page.get_by_text("6 patches, 4 of them metastases")).to_be_visible()
    expect(page.get_by_text("6 steps, goal 70 %")).to_be_visible()
    expect(page.get_by_text(re.compile("At most about .*on this computer"))).to_be_visible()
    press(page, "Run audit")
    expect(page.get_by_text("of 6 images done")).to_be_visible()
    audit = re.search(r"audit=([\w-]+)", page.url).group(1)
    page.reload()
    expect(
        page.get_by_text(re.compile(r"SNAP made the model call \d of \d recognised metastases normal"))
    ).to_be_visible()
    assert audit in page.url
    settle(page)

    verdict = page.get_by_text(re.compile("SNAP made the model call")).inner_text()
    table = list(csv.DictReader(io.StringIO(download(page, "Table (CSV)").decode())))
    snap = [row for row in table if row["condition"] == "SNAP"]
    fooled = sum(row["flipped"] == "True" for row in snap)
    assert f"{fooled} of {len(snap)} recognised" in verdict and f"{fooled / len(snap) * 100:.1f} %" in verdict
    assert json.loads(download(page, "Numbers (JSON)"))["before"]["images"] == 6

    page.get_by_text("Who falls", exact=True).click()
    expect(page.get_by_text("How sure the model was before")).to_be_visible()
    page.get_by_text("Pictures", exact=True).click()
    tiles = page.locator(".light-box .tile")
    expect(tiles).to_have_count(len(snap))
    settle(page)
    tiles.first.locator(".open").hover()
    expect(tiles.first.get_by_text("original")).to_be_visible()
    tiles.first.locator("input").check()
    expect(page.get_by_role("button", name="Make a study of these 1")).to_be_enabled()
    tiles.first.locator(".open").click()
    expect(page.get_by_text(f"1 of {len(snap)}", exact=True)).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_text(f"2 of {len(snap)}", exact=True)).to_be_visible()
    name = tiles.nth(1).locator(".open").get_attribute("title").split("\n")[0]
    stored = next(row for row in snap if row["id"] == name)
    card = page.locator(f'{VERDICT}[data-of="{name}"] .answers')
    expect(card).to_contain_text(f"metastasis {per_cent(float(stored['p_label_before']))}")
    press(page, "Open on the Workbench")
    expect(page.get_by_role("button", name="Run", exact=True)).to_be_visible()
    expect(page.get_by_text(name, exact=True).first).to_be_visible()
    expect(page.get_by_text("taken from an audit")).to_be_visible()
    settle(page)
    assert expert_number(page, "Step limit").input_value() == "6" and outside == []


def test_a_thumbnail_gives_its_own_picture_after_another_split_was_chosen(
    page, app_address, labelled_set
) -> None:
    rows = (labelled_set / "splits.csv").read_text(encoding="utf-8").splitlines()
    (labelled_set / "splits.csv").write_text(
        "\n".join(
            [rows[0], *(row.replace(",val", ",train") if i % 2 else row for i, row in enumerate(rows[1:]))]
        ),
        encoding="utf-8",
    )
    open_workbench(page, app_address)
    page.get_by_text("Folder", exact=True).first.click()
    folder = page.get_by_role("textbox", name="Folder on this computer")
    folder.fill(str(labelled_set))
    folder.press("Enter")
    # The demo gallery may still stand beside the folder's for a moment, and that of the folder remembered
    # from the test before may stand in its place; both hold the same names, and more than these two.
    thumbnails = page.locator(".st-key-folder_gallery .gallery button")
    expect(thumbnails).to_have_count(2)
    expect(thumbnails.and_(page.locator('[title^="metastasis_02"]'))).to_be_visible()
    for true_class, first in (("normal", "normal_"), ("metastasis", "metastasis_02")):
        page.get_by_role("combobox", name="True class").click()
        page.get_by_role("option", name=true_class, exact=True).click()
        expect(thumbnails.and_(page.locator(f'[title^="{first}"]'))).to_be_visible()
    settle(page)
    search = page.get_by_placeholder("Search names")
    search.fill("_04")
    search.press("Enter")
    expect(thumbnails).to_have_count(1)
    search.fill("")
    search.press("Enter")
    expect(thumbnails).to_have_count(2)
    settle(page)
    page.get_by_role("combobox", name="Split").click()
    page.get_by_role("option", name="val", exact=True).click()
    expect(thumbnails.and_(page.locator('[title^="metastasis_01"]'))).to_be_visible()
    thumbnails.nth(1).click()
    expect(thumbnails.and_(page.locator('[aria-pressed="true"]'))).to_have_attribute(
        "title", re.compile("^metastasis_03")
    )
    expect(page.get_by_text("metastasis_03", exact=True)).to_be_visible()
    settle(page)
    page.get_by_role("checkbox", name=re.compile("Tick metastasis_01")).check()
    expect(page.get_by_role("button", name="Run 1 picture")).to_be_enabled()
    settle(page)
    page.get_by_role("link", name="Model").click()
    expect(page.get_by_role("textbox", name=re.compile("Folder"))).to_have_value(str(labelled_set))


def test_a_bad_upload_is_a_sentence_and_loses_nothing(page, app_address) -> None:
    open_workbench(page, app_address)
    pick_metastasis(page)
    page.get_by_text("File", exact=True).first.click()
    settle(page)
    page.locator('input[type="file"]').first.set_input_files(
        {"name": "cut.png", "mimeType": "image/png", "buffer": b"\x89PNG\r\n\x1a\n" + b"\0" * 40},
    )
    expect(page.get_by_text(re.compile("cut.png is (damaged|not a)"))).to_be_visible()
    expect(page.get_by_text("Model says metastasis")).to_be_visible()
    assert page.get_by_text("Traceback").count() == 0
