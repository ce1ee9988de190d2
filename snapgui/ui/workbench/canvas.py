"""The drawing canvas, behind our own words: whoever replaces the library replaces this module."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from snapgui.engine.images import encode_png
from snapgui.ui.workbench.strokes import TOOL_COLOURS, Tool, overlay_picture

LINE_PX = 2
FILL = "rgba(0,150,136,0.35)"


def mask_canvas(
    pixels: NDArray[np.uint8],
    mask: NDArray[np.bool_],
    *,
    tool: Tool,
    brush_px: int,
    zoom: int,
    height_px: int,
    revision: int,
    key: str,
    on_stroke: Callable[[], None],
) -> None:
    """Show the image enlarged with its mask and let people draw; ``on_stroke`` is called after each stroke.

    Args:
        brush_px: width of brush and eraser in pixels of the image.
        height_px: of the place; a larger canvas is scrolled in it.
        revision: a new number empties the canvas (its strokes are in the mask by then).
    """
    # Imported here: the package cannot be imported outside a running app.
    from streamlit_drawable_canvas import st_canvas

    height, width = mask.shape
    painting = tool in ("Brush", "Erase")
    st_canvas(
        background_image=encode_png(overlay_picture(pixels, mask, zoom)),
        width=width * zoom,
        height=height * zoom,
        drawing_mode="polygon" if tool == "Polygon" else "freedraw",
        stroke_color=TOOL_COLOURS[tool],
        stroke_width=brush_px * zoom if painting else LINE_PX,
        fill_color=FILL,
        max_display_height=height_px,
        initial_drawing={"objects": [], "revision": revision},
        key=key,
        on_change=on_stroke,
    )


def drawn_strokes(key: str) -> list[dict[str, Any]]:
    """The strokes now on the canvas, oldest first."""
    value = st.session_state.get(key) or {}
    drawing = value.get("drawing") or {}
    return list((drawing.get("raw") or {}).get("objects") or [])


def new_strokes(
    strokes: list[dict[str, Any]], seen: tuple[str, ...]
) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    """The strokes that are not in the mask yet, and what counts as seen from now on."""
    marks = [json.dumps(stroke, sort_keys=True) for stroke in strokes]
    return [stroke for stroke, mark in zip(strokes, marks, strict=True) if mark not in seen], tuple(marks)
