"""The app as its users start it, a real browser, and when a page has come to rest."""

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page

from snapgui import shipped

QUIET_MS = 150
FLAGS = ["--no-sandbox", "--disable-gpu"]
# Notes when the person pressed something and when anything on the page changed last, shadow roots included.
WATCH_JS = """(() => {
  if (window.snapWatch) return;
  const watch = window.snapWatch = { began: null, last: 0, ran: false };
  const app = () => document.querySelector("[data-testid=stApp]");
  watch.resting = () => app()?.dataset.testScriptState === "notRunning" &&
    !document.querySelector("[data-testid=stSkeleton]") && [...document.images].every((one) => one.complete);
  const seen = new WeakSet();
  const everything = { subtree: true, childList: true, attributes: true, characterData: true };
  const see = (root) => {
    if (seen.has(root)) return;
    seen.add(root);
    observer.observe(root, everything);
    search(root);
  };
  const search = (node) => {
    if (node.shadowRoot) see(node.shadowRoot);
    for (const one of node.querySelectorAll?.("*") ?? []) if (one.shadowRoot) see(one.shadowRoot);
  };
  const observer = new MutationObserver((changes) => {
    watch.last = performance.now();
    if (app()?.dataset.testScriptState !== "notRunning") watch.ran = true;
    for (const change of changes) for (const node of change.addedNodes) search(node);
  });
  const begin = () => { if (watch.began === null) { watch.began = watch.last = performance.now(); } };
  for (const name of ["pointerdown", "keydown"]) document.addEventListener(name, begin, true);
  see(document);
})()"""
ARM_JS = "() => Object.assign(window.snapWatch, { began: null, ran: false })"
SETTLED_JS = f"""() => {{
  const watch = window.snapWatch;
  return watch.ran && watch.resting() && performance.now() - watch.last >= {QUIET_MS};
}}"""
REST_JS = f"() => window.snapWatch.resting() && performance.now() - window.snapWatch.last >= {QUIET_MS}"


@contextmanager
def running_app(workspace: Path | None = None) -> Iterator[str]:
    """The app with this workspace, or with an empty one; gives its address."""
    with socket.socket() as probe, tempfile.TemporaryDirectory() as empty:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        options = ["--server.headless", "true", "--server.port", str(port)]
        server = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", "app.py", *options],
            cwd=shipped.ROOT,
            env={**os.environ, "SNAP_WORKSPACE": str(workspace or empty)},
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


def watch(page: Page) -> None:
    """From now on note what changes on the page, also after it is loaded anew."""
    page.add_init_script(WATCH_JS)


def rest(page: Page) -> None:
    """Wait until the script does not run and nothing has changed for `QUIET_MS`."""
    page.wait_for_function(REST_JS, polling=25)


def seconds_to_settle(page: Page, press: Callable[[], object]) -> float:
    """Seconds from the press of a button or a key to the last change of the page that follows from it."""
    rest(page)
    page.evaluate(ARM_JS)
    press()
    page.wait_for_function(SETTLED_JS, polling=25)
    return float(page.evaluate("() => window.snapWatch.last - window.snapWatch.began")) / 1000


def last_change(page: Page) -> float:
    """When the page changed last, in seconds since 1970."""
    return float(page.evaluate("() => performance.timeOrigin + window.snapWatch.last")) / 1000
