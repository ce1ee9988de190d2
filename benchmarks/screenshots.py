"""What the app looks like: every page that matters at two sizes, light and dark.

`python benchmarks/screenshots.py [--all DIR] [--workspace DIR]` fills a workspace with an audit, runs and
studies of the demo patches, starts the app and writes the README's pictures; with `--all` also every page at
every size in both themes, to be opened and judged.
"""

import argparse
import io
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

from benchmarks.app_browser import FLAGS, rest, running_app, watch
from benchmarks.filled_workspace import Filled, fill_workspace
from benchmarks.options import run_script
from snapgui import shipped

SIZES, THEMES = ((1440, 900), (1024, 768)), ("light", "dark")
# Of these the README shows the first size in the light theme.
README = ("workbench", "audit", "runs", "naturalness")
WAIT_MS = 180_000
expect.set_options(timeout=WAIT_MS)


def pages(page: Page, address: str, filled: Filled) -> Iterator[str]:
    """Go through the app as a person does; gives the name of each view that is to be kept."""
    page.goto(address)
    run = page.get_by_role("button", name="Run", exact=True)
    expect(run).to_be_visible()
    rest(page)
    invitation = page.get_by_role("button", name="No, thanks")
    if invitation.is_visible():
        invitation.click()
        expect(invitation).not_to_be_visible()
    yield "workbench-before"
    run.click()
    expect(page.get_by_text("ms per step")).to_be_visible()
    page.wait_for_timeout(1500)
    yield "workbench-running"
    expect(page.locator(".snap-card")).to_be_visible()
    yield "workbench"
    page.goto(f"{address}/audit")
    tiles = page.locator(".light-box .tile")
    expect(tiles.first).to_be_visible()
    yield "audit"
    tiles.first.locator(".open").click()
    expect(page.get_by_role("dialog").locator(".snap-card")).to_be_visible()
    yield "audit-viewer"
    for name, ready in (
        ("naturalness", ".comparison[data-ready=yes]"),
        ("studies", ".st-key-page_head"),
        ("analysis", ".js-plotly-plot"),
        ("runs", ".rows li"),
        ("model", ".js-plotly-plot, .st-key-page_head"),
    ):
        page.goto(f"{address}/{name}")
        expect(page.locator(ready).first).to_be_visible()
        yield name
    page.goto(f"{address}/?study={filled.open}")
    for press in ("Begin as a new reader", "I agree", "The box fits", "Continue"):
        button = page.get_by_role("button", name=press)
        expect(button).to_be_visible()
        rest(page)
        button.click()
    page.locator('.trial[data-phase="answer"]').wait_for()
    yield "reader"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--all", type=Path, default=None, metavar="DIR", help="keep every view here, too")
    parser.add_argument(
        "--workspace",
        type=Path,
        default=None,
        metavar="DIR",
        help="where the filled workspace is kept, so that another call need not make it",
    )
    parser.add_argument("--only", nargs="+", metavar="VIEW", help="keep these views alone")
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    args = parser.parse_args()
    looks = [(size, theme) for size in SIZES for theme in THEMES] if args.all else [(SIZES[0], THEMES[0])]
    if args.all:
        args.all.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as made:
        folder = (args.workspace or Path(made) / "workspace").resolve()
        filled = fill_workspace(folder)
        with running_app(folder) as address, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=args.chromium, args=FLAGS)
            for (width, height), theme in looks:
                page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=theme)
                page.set_default_timeout(WAIT_MS)
                watch(page)
                for name in pages(page, address, filled):
                    if args.only and name not in args.only:
                        continue
                    if name != "workbench-running":
                        rest(page)
                        page.wait_for_timeout(800)
                    png = page.screenshot()
                    if args.all:
                        (args.all / f"{name}-{width}-{theme}.png").write_bytes(png)
                    if name in README and (width, theme) == (SIZES[0][0], THEMES[0]):
                        picture = Image.open(io.BytesIO(png)).convert("RGB")
                        # In all its colours: a palette of 256 turns orange curves red.
                        picture.save(shipped.ROOT / "assets" / "screenshots" / f"{name}.png", optimize=True)
                    print(name, width, theme, flush=True)
                page.close()
            browser.close()


if __name__ == "__main__":
    run_script(main)
