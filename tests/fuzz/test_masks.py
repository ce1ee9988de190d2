"""Masks: one in every dressing marks the same pixels, and a damaged one marks some or is refused."""

import json
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from roifile import ROI_TYPE, ImagejRoi

from snapgui.engine.cells.outlines import read_mask
from snapgui.engine.cells.qupath import cells_geojson
from snapgui.report.bundle.archive import zip_bytes
from tests.fuzz.mutations import as_json, bounded, damaged
from tests.fuzz.test_pictures import saved

SHAPE = (24, 30)


@st.composite
def rectangles(draw: st.DrawFn) -> list[tuple[int, int, int, int]]:
    """Left, top, right, bottom of one to four rectangles that leave a rim, so that something is unmarked."""
    found = []
    for _ in range(draw(st.integers(1, 4))):
        left, top = draw(st.integers(1, 26)), draw(st.integers(1, 20))
        found.append((left, top, draw(st.integers(left + 1, 29)), draw(st.integers(top + 1, 23))))
    return found


def mask_of(places: list[tuple[int, int, int, int]]) -> np.ndarray:
    mask = np.zeros(SHAPE, bool)
    for left, top, right, bottom in places:
        mask[top:bottom, left:right] = True
    return mask


def geojson(mask: np.ndarray, form: str) -> bytes:
    whole = json.loads(cells_geojson(mask))
    features = whole["features"]
    if form == "list":
        return json.dumps(features).encode()
    if form == "geometries":
        parts = [one["geometry"] for one in features]
        return json.dumps({"type": "GeometryCollection", "geometries": parts}).encode()
    if form == "multi":
        many = [one["geometry"]["coordinates"] for one in features]
        return json.dumps(
            {"type": "Feature", "geometry": {"type": "MultiPolygon", "coordinates": many}}
        ).encode()
    if form == "turned":
        for one in features:
            rings = one["geometry"]["coordinates"]
            one["geometry"]["coordinates"] = [ring[::-1] for ring in rings]
    if form == "open":
        for one in features:
            rings = one["geometry"]["coordinates"]
            one["geometry"]["coordinates"] = [
                [[*map(float, corner), 0.0] for corner in ring[:-1]] for ring in rings
            ]
    return b"\xef\xbb\xbf" + json.dumps(whole, indent=2).encode()


def region(place: tuple[int, int, int, int], kind: str) -> bytes:
    left, top, right, bottom = place
    if kind == "rectangle":
        roi = ImagejRoi(roitype=ROI_TYPE.RECT, left=left, top=top, right=right, bottom=bottom)
        return roi.tobytes()
    corners = np.array([(left, top), (right, top), (right, bottom), (left, bottom)], dtype=np.float32)
    return ImagejRoi.frompoints(corners if kind == "real" else corners.astype(np.int32)).tobytes()


@st.composite
def dressed(draw: st.DrawFn) -> tuple[np.ndarray, bytes]:
    """A mask, and a file that holds it."""
    places = draw(rectangles())
    mask = mask_of(places)
    kind = draw(
        st.sampled_from(("values", "values", "palette", "alpha", "labels", "colours", "geojson", "imagej"))
    )
    form = draw(st.sampled_from(("PNG", "TIFF", "BMP")))
    if kind == "values":
        low, high = draw(st.sampled_from(((0, 1), (0, 255), (0, 127), (10, 200))))
        values = np.where(mask, high, low).astype(np.uint8)
        deep = draw(st.booleans()) and form != "BMP"
        data = Image.fromarray(values.astype(np.uint16) if deep else values)
        if draw(st.integers(0, 4)) == 0:
            data = Image.fromarray(mask)
        return mask, saved(data, form)
    if kind == "labels":
        labels = np.where(mask, np.random.default_rng(0).integers(1, 200, SHAPE), 0)
        return mask, saved(Image.fromarray(labels.astype(np.uint16)), draw(st.sampled_from(("PNG", "TIFF"))))
    if kind == "palette":
        picture = Image.fromarray((mask * draw(st.integers(1, 20))).astype(np.uint8), "P")
        picture.putpalette(np.random.default_rng(1).integers(0, 256, 768).tolist())
        return mask, saved(picture, form)
    if kind == "alpha":
        colours = np.full((*SHAPE, 4), draw(st.sampled_from((0, 255))), np.uint8)
        colours[..., 3] = mask * 255
        return mask, saved(Image.fromarray(colours), draw(st.sampled_from(("PNG", "TIFF"))))
    if kind == "colours":
        colours = mask[..., None] * np.array(
            draw(st.sampled_from(((255, 0, 0), (1, 0, 0), (255,) * 3))), np.uint8
        )
        return mask, saved(Image.fromarray(colours.astype(np.uint8)), form)
    if kind == "geojson":
        return mask, geojson(
            mask, draw(st.sampled_from(("whole", "list", "geometries", "multi", "turned", "open")))
        )
    regions = [region(place, draw(st.sampled_from(("rectangle", "whole", "real")))) for place in places]
    if len(regions) == 1 and draw(st.booleans()):
        return mask, regions[0]
    return mask, zip_bytes({f"{number}.roi": data for number, data in enumerate(regions)})


@bounded("masks, dressed")
@given(dressed())
def test_one_mask_in_every_dressing_marks_the_same(door, case: tuple[np.ndarray, bytes]) -> None:
    mask, data = case
    read = None
    with door():
        read = read_mask(data, shape=SHAPE)
    assert read is not None and (read == mask).all()


BASE: Any = json.loads(cells_geojson(mask_of([(2, 2, 12, 12), (15, 5, 25, 20)])))


@bounded("masks, damaged")
@given(st.one_of(dressed().flatmap(lambda case: damaged(case[1])), as_json(BASE)))
def test_a_damaged_mask_is_refused_or_it_is_a_mask(door, data: bytes) -> None:
    with door():
        read = read_mask(data, shape=SHAPE, name="mask.png")
        assert read.dtype == bool and read.shape == SHAPE and read.any()
