"""A report opened from disk: nothing is fetched, nothing runs, every picture is there and keeps its
pixels.
"""

import numpy as np
import pytest

from snapgui.engine.images import encode_png
from snapgui.report.pages.document import Document, Picture, Section, Table
from snapgui.report.pages.html import html_page

pytestmark = pytest.mark.browser
HOSTILE = (
    "</td><script>window.hit = 1</script><img src='http://example.invalid/x.png' onerror='window.hit = 2'>"
)


def test_a_report_opens_without_a_network_and_runs_nothing(page, tmp_path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (96, 96, 3)).astype(np.uint8)
    pictures = tuple(Picture(encode_png(pixels), HOSTILE, 192, exact=True) for _ in range(6))
    table = Table(("Condition", "Model fooled"), ((HOSTILE, "x" * 300), ("SNAP", "79.2 % (72.0 to 85.1)")))
    document = Document(HOSTILE, HOSTILE, (HOSTILE,), (Section("Pictures", (HOSTILE,), pictures, (table,)),))
    (tmp_path / "report.html").write_bytes(html_page(document))
    seen: list[str] = []
    page.on("request", lambda request: seen.append(request.url[:40]))
    page.set_viewport_size({"width": 1024, "height": 768})
    page.goto((tmp_path / "report.html").as_uri())
    assert all(url.startswith(("file:", "data:")) for url in seen) and page.evaluate("window.hit") is None
    shown = page.evaluate(
        "[...document.images].map(i => [i.naturalWidth, i.clientWidth, getComputedStyle(i).imageRendering])"
    )
    assert shown == [[96, 192, "pixelated"]] * 6
    assert page.evaluate("document.documentElement.scrollWidth") <= 1024, "the page is wider than its window"
    assert page.title() == HOSTILE
