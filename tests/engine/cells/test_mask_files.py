"""Masks as programs write them: what each form marks, and the sentence that says so."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from snapgui.engine.cells.outlines import outlines_of, read_mask, understand_mask
from snapgui.errors import MaskError

SHAPE = (48, 48)
MARKED = np.zeros(SHAPE, dtype=bool)
MARKED[5:15, 5:20] = True
MARKED[30:40, 22:30] = True
# Two cells with the numbers 3 and 4.
LABELS = np.where(MARKED, 3, 0)
LABELS[30:40, 22:30] = 4 * MARKED[30:40, 22:30]


def encoded(picture: Image.Image, form: str = "PNG") -> bytes:
    stream = io.BytesIO()
    picture.save(stream, form)
    return stream.getvalue()


def palette() -> Image.Image:
    picture = Image.fromarray(LABELS.astype(np.uint8), "P")
    # As of VOC: the colours of 3 and 4 are dark.
    picture.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0, 0, 0, 128])
    return picture


def coloured() -> Image.Image:
    colours = np.zeros((*SHAPE, 3), dtype=np.uint8)
    colours[LABELS == 3], colours[LABELS == 4] = (128, 0, 0), (0, 0, 90)
    return Image.fromarray(colours)


def on_nothing(alpha: np.ndarray, value: int) -> Image.Image:
    colours = np.full((*SHAPE, 4), value, dtype=np.uint8)
    colours[..., 3] = alpha
    return Image.fromarray(colours)


def softened() -> Image.Image:
    grey = MARKED * 255
    grey[4, 5:20], grey[41, 22:30] = 100, 40
    return Image.fromarray(grey.astype(np.uint8))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (lambda: encoded(Image.fromarray(MARKED.astype(np.uint8) * 255)), "two values"),
        (lambda: encoded(Image.fromarray(MARKED.astype(np.uint8))), "two values"),
        (lambda: encoded(Image.fromarray(MARKED.astype(np.uint8) * 100)), "two values"),
        (lambda: encoded(Image.fromarray(MARKED)), "white"),
        (lambda: encoded(Image.fromarray(LABELS.astype(np.uint8))), "every label but 0"),
        (lambda: encoded(Image.fromarray(LABELS.astype(np.uint16))), "every label but 0"),
        (lambda: encoded(Image.fromarray(LABELS.astype(np.uint16) * 700), "TIFF"), "every label but 0"),
        (lambda: encoded(palette()), "every label but 0"),
        (lambda: encoded(coloured()), "every colour but black"),
        (lambda: encoded(on_nothing(MARKED * 255, 255)), "not transparent"),
        (lambda: encoded(on_nothing(MARKED * 255, 0)), "not transparent"),
        (lambda: encoded(Image.fromarray(MARKED.astype(np.uint8) * 255).convert("RGBA")), "two values"),
        (lambda: encoded(softened()), "brighter than half"),
        (lambda: encoded(Image.fromarray(MARKED.astype(np.uint8) * 255).convert("RGB")), "two values"),
    ],
)
def test_what_a_mask_marks(data, words: str) -> None:
    mask, said = understand_mask(data(), shape=SHAPE)
    assert (mask == MARKED).all() and words in said


def square(left: float, top: float, side: float) -> list[list[float]]:
    corners = [(left, top), (left + side, top), (left + side, top + side), (left, top + side), (left, top)]
    return [list(corner) for corner in corners]


@pytest.mark.parametrize("wrap", ["collection", "list", "geometries"])
def test_polygons_of_qupath_are_masks_with_their_holes(wrap: str) -> None:
    """QuPath counts from the corner of the first pixel: a square from 10 to 20 holds pixels 10 to 19."""
    ring = {"type": "Polygon", "coordinates": [square(10, 10, 10), square(13, 13, 4)]}
    two = {"type": "MultiPolygon", "coordinates": [[square(30, 5, 3)], [square(40, 40, 2)]]}
    features = [{"type": "Feature", "geometry": geometry, "properties": {}} for geometry in (ring, two)]
    content = {
        "collection": {"type": "FeatureCollection", "features": features},
        "list": features,
        "geometries": {"type": "GeometryCollection", "geometries": [ring, two]},
    }[wrap]
    mask, said = understand_mask(json.dumps(content).encode(), shape=SHAPE, name="cells.geojson")
    wanted = np.zeros(SHAPE, dtype=bool)
    wanted[10:20, 10:20] = True
    wanted[13:17, 13:17] = False
    wanted[5:8, 30:33] = wanted[40:42, 40:42] = True
    assert (mask == wanted).all() and "polygons" in said


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "is not GeoJSON"),
        ("[1]", "is not GeoJSON"),
        ("{}", "is not GeoJSON"),
        ('{"type": "FeatureCollection", "features": []}', "holds no polygons"),
        ('{"type": "Point", "coordinates": [1, 2]}', "holds no polygons"),
        ('{"type": "Polygon", "coordinates": [[[0, 0], [1, NaN], [1, 1]]]}', "three finite corners"),
        ('{"type": "Polygon", "coordinates": [[[90, 90], [95, 90], [95, 95]]]}', "marks no pixel"),
    ],
)
def test_other_json_is_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(MaskError, match=sentence):
        read_mask(text.encode(), shape=SHAPE)


def test_a_cell_within_the_hole_of_another_counts() -> None:
    mask = np.zeros(SHAPE, dtype=bool)
    mask[5:40, 5:40] = True
    mask[10:35, 10:35] = False
    assert len(outlines_of(mask)) == 1, "a hole is no cell"
    mask[20:25, 20:25] = True
    assert len(outlines_of(mask)) == 2
    assert outlines_of(mask & False) == []
