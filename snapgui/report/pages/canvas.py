"""Figures without a browser: laid out in pixels at 300 dpi, so that enlarged pictures keep whole pixels; the
same input, the same bytes.
"""

import io
import textwrap

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path
from numpy.typing import NDArray
from PIL.PngImagePlugin import PngInfo

from snapgui.engine.images import UM_PER_PX

DPI = 300
INK, FAINT = "black", "0.45"
SCALE_BAR_UM = 20.0


def new_figure(width_px: int, height_px: int) -> Figure:
    """An empty white figure."""
    figure = Figure(figsize=(width_px / DPI, height_px / DPI), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def add_box(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Axes in a box given in pixels from the figure's upper left corner."""
    figure_width, figure_height = figure.get_size_inches() * DPI
    return figure.add_axes(
        (
            left / figure_width,
            1 - (top + height) / figure_height,
            width / figure_width,
            height / figure_height,
        )
    )


def add_words(
    figure: Figure,
    left: float,
    top: float,
    words: str,
    *,
    size: float = 6,
    color: str = INK,
    weight: str = "normal",
) -> None:
    """Text with its upper left corner at a place in pixels; a name with dollar signs is no formula."""
    width, height = figure.get_size_inches() * DPI
    line_px = size * 1.35 * DPI / 72
    # Line by line on their baselines: a block's upper edge would depend on its tallest letter.
    for place, line in enumerate(words.split("\n")):
        figure.text(
            left / width,
            1 - (top + (place + 0.8) * line_px) / height,
            line,
            fontsize=size,
            color=color,
            weight=weight,
            parse_math=False,
        )


def add_picture(
    figure: Figure, pixels: NDArray[np.uint8], left: float, top: float, zoom: int, *, scale_bar: bool = False
) -> None:
    """A picture uint8 ``(H, W, 3)`` enlarged by a whole number, pixel by pixel."""
    height, width = pixels.shape[:2]
    axes = add_box(figure, left, top, width * zoom, height * zoom)
    axes.imshow(pixels, interpolation="nearest", aspect="auto")
    axes.set_axis_off()
    if scale_bar:
        _scale_bar(axes, height, width)


def fitting_zoom(pixels: NDArray[np.uint8], side_px: int) -> int:
    """The whole number by which a picture is enlarged to about a side, at least 1."""
    return max(1, side_px // max(pixels.shape[:2]))


def wrap(words: str, width: int) -> str:
    """Words on lines of at most so many characters; long ones are broken, control characters left out."""
    plain = "".join(character if character.isprintable() else " " for character in words)
    return "\n".join(textwrap.wrap(plain, width, break_long_words=True))


def wrap_px(words: str, width_px: float, *, size: float = 6) -> str:
    """Words on lines at most so wide in pixels as `add_words` draws them, whatever their letters."""
    font = FontProperties(size=size)

    def wide(line: str) -> float:
        return text_to_path.get_text_width_height_descent(line, font, ismath=False)[0] * DPI / 72

    characters = max(8, int(width_px / (size * 0.5 * DPI / 72)))
    while any(wide(line) > width_px for line in wrap(words, characters).split("\n")) and characters > 8:
        characters -= 4
    return wrap(words, characters)


def save_png(figure: Figure, text: dict[str, str], *, dpi: int = DPI) -> bytes:
    """The figure as PNG with texts (iTXt)."""
    info = PngInfo()
    for key, value in text.items():
        info.add_itxt(key, value)
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=dpi, pil_kwargs={"pnginfo": info})
    return stream.getvalue()


def save_svg(figure: Figure, text: dict[str, str]) -> bytes:
    """The figure as SVG: letters as outlines, pictures inside, names of parts that do not change, no date."""
    stream = io.BytesIO()
    about = {
        "Creator": text.get("Software", "SNAP Studio"),
        "Description": "; ".join(f"{key}: {value}" for key, value in text.items()),
        "Date": None,
    }
    with matplotlib.rc_context({"svg.hashsalt": "snap-studio", "svg.fonttype": "path"}):
        figure.savefig(stream, format="svg", metadata=about)
    return stream.getvalue()


def plain_axes(axes: Axes, *, x: str = "", y: str = "", size: float = 7) -> Axes:
    """Axes with labels, small ticks and no box."""
    axes.set_xlabel(x, fontsize=size)
    axes.set_ylabel(y, fontsize=size)
    axes.tick_params(labelsize=size - 1)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return axes


def _scale_bar(axes: Axes, height: int, width: int) -> None:
    length, y = SCALE_BAR_UM / UM_PER_PX, height - 6
    axes.plot([width - 5 - length, width - 5], [y, y], color="white", linewidth=3.2, solid_capstyle="butt")
    axes.plot([width - 5 - length, width - 5], [y, y], color="black", linewidth=1.6, solid_capstyle="butt")
    axes.text(
        width - 5 - length / 2,
        y - 2,
        f"{SCALE_BAR_UM:g} µm",
        fontsize=5,
        ha="center",
        va="bottom",
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6, "alpha": 0.8},
    )
    axes.set_xlim(-0.5, width - 0.5)
    axes.set_ylim(height - 0.5, -0.5)
