"""Whether ``figure.png`` is the figure of its run."""

from collections.abc import Iterator

import numpy as np

from snapgui.engine.images import decode_pixels
from snapgui.errors import SnapError
from snapgui.report.pages.canvas import DPI, fitting_zoom
from snapgui.report.run.figure import (
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


def check_figure(claims: Claims, read: Read) -> Iterator[Check]:
    """One line: the figure is as it is drawn here, or at least shows the pictures of the run.

    Called where all else holds, since it is drawn from the rest.
    """
    data = read("figure.png")
    try:
        sheet = decode_pixels(data, name="figure.png")
        result = run_of_files(read, "of this bundle")
        shown = _shows_pictures(sheet, result)
        if not claims.earlier and shown:
            drawn = figure_png(result, dpi=_dpi(sheet, result))
            if np.array_equal(decode_pixels(drawn), sheet) and text_of(drawn) == text_of(data):
                yield Check("holds", "figure.png, drawn again, is the same")
                return
    except SnapError as error:
        yield Check("fails", f"figure.png can be read: {error}")
        return
    yield check(
        shown,
        "figure.png shows the pictures of this bundle, pixel by pixel",
        "figure.png shows other pictures than this bundle holds, or none",
    )
    if shown:
        yield Check(
            "stated" if claims.earlier else "unchecked",
            "words and curve of figure.png, which are drawn otherwise here",
        )


def _dpi(sheet: np.ndarray, result: RunResult) -> int:
    return round(DPI * sheet.shape[1] / _width(result))


def _width(result: RunResult) -> int:
    pixels = result.request.pixels
    return 2 * MARGIN_PX + 4 * pixels.shape[1] * fitting_zoom(pixels, SIDE_PX) + 3 * GAP_PX


def _shows_pictures(sheet: np.ndarray, result: RunResult) -> bool:
    """Whether the four pictures lie where the figure has them, each pixel enlarged by a whole number."""
    scale = sheet.shape[1] / _width(result)
    zoom = fitting_zoom(result.request.pixels, SIDE_PX) * scale
    if zoom < 1 or zoom != int(zoom):
        return False
    for column, (_, picture) in enumerate(run_pictures(result)):
        large = np.repeat(np.repeat(picture, int(zoom), axis=0), int(zoom), axis=1)
        left = round(
            (MARGIN_PX + column * (picture.shape[1] * fitting_zoom(picture, SIDE_PX) + GAP_PX)) * scale
        )
        top, rows = round((MARGIN_PX + TITLE_PX) * scale), len(large)
        if column == 0:
            rows = int(rows * ABOVE_BAR)
        if not np.array_equal(sheet[top : top + rows, left : left + large.shape[1]], large[:rows]):
            return False
    return True
