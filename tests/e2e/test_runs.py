"""The Runs page as a person uses it: open by a click and by the arrow keys, tick two, go back."""

import json
import zipfile
from pathlib import Path

from playwright.sync_api import Page, expect

RUN = "20261126-060252-f37ffc"
# Older than whatever other tests leave in the same workspace.
OLD = ("20200102-000000-aaaaaa", "20200101-000000-bbbbbb")


def save_old_runs(workspace: Path) -> None:
    """Two runs of one picture."""
    with zipfile.ZipFile(Path(__file__).parents[1] / "old_workspace.zip") as archive:
        for run_id in OLD:
            folder = workspace / "runs" / run_id
            folder.mkdir(parents=True)
            for name in ("original.png", "adversarial.png", "mask.png", "curve.csv"):
                (folder / name).write_bytes(archive.read(f"workspace/runs/{RUN}/{name}"))
            values = json.loads(archive.read(f"workspace/runs/{RUN}/result.json"))
            started = f"{run_id[:4]}-{run_id[4:6]}-{run_id[6:8]}T00:00:00+00:00"
            values |= {"run_id": run_id, "started": started, "image_name": f"seldom-{run_id[-1]}.png"}
            (folder / "result.json").write_text(json.dumps(values), encoding="utf-8")


def test_runs_are_found_opened_and_compared(
    page: Page, outside: list[str], app_address: str, app_workspace: Path
) -> None:
    save_old_runs(app_workspace)
    page.goto(f"{app_address}/runs")
    search = page.get_by_role("searchbox", name="Search")
    search.fill("seldom")
    search.press("Enter")
    rows = page.locator(".rows li")
    expect(rows).to_have_count(2)
    card = page.locator(".snap-card")
    expect(card).to_have_attribute("data-of", OLD[0])
    shown = rows.first.locator("img").first.evaluate("one => [one.naturalWidth, one.clientWidth]")
    assert shown == [96, 96], "a pixel of the picture is a pixel of the page"

    rows.nth(1).get_by_role("button").click()
    expect(card).to_have_attribute("data-of", OLD[1])
    page.keyboard.press("ArrowUp")
    expect(card).to_have_attribute("data-of", OLD[0])
    rows.nth(0).get_by_role("checkbox").click()
    expect(page.get_by_text("Tick a second one.")).to_be_visible()
    rows.nth(1).get_by_role("checkbox").click()
    expect(card).to_have_count(2)
    expect(page.locator(".snap-differences thead")).to_contain_text("seldom-a.png")
    pictures = page.locator("[data-testid=stImage] img")
    expect(pictures).to_have_count(2)
    widths = pictures.evaluate_all("all => all.map((one) => one.clientWidth)")
    assert len(widths) == 2 and widths[0] == widths[1] and widths[0] % 96 == 0 and widths[0] >= 288
    page.get_by_role("button", name="Back to the list").click()
    expect(rows).to_have_count(2)

    page.set_viewport_size({"width": 1024, "height": 768})
    back = page.get_by_role("button", name="Back to the list")
    expect(back).to_be_visible()
    expect(card).to_have_count(1)
    back.click()
    expect(rows).to_have_count(2)
    expect(card).to_have_count(0)
    assert outside == []
