"""Strokes of the drawing canvas as a mask on the image's own grid: plain functions, no Streamlit."""

from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from snapgui.engine.visibility.measures import enlarge

Tool = Literal["Brush", "Outline", "Polygon", "Erase"]
# The canvas tells strokes apart by their colour only, so each tool has its own.
TOOL_COLOURS: dict[Tool, str] = {
    "Brush": "rgba(0,150,136,0.60)",
    "Outline": "rgba(0,150,136,0.99)",
    "Polygon": "rgba(0,150,136,0.98)",
    "Erase": "rgba(255,255,255,0.70)",
}
OVERLAY = np.array([0, 150, 136], dtype=np.float64)
SHIFT = 3
CURVE_POINTS = 8


def apply_strokes(mask: NDArray[np.bool_], strokes: list[dict[str, Any]], *, zoom: int) -> NDArray[np.bool_]:
    """The mask bool ``(H, W)`` after these canvas objects, in their order; the given mask stays as it is.

    A native pixel is covered where a stroke covers at least half of its ``zoom x zoom`` canvas pixels.
    """
    mask = mask.copy()
    for stroke in strokes:
        covered = _coverage(stroke, mask.shape, zoom) >= 0.5
        if stroke.get("stroke") == TOOL_COLOURS["Erase"]:
            mask &= ~covered
        else:
            mask |= covered
    return mask


def _coverage(stroke: dict[str, Any], shape: tuple[int, int], zoom: int) -> NDArray[np.float64]:
    canvas = np.zeros((shape[0] * zoom, shape[1] * zoom), dtype=np.uint8)
    points = stroke_points(stroke)
    if len(points):
        # cv2 puts pixel centres at whole numbers, the canvas pixel corners.
        fixed = np.rint((points - 0.5) * 2**SHIFT).astype(np.int32).reshape(-1, 1, 2)
        closed = stroke.get("type") == "Polygon" or stroke.get("stroke") == TOOL_COLOURS["Outline"]
        if closed:
            cv2.fillPoly(canvas, [fixed], 1, shift=SHIFT)
        else:
            width = max(1, round(float(stroke.get("strokeWidth") or 1)))
            cv2.polylines(canvas, [fixed], False, 1, thickness=width, shift=SHIFT)
            for x, y in (fixed[0, 0], fixed[-1, 0]):
                cv2.circle(canvas, (int(x), int(y)), max(1, width * 2**SHIFT // 2), 1, -1, shift=SHIFT)
    return canvas.reshape(shape[0], zoom, shape[1], zoom).mean(axis=(1, 3))


def stroke_points(stroke: dict[str, Any]) -> NDArray[np.float64]:
    """The line of a Fabric.js path or polygon as points ``(K, 2)`` in canvas pixels; empty for anything
    else.
    """
    if stroke.get("type") == "Polygon":
        return np.array(
            [(point["x"], point["y"]) for point in stroke.get("points", [])], dtype=np.float64
        ).reshape(-1, 2)
    points: list[tuple[float, float]] = []
    for command in stroke.get("path") or []:
        name, values = command[0], [float(value) for value in command[1:]]
        if name in ("M", "L"):
            points.append((values[0], values[1]))
        elif name == "Q" and points:
            points += _quadratic(points[-1], (values[0], values[1]), (values[2], values[3]))
    return np.array(points, dtype=np.float64).reshape(-1, 2)


def _quadratic(
    start: tuple[float, float], bend: tuple[float, float], end: tuple[float, float]
) -> list[tuple[float, float]]:
    t = np.linspace(0, 1, CURVE_POINTS + 1)[1:, None]
    line = (1 - t) ** 2 * np.array(start) + 2 * t * (1 - t) * np.array(bend) + t**2 * np.array(end)
    return [(float(x), float(y)) for x, y in line]


def overlay_picture(pixels: NDArray[np.uint8], mask: NDArray[np.bool_], zoom: int) -> NDArray[np.uint8]:
    """The image enlarged, the mask tinted and its rim drawn: uint8 ``(H * zoom, W * zoom, 3)``."""
    picture = enlarge(pixels, zoom).astype(np.float64)
    large = np.repeat(np.repeat(mask.astype(np.uint8), zoom, axis=0), zoom, axis=1)
    rim = (large - cv2.erode(large, np.ones((3, 3), np.uint8), borderValue=0)).astype(bool)
    picture[large.astype(bool)] = 0.65 * picture[large.astype(bool)] + 0.35 * OVERLAY
    picture[rim] = OVERLAY
    return np.rint(picture).astype(np.uint8)
