"""Many pictures on one sheet: runs side by side, or the worst failures of an audit. Each with the figures
that a claim needs.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from snapgui.errors import DataError
from snapgui.report.bundle.manifest import NOTICE
from snapgui.report.pages.canvas import (
    add_picture,
    add_words,
    fitting_zoom,
    new_figure,
    save_png,
    save_svg,
    wrap,
)
from snapgui.runs.records import RunResult
from snapgui.words import CENTRE_FOUND, counted, per_cent

SIDE_PX, GAP_PX, MARGIN_PX, LINE_PX = 288, 24, 60, 30
PAGE_PX = 2400
MOST = 60


@dataclass(frozen=True)
class Tile:
    """Pictures uint8 ``(H, W, 3)`` that belong together, side by side, with lines of words below."""

    pictures: tuple[NDArray[np.uint8], ...]
    words: tuple[str, ...]


@dataclass(frozen=True)
class Sheet:
    """Tiles under a title, with a caption that says what they are, and provenance for the file."""

    title: str
    caption: tuple[str, ...]
    tiles: tuple[Tile, ...]
    text: dict[str, str]


def sheet_png(sheet: Sheet) -> bytes:
    """The sheet as PNG."""
    return save_png(draw_sheet(sheet), sheet.text)


def sheet_svg(sheet: Sheet) -> bytes:
    """The sheet as SVG."""
    return save_svg(draw_sheet(sheet), sheet.text)


def draw_sheet(sheet: Sheet) -> Figure:
    """All tiles in rows; every picture is enlarged by a whole number, pixel by pixel.

    Raises:
        DataError: no tiles.
    """
    if not sheet.tiles:
        raise DataError(
            "There is no picture for a contact sheet. Choose runs, or an audit that attacked images."
        )
    zoom = fitting_zoom(sheet.tiles[0].pictures[0], SIDE_PX)
    width = max(
        sum(picture.shape[1] * zoom for picture in tile.pictures) + 6 * (len(tile.pictures) - 1)
        for tile in sheet.tiles
    )
    height = max(picture.shape[0] * zoom for tile in sheet.tiles for picture in tile.pictures)
    columns = max(1, min(len(sheet.tiles), (PAGE_PX - 2 * MARGIN_PX + GAP_PX) // (width + GAP_PX)))
    page = max(2 * MARGIN_PX + columns * (width + GAP_PX) - GAP_PX, 1500)
    letters = int(width / 10.6)
    words = ["\n".join(wrap(line, letters) for line in tile.words) for tile in sheet.tiles]
    below = LINE_PX * max(text.count("\n") + 1 for text in words) + 26
    caption = "\n".join(wrap(line, int((page - 2 * MARGIN_PX) / 13.6)) for line in sheet.caption)
    head = MARGIN_PX + 60 + 35 * (caption.count("\n") + 1) + 30
    rows = -(-len(sheet.tiles) // columns)
    figure = new_figure(page, head + rows * (height + below) + MARGIN_PX)
    add_words(
        figure,
        MARGIN_PX,
        MARGIN_PX - 20,
        wrap(sheet.title, int((page - 2 * MARGIN_PX) / 23)),
        size=9,
        weight="bold",
    )
    add_words(figure, MARGIN_PX, MARGIN_PX + 45, caption)
    for place, (tile, text) in enumerate(zip(sheet.tiles, words, strict=True)):
        left, top = MARGIN_PX + place % columns * (width + GAP_PX), head + place // columns * (height + below)
        at = left
        for picture in tile.pictures:
            add_picture(figure, picture, at, top, zoom, scale_bar=place == 0 and at == left)
            at += picture.shape[1] * zoom + 6
        add_words(figure, left, top + height + 8, text, size=5)
    return figure


def runs_sheet(results: Sequence[RunResult]) -> Sheet:
    """Before and after of many runs, at most 60, in the order given."""
    shown = results[:MOST]
    tiles = tuple(Tile((run.request.pixels, run.adversarial), run_words(run)) for run in shown)
    fooled, of = sum(run.flipped for run in shown), sum(_other_before(run) for run in shown)
    more = f" The first {MOST} of {len(results)} are shown." if len(results) > MOST else ""
    caption = (
        f"Left before, right after. In {fooled} of {of} runs whose image the model did not already "
        "call the class aimed at, the saved PNG is called that class. "
        f"These runs were chosen, not sampled: the share says nothing about other images.{more} {NOTICE}",
    )
    software = f"SNAP Studio {shown[0].versions.get('snap-studio', '')}".strip() if shown else "SNAP Studio"
    text = {
        "Software": software,
        "Runs": ", ".join(run.run_id for run in shown),
        "Model SHA-256": ", ".join(sorted({run.model_sha256 for run in shown})),
        "Comment": f"Contact sheet. {NOTICE}",
    }
    return Sheet(counted(len(results), "SNAP run"), caption, tiles, text)


def run_words(run: RunResult) -> tuple[str, ...]:
    """A run below its pictures."""
    aim = run.classes[run.target]
    controls = ", ".join(f"{name} {per_cent(p)}" for name, p in run.controls.items())
    return (
        f"{run.request.image_name}{' (synthetic)' if run.request.synthetic else ''}",
        f"{aim} {per_cent(run.p_before[run.target])} -> {per_cent(run.p_after[run.target])}",
        f"{per_cent(run.area_fraction)} of the pixels, {CENTRE_FOUND[run.centre]}",
        f"controls: {controls or 'none'}",
        f"model {run.model_name} ({run.model_sha256[:8]}), {run.started[:10]}",
    )


def _other_before(run: RunResult) -> bool:
    return max(range(len(run.classes)), key=run.p_before.__getitem__) != run.target
