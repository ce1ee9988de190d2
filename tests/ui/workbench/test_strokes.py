"""Strokes of the canvas against masks whose pixels are known."""

import numpy as np
import pytest

from snapgui.ui.workbench.canvas import new_strokes
from snapgui.ui.workbench.strokes import TOOL_COLOURS, apply_strokes, overlay_picture, stroke_points

ZOOM = 4
EMPTY = np.zeros((96, 96), dtype=bool)


def line(tool: str, *points: tuple[float, float], width_px: float = 8) -> dict:
    commands = [["M", *points[0]], *(["L", *point] for point in points[1:])]
    return {"type": "Path", "path": commands, "stroke": TOOL_COLOURS[tool], "strokeWidth": width_px * ZOOM}


def test_a_dab_of_the_brush_is_a_disc():
    # Canvas point (200, 120) is the corner between native pixels 49|50 and 29|30.
    mask = apply_strokes(EMPTY, [line("Brush", (200, 120), (200.1, 120))], zoom=ZOOM)
    y, x = np.nonzero(mask)
    assert (x.mean(), y.mean()) == pytest.approx((49.5, 29.5), abs=0.2)
    assert mask.sum() == pytest.approx(np.pi * 4**2, rel=0.12)
    assert not EMPTY.any()


def test_a_stroke_is_as_wide_as_the_brush():
    mask = apply_strokes(EMPTY, [line("Brush", (80, 200), (300, 200), width_px=6)], zoom=ZOOM)
    assert mask[:, 48].sum() == 6
    assert mask[46:53, 48].sum() == 6


def test_polygon_fills_whole_pixels():
    corners = [{"x": 40, "y": 80}, {"x": 80, "y": 80}, {"x": 80, "y": 120}, {"x": 40, "y": 120}]
    mask = apply_strokes(
        EMPTY, [{"type": "Polygon", "points": corners, "stroke": TOOL_COLOURS["Polygon"]}], zoom=ZOOM
    )
    expected = EMPTY.copy()
    expected[20:30, 10:20] = True
    assert (mask == expected).all()


def test_outline_fills_its_inside_and_brush_does_not():
    ring = [(200 + 60 * np.cos(a), 200 + 60 * np.sin(a)) for a in np.linspace(0, 2 * np.pi, 60)]
    filled = apply_strokes(EMPTY, [line("Outline", *ring, width_px=0.5)], zoom=ZOOM)
    painted = apply_strokes(EMPTY, [line("Brush", *ring, width_px=3)], zoom=ZOOM)
    assert filled[50, 50] and not painted[50, 50]
    assert filled.sum() == pytest.approx(np.pi * 15**2, rel=0.05)


def test_order_counts_for_the_eraser():
    square = {
        "type": "Polygon",
        "stroke": TOOL_COLOURS["Polygon"],
        "points": [{"x": 80, "y": 80}, {"x": 320, "y": 80}, {"x": 320, "y": 320}, {"x": 80, "y": 320}],
    }
    eraser = line("Erase", (200, 80), (200, 320))
    assert not apply_strokes(EMPTY, [square, eraser], zoom=ZOOM)[50, 50]
    assert apply_strokes(EMPTY, [eraser, square], zoom=ZOOM)[50, 50]


def test_strokes_beyond_the_edge_and_unknown_objects_do_no_harm():
    mask = apply_strokes(EMPTY, [line("Brush", (-50, 10), (20, 10)), {"type": "Image"}, {}], zoom=ZOOM)
    assert mask[2, 0] and not mask[:, 20:].any()


def test_curves_are_followed():
    points = stroke_points({"type": "Path", "path": [["M", 0, 0], ["Q", 10, 10, 20, 0]]})
    assert points[0].tolist() == [0, 0] and points[-1].tolist() == [20, 0]
    assert points[:, 1].max() == pytest.approx(5)


def test_each_stroke_is_taken_once():
    first, second = line("Brush", (10, 10), (20, 20)), line("Brush", (30, 30), (40, 40))
    new, seen = new_strokes([first], ())
    assert new == [first]
    new, seen = new_strokes([first, second], seen)
    assert new == [second]
    # The canvas was emptied and a new stroke came at once.
    new, seen = new_strokes([first], new_strokes([], seen)[1])
    assert new == [first]


def test_overlay_changes_masked_pixels_only():
    pixels = np.full((96, 96, 3), 200, np.uint8)
    mask = EMPTY.copy()
    mask[10:20, 10:20] = True
    picture = overlay_picture(pixels, mask, ZOOM)
    assert picture.shape == (384, 384, 3)
    changed = (picture != 200).any(axis=2)
    assert (changed == np.repeat(np.repeat(mask, ZOOM, 0), ZOOM, 1)).all()
