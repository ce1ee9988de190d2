"""How long a person waits: from Run to the verdict, in the app and a real browser, at default settings.

`python benchmarks/app_time.py [--images 10] [--write]` starts the app, opens the labelled data set on the
workbench, and for each metastasis that the model recognises proposes cells, presses Run and waits for the
result of that very run.
"""

import argparse
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from playwright.sync_api import Page, expect, sync_playwright

from benchmarks.options import run_script, victim_facts
from benchmarks.patches import find_data
from benchmarks.results import provenance, table, write_section
from benchmarks.timing import spread
from snapgui import shipped
from snapgui.engine.victim.victim import Victim

expect.set_options(timeout=120_000)


@contextmanager
def running_app() -> Iterator[str]:
    """The app as its users start it, with a workspace of its own; gives its address."""
    with socket.socket() as probe, tempfile.TemporaryDirectory() as workspace:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        command = [
            sys.executable,
            "-m",
            "streamlit",
            "run",
            "app.py",
            "--server.headless",
            "true",
            "--server.port",
            str(port),
        ]
        server = subprocess.Popen(
            command,
            cwd=shipped.ROOT,
            env={**os.environ, "SNAP_WORKSPACE": workspace},
            stdout=subprocess.DEVNULL,
        )
        try:
            address = f"http://127.0.0.1:{port}"
            for _ in range(240):
                try:
                    urllib.request.urlopen(f"{address}/_stcore/health", timeout=2)
                    break
                except OSError:
                    time.sleep(0.5)
            yield address
        finally:
            server.terminate()
            server.wait(timeout=30)


def open_data_set(page: Page, address: str, folder: Path, split: str) -> None:
    """The workbench with the metastases of one split in its gallery."""
    page.goto(address)
    expect(page.get_by_role("button", name="Run", exact=True)).to_be_visible()
    page.get_by_text("Folder", exact=True).first.click()
    box = page.get_by_role("textbox", name="Folder on this computer")
    box.fill(str(folder))
    box.press("Enter")
    choice = page.get_by_role("combobox", name="Split")
    expect(choice).to_be_visible()
    choice.click()
    page.get_by_role("option", name=split, exact=True).click()
    settle(page)


def settle(page: Page) -> None:
    """Wait until nothing is left to draw."""
    page.wait_for_timeout(500)
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)
    page.wait_for_timeout(500)


def run_once(page: Page, index: int) -> float | None:
    """Seconds from Run to the result of that run; None for a patch that the model does not call metastasis,
    or without room for the cells.
    """
    picture = page.locator(".gallery button").nth(index)
    name = (picture.get_attribute("title") or "").split(",")[0]
    picture.click()
    expect(page.get_by_text(name[:8]).first).to_be_visible()
    settle(page)
    if page.get_by_text("Model says metastasis").count() == 0:
        return None
    run = page.get_by_role("button", name="Run", exact=True)
    if run.is_disabled():
        return None
    before = page.url
    began = time.perf_counter()
    run.click()
    page.wait_for_url(lambda url: "run=" in url and url != before)
    found = re.search(r"run=([\w-]+)", page.url)
    assert found is not None
    expect(page.locator(f'.snap-card[data-of="{found[1]}"]')).to_be_visible()
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", type=Path, default=None, help="folder of the patches; else what SNAP_HCD_DIR names"
    )
    parser.add_argument("--split", default="val_random")
    parser.add_argument(
        "--images",
        type=int,
        default=10,
        help="runs; the first of all is not counted, since libraries are loaded in it",
    )
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    parser.add_argument("--write", action="store_true", help="write the section into benchmarks/RESULTS.md")
    args = parser.parse_args()
    seconds: list[float] = []
    with running_app() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=args.chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(120_000)
        open_data_set(page, address, find_data(args.data).resolve(), args.split)
        for index in range(page.locator(".gallery button").count()):
            if len(seconds) > args.images:
                break
            taken = run_once(page, index)
            if taken is not None:
                seconds.append(taken)
                print(f"  {len(seconds) - 1}: {taken:.2f} s", flush=True)
        browser.close()
    first, rest = seconds[0], seconds[1:]
    row = (
        "a metastasis in the app, default settings, Run to verdict",
        "median under 10 s on 2 cores",
        f"{spread(rest).text('.1f')} s",
        f"{len(rest)} patches of {args.split}; the first run of the process took {first:.1f} s",
    )
    body = table(("what", "to reach", "measured: median (lowest to highest)", "detail"), [row])
    print(body)
    if args.write:
        known = victim_facts(Victim.load(shipped.MODEL), "streamlit")
        write_section("app-time", "In the app", f"{body}\n\n{provenance(sys.argv, known)}")


if __name__ == "__main__":
    run_script(main)
