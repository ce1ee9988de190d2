"""Whether ``figure.png`` is the figure of its run."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snapgui.engine.images import decode_pixels
from snapgui.errors import SnapError
from snapgui.report.bundle.manifest import exporting_versions
from snapgui.report.pages.canvas import DPI, fitting_zoom
from snapgui.report.run.figure import (
    CARD_PX,
    GAP_PX,
    MARGIN_PX,
    SIDE_PX,
    TITLE_PX,
    figure_png,
    run_pictures,
)
from snapgui.report.verify.checks import Check, check
from snapgui.report.verify.record import Claims, Read
from snapgui.runs.picture_text import text_of
from snapgui.runs.records import RunResult
from snapgui.runs.store import run_of_files

# Of the first picture, the rows above its scale bar.
ABOVE_BAR = 2 / 3
# Other processors round the edges of letters otherwise.
LEVELS = 8


def check_figure(manifest: dict[str, Any], claims: Claims, read: Read) -> Iterator[Check]:
    """The figure is as it is drawn here, or not; where other versions exported it, whether it shows at least
    the pictures of the run.

    Called where all else holds, since it is drawn from the rest.
    """
    data = read("figure.png")
    try:
        sheet = decode_pixels(data, name="figure.png")
        result = run_of_files(read, "of this bundle")
        shown = _shows_pictures(sheet, result)
        same_words = shown and _drawn_again(result, sheet, data)
    except SnapError as error:
        yield Check("fails", f"figure.png can be read: {error}")
        return
    if same_words:
        yield Check("holds", "figure.png, drawn again, is the same")
        return
    yield check(
        shown,
        "figure.png shows the pictures of this bundle, pixel by pixel",
        "figure.png shows other pictures than this bundle holds, or none",
    )
    if not shown:
        return
    if manifest["exported_with"] == exporting_versions():
        yield Check("fails", "figure.png, drawn again by the same versions, has other words or another curve")
    else:
        yield Check("stated", "words and curve of figure.png: other versions drew it than are here")


def _drawn_again(result: RunResult, sheet: NDArray[np.uint8], data: bytes) -> bool:
    drawn = figure_png(result, dpi=_dpi(sheet, result))
    again = decode_pixels(drawn)
    return (
        again.shape == sheet.shape
        and int(np.abs(again.astype(int) - sheet).max()) <= LEVELS
        and text_of(drawn) == text_of(data)
    )


def _dpi(sheet: NDArray[np.uint8], result: RunResult) -> int:
    return round(DPI * sheet.shape[1] / _width(result))


def _width(result: RunResult) -> int:
    pixels = result.request.pixels
    return 2 * MARGIN_PX + 4 * pixels.shape[1] * fitting_zoom(pixels, SIDE_PX) + 3 * GAP_PX


def _shows_pictures(sheet: NDArray[np.uint8], result: RunResult) -> bool:
    """Whether the four pictures lie where the figure has them, each pixel enlarged by a whole number; earlier
    figures had no verdict above them.
    """
    return any(_shown_at(sheet, result, MARGIN_PX + card + TITLE_PX) for card in (CARD_PX, 0))


def _shown_at(sheet: NDArray[np.uint8], result: RunResult, top_px: int) -> bool:
    scale = sheet.shape[1] / _width(result)
    zoom = fitting_zoom(result.request.pixels, SIDE_PX) * scale
    if zoom < 1 or zoom != int(zoom):
        return False
    for column, (_, picture) in enumerate(run_pictures(result)):
        large = np.repeat(np.repeat(picture, int(zoom), axis=0), int(zoom), axis=1)
        left = round(
            (MARGIN_PX + column * (picture.shape[1] * fitting_zoom(picture, SIDE_PX) + GAP_PX)) * scale
        )
        top, rows = round(top_px * scale), len(large)
        if column == 0:
            rows = int(rows * ABOVE_BAR)
        if not np.array_equal(sheet[top : top + rows, left : left + large.shape[1]], large[:rows]):
            return False
    return True
