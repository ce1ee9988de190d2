"""How long a person waits in the app: from a press to the page at rest, in a browser, at default settings.

`python benchmarks/app_time.py [--repeats 5] [--write]` fills a workspace from the demo patches, starts the
app with it and opens the labelled data set on the workbench. Then it picks patches, changes each control,
places cells by trimming, runs attacks and goes from page to page. A page is at rest when the app's script
does not run and nothing has changed for 150 ms, which are not counted.
"""

import argparse
import itertools
import re
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from playwright.sync_api import Locator, Page, expect, sync_playwright

from benchmarks.app_browser import FLAGS, last_change, rest, running_app, seconds_to_settle, watch
from benchmarks.filled_workspace import fill_workspace
from benchmarks.options import run_script, victim_facts
from benchmarks.patches import find_data
from benchmarks.results import provenance, table, write_section
from benchmarks.timing import spread
from snapgui import shipped
from snapgui.engine.victim.victim import Victim

PAGES = ("Audit", "Naturalness", "Studies", "Analysis", "Runs", "Model", "Workbench")
PICK, CONTROL, TRIM, DRAW, RUN = (
    "a patch is picked",
    "control: ",
    "cells placed by trimming",
    "run's end to everything drawn",
    "Run to verdict",
)
# Steps of the audit in the workspace: what it looks like does not matter here.
AUDIT_STEPS = 10
WAIT_MS = 60_000
Times = dict[str, list[float]]
expect.set_options(timeout=WAIT_MS)


def goal_s(what: str) -> float:
    """Seconds that a median is to stay under, on two idle cores."""
    return {PICK: 0.7, "page: Audit": 1.2, TRIM: 2.0, RUN: 10.0}.get(what, 0.8)


def open_data_set(page: Page, address: str, folder: Path, split: str) -> None:
    """The workbench with the metastases of one split in its gallery."""
    page.goto(address)
    expect(page.get_by_role("button", name="Run", exact=True)).to_be_visible()
    rest(page)
    page.get_by_role("button", name="No, thanks").click()
    page.get_by_text("Folder", exact=True).first.click()
    box = page.get_by_role("textbox", name="Folder on this computer")
    box.fill(str(folder))
    box.press("Enter")
    choice = page.get_by_role("combobox", name="Split")
    expect(choice).to_be_visible()
    choice.click()
    page.get_by_role("option", name=split, exact=True).click()
    page.wait_for_timeout(500)
    rest(page)


class Patches:
    """The gallery's patches, one after the other, none twice."""

    def __init__(self, page: Page) -> None:
        self.page, self.at = page, itertools.count()

    def pick(self) -> float:
        """Pick the next one that can be attacked as a metastasis; the seconds of this pick."""
        while True:
            thumbnail = self.page.locator(".gallery button").nth(next(self.at))
            seconds = seconds_to_settle(self.page, thumbnail.click)
            run = self.page.get_by_role("button", name="Run", exact=True)
            if self.page.get_by_text("Model says metastasis").count() and run.is_enabled():
                return seconds


def time_controls(page: Page, times: Times, repeats: int) -> None:
    """Each control of the workbench, there and back; the first change of each is not counted."""

    def button(name: str) -> Locator:
        return page.get_by_role("radio", name=name, exact=True).or_(
            page.get_by_role("button", name=name, exact=True)
        )

    def take(name: str, *presses: Callable[[], object]) -> None:
        for count in range(repeats + 1):
            seconds = seconds_to_settle(page, presses[count % len(presses)])
            if count:
                times[CONTROL + name].append(seconds)

    def number(name: str, *values: str) -> None:
        box = page.get_by_role("spinbutton", name=name, exact=True)
        for count in range(repeats + 1):
            box.fill(values[count % len(values)])
            seconds = seconds_to_settle(page, lambda: box.press("Enter"))
            if count:
                times[CONTROL + name.lower()].append(seconds)

    def choice(name: str, *options: str) -> None:
        for count in range(repeats + 1):
            page.get_by_role("combobox", name=re.compile(name)).click()
            option = page.get_by_role("option", name=options[count % len(options)], exact=True)
            seconds = seconds_to_settle(page, option.click)
            if count:
                times[CONTROL + name.lower()].append(seconds)

    def slider(name: str, words: str) -> None:
        thumb = page.get_by_role("slider", name=re.compile(name))
        take(words, lambda: thumb.press("ArrowRight"), lambda: thumb.press("ArrowLeft"))

    take("preset", button("Paper").click, button("Natural").click)
    if repeats % 2:
        seconds_to_settle(page, button("Paper").click)
    slider("Area", "area")
    slider("Cells", "cells")
    page.get_by_text("Expert", exact=True).click()
    expect(page.get_by_role("spinbutton", name="Step limit")).to_be_visible()
    take("placement", button("Nuclei").click, button("Scattered").click)
    take("centre", button("Kept out").click, button("Allowed").click)
    take("propose cells", button("Propose cells").click)
    number("Arrangement", "1", "0")
    choice("Texture", "Retouched nuclei", "Free colours")
    toggle = page.get_by_text("As little change as fools the model")
    take("least change", toggle.click)
    choice("Start colour", "Random allowed colours", "Median colour of the image")
    number("Step limit", "60", "50")
    number("Goal, per cent", "90", "95")
    page.keyboard.press("Escape")
    seconds_to_settle(page, button("Natural").click)


def time_trimming(page: Page, patches: Patches, times: Times, repeats: int) -> None:
    """From the preset that trims to its cells, each time on another patch."""

    def preset(name: str) -> float:
        return seconds_to_settle(page, page.get_by_role("radio", name=name, exact=True).click)

    preset("Paper")
    for count in range(repeats + 1):
        patches.pick()
        seconds = preset("Strong")
        if count:
            times[TRIM].append(seconds)
        preset("Paper")
    preset("Natural")


def time_runs(page: Page, patches: Patches, workspace: Path, times: Times, repeats: int) -> float:
    """Runs at default settings; the seconds of the first of all, in which libraries are loaded."""
    first = 0.0
    for count in range(repeats + 1):
        patches.pick()
        before = page.url
        began = time.perf_counter()
        page.get_by_role("button", name="Run", exact=True).click()
        page.wait_for_url(lambda url, before=before: "run=" in url and url != before)
        found = re.search(r"run=([\w-]+)", page.url)
        assert found is not None
        expect(page.locator(f'.snap-card[data-of="{found[1]}"]')).to_be_visible()
        seconds = time.perf_counter() - began
        rest(page)
        # The last that a run does is to write its result.
        ended = (workspace / "runs" / found[1] / "result.json").stat().st_mtime
        if count:
            times[RUN].append(seconds)
            times[DRAW].append(last_change(page) - ended)
        else:
            first = seconds
    return first


def time_pages(page: Page, times: Times, repeats: int) -> None:
    """Each page from the menu; the first visit of each is not counted."""
    for count in range(repeats + 1):
        for name in PAGES:
            link = page.get_by_role("link", name=name, exact=True)
            seconds = seconds_to_settle(page, link.click)
            if count:
                times[f"page: {name}"].append(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", type=Path, default=None, help="folder of the patches; else what SNAP_HCD_DIR names"
    )
    parser.add_argument("--split", default="val_random")
    parser.add_argument("--repeats", type=int, default=5, help="of everything, after one that does not count")
    parser.add_argument(
        "--workspace",
        type=Path,
        default=None,
        metavar="DIR",
        help="where the filled workspace is kept, so that another call need not make it",
    )
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    parser.add_argument("--write", action="store_true", help="write the section into benchmarks/RESULTS.md")
    args = parser.parse_args()
    times: Times = defaultdict(list)
    with tempfile.TemporaryDirectory() as made:
        workspace = (args.workspace or Path(made) / "workspace").resolve()
        fill_workspace(workspace, steps=AUDIT_STEPS)
        (workspace / "spot.json").unlink(missing_ok=True)
        with running_app(workspace) as address, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=args.chromium, args=FLAGS)
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.set_default_timeout(WAIT_MS)
            watch(page)
            open_data_set(page, address, find_data(args.data).resolve(), args.split)
            patches = Patches(page)
            patches.pick()
            times[PICK] = [patches.pick() for _ in range(args.repeats)]
            time_controls(page, times, args.repeats)
            time_trimming(page, patches, times, args.repeats)
            first = time_runs(page, patches, workspace, times, args.repeats)
            time_pages(page, times, args.repeats)
            browser.close()
    rows = [
        (what, f"{goal_s(what):g} s", f"{spread(seconds).text()} s", len(seconds))
        for what, seconds in times.items()
    ]
    body = table(("what", "median to stay under", "measured: median (lowest to highest)", "times"), rows)
    body += (
        f"\n\nThe first run of the process took {first:.1f} s. Patches of {args.split}, 1440 x 900, a "
        "workspace with an audit of 18 patches, 6 runs and 2 studies."
    )
    print(body)
    if args.write:
        known = victim_facts(Victim.load(shipped.MODEL), "streamlit")
        write_section("app-time", "In the app", f"{body}\n\n{provenance(sys.argv, known)}")


if __name__ == "__main__":
    run_script(main)
