"""A running app and a real browser.

Without Chromium these tests are skipped, in continuous integration never.
"""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from snapgui import shipped

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
]


@pytest.fixture(scope="package")
def app_workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The workspace of the running app."""
    return tmp_path_factory.mktemp("app") / "workspace"


# For the package, not the session: while Playwright is at work no other test of the process may run a loop.
@pytest.fixture(scope="package")
def app_address(app_workspace: Path) -> Iterator[str]:
    """The address of an app started as a user starts it, with a workspace of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = app_workspace.parent
    environment = {**os.environ, "SNAP_WORKSPACE": str(app_workspace)}
    environment |= {"STREAMLIT_SERVER_HEADLESS": "true", "STREAMLIT_SERVER_PORT": str(port)}
    log = (folder / "log").open("w", encoding="utf-8")
    server = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "snapgui",
            "app",
        ],
        cwd=shipped.ROOT,
        env=environment,
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(240):
            try:
                urllib.request.urlopen(f"{address}/_stcore/health", timeout=2)
                break
            except OSError:
                assert server.poll() is None, (folder / "log").read_text(encoding="utf-8")
                time.sleep(0.5)
        else:
            pytest.fail(f"the app did not start: {(folder / 'log').read_text(encoding='utf-8')}")
        yield address
    finally:
        server.terminate()
        try:
            server.wait(timeout=30)
        except subprocess.TimeoutExpired:  # a job that a test left is at work
            server.kill()
            server.wait()
        log.close()


@pytest.fixture
def outside(page: Page) -> list[str]:
    """Requests that left this computer, as they happen."""
    seen: list[str] = []
    page.on(
        "request",
        lambda r: None if r.url.startswith(("http://127.0.0.1", "data:", "blob:")) else seen.append(r.url),
    )
    return seen


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One browser for all tests; each gets a profile of its own in it."""
    if not Path(CHROMIUM).exists():
        if os.environ.get("SNAP_REQUIRE_BROWSER"):
            pytest.fail(f"{CHROMIUM} is missing")
        pytest.skip(f"{CHROMIUM} is missing: install Debian's chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of 1440 x 900 px, without the memory of another."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, accept_downloads=True)
    page = context.new_page()
    page.set_default_timeout(180_000)
    yield page
    context.close()
