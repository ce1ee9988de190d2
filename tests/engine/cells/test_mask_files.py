"""Masks as programs write them: what each form marks, and the sentence that says so."""

import io
import json
import zipfile

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image
from roifile import ROI_OPTIONS, ROI_TYPE, ImagejRoi

from snapgui.engine.cells.outlines import outlines_of, read_mask, understand_mask
from snapgui.engine.cells.qupath import cells_geojson, mask_polygons
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


# 0.4 around the cells, as if their edges were smoothed.
SOFT = np.where(MARKED, 1.0, 0.4 * np.roll(MARKED, 1, axis=0))


def half_seen() -> Image.Image:
    """White on black, all of it half transparent: there alpha tells nothing."""
    colours = np.where(MARKED, 255, 0)[..., None].repeat(4, axis=2).astype(np.uint8)
    colours[..., 3] = 128
    return Image.fromarray(colours)


def saved(picture: Image.Image, form: str, **how: int) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, form, **how)
    return stream.getvalue()


def void() -> Image.Image:
    """Labels 1 and 2 with a rim of 255, which VOC calls void, within the cells."""
    labels = np.array([0, 0, 0, 1, 2], np.uint8)[LABELS]
    labels[5, 5:20] = 255
    return Image.fromarray(labels)


def grey_palette() -> Image.Image:
    """A soft mask that a program made small: its numbers are places in a table of greys."""
    picture = Image.fromarray(np.where(MARKED, 0, np.where(SOFT > 0, 1, 2)).astype(np.uint8), "P")
    picture.putpalette([255, 255, 255, 100, 100, 100, 0, 0, 0])
    return picture


def noisy(form: str, **how: int) -> Image.Image:
    """A mask that was saved with loss once, and then without."""
    return Image.open(io.BytesIO(saved(Image.fromarray(MARKED.astype(np.uint8) * 255), form, **how)))


def blurred(highest: int) -> Image.Image:
    soft = cv2.GaussianBlur(MARKED.astype(np.float32), (0, 0), 0.5)
    return Image.fromarray(np.minimum(soft * 255, highest).astype(np.uint8))


def tiff(values: np.ndarray, photometric: str = "minisblack") -> bytes:
    stream = io.BytesIO()
    tifffile.imwrite(stream, values, photometric=photometric)
    return stream.getvalue()


def on_black() -> Image.Image:
    """Colours in the order in which a program found them: black is the last."""
    picture = Image.fromarray(np.array([2, 2, 2, 0, 1], dtype=np.uint8)[LABELS], "P")
    picture.putpalette([128, 0, 0, 255, 255, 255, 0, 0, 0])
    return picture


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (lambda: encoded(on_black()), "every colour but black"),
        (lambda: encoded(on_nothing(MARKED * 100, 0)), "not transparent"),
        (lambda: encoded(half_seen()), "two values"),
        (lambda: tiff(LABELS.astype(np.int64)), "every label but 0"),
        (lambda: tiff(np.where(MARKED, 0.9, 0.1 + LABELS * 0)), "two values"),
        (lambda: tiff(SOFT.astype(np.float32)), "brighter than half"),
        (lambda: tiff((SOFT * 65535).astype(np.uint16)), "brighter than half"),
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
        (lambda: encoded(Image.fromarray(np.array([0, 0, 0, 100, 255], np.uint8)[LABELS])), "every label"),
        (lambda: encoded(Image.fromarray(np.array([0, 0, 0, 7, 255], np.uint16)[LABELS])), "every label"),
        (lambda: encoded(void()), "every label but 0"),
        (lambda: encoded(grey_palette()), "brighter than half"),
        (lambda: encoded(noisy("JPEG", quality=95)), "brighter than half"),
        (lambda: encoded(noisy("JPEG", quality=50)), "brighter than half"),
        (lambda: encoded(blurred(255)), "brighter than half"),
        (lambda: encoded(blurred(250)), "brighter than half"),
        (lambda: saved(Image.fromarray(MARKED).convert("RGB"), "WEBP", quality=80), "brighter than half"),
        (lambda: tiff(65535 - (SOFT * 65535).astype(np.uint16), "miniswhite"), "brighter than half"),
        (lambda: tiff((~MARKED).astype(np.uint16) * 300, "miniswhite"), "two values"),
        (lambda: tiff(MARKED, "miniswhite"), "every one"),
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
        ('{"type": "Polygon", "coordinates": [[[1], [2], [3]]]}', "three finite corners"),
        ('{"type": "Polygon", "coordinates": [[[0, 0], [1e308, 0], [9, 9]]]}', "three finite corners"),
        ("<ASAP_Annotations/>", r"a file of XML \(ASAP, .* QuPath's GeoJSON or ImageJ's regions"),
        ('{"type": "Polygon", "coordinates": [[[1, 1], [1' + "0" * 400 + ", 1], [9, 9]]]}", "is not GeoJSON"),
        (
            '{"type": "Polygon", "coordinates": [[[90, 90], [95, 90], [95, 95]]]}',
            "lies outside the 48 x 48 px",
        ),
    ],
)
def test_other_json_is_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(MaskError, match=sentence):
        read_mask(text.encode(), shape=SHAPE)


def test_regions_outside_the_image_are_counted() -> None:
    inside, outside = rectangle(10, 10, 20, 20).tobytes(), rectangle(90, 90, 99, 99).tobytes()
    mask, said = understand_mask(roi_set(inside, outside), shape=SHAPE)
    assert (mask == marked((10, 10, 20, 20))).all()
    assert said == "the inside of 1 of its 2 regions (the others enclose no pixel of the image)"


def test_a_cell_within_the_hole_of_another_counts() -> None:
    mask = np.zeros(SHAPE, dtype=bool)
    mask[5:40, 5:40] = True
    mask[10:35, 10:35] = False
    assert len(outlines_of(mask)) == 1, "a hole is no cell"
    mask[20:25, 20:25] = True
    assert len(outlines_of(mask)) == 2
    assert outlines_of(mask & False) == []


def polygon(*corners: tuple[int, int]) -> bytes:
    return ImagejRoi.frompoints(np.array(corners)).tobytes()


def rectangle(left: int, top: int, right: int, bottom: int, kind: ROI_TYPE = ROI_TYPE.RECT) -> ImagejRoi:
    return ImagejRoi(roitype=kind, left=left, top=top, right=right, bottom=bottom)


def composite() -> bytes:
    """A square with a square hole, as ImageJ joins them: segments of move 0, line 1 and close 4."""
    path = []
    for left, top, side in ((10, 10, 10), (13, 13, 4)):
        (x, y), *others, _ = square(left, top, side)
        path += [0, x, y, *(value for corner in others for value in (1, *corner)), 4]
    roi = rectangle(10, 10, 20, 20)
    roi.multi_coordinates = np.array(path, dtype=np.float32)
    roi.shape_roi_size = len(path)
    return roi.tobytes()


def roi_set(*regions: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for number, data in enumerate(regions):
            archive.writestr(f"{number:04}-cell.roi", data)
    return stream.getvalue()


def test_a_note_of_macos_beside_a_region_is_no_region() -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("a.roi", rectangle(10, 10, 20, 20).tobytes())
        archive.writestr("__MACOSX/._a.roi", b"\0\5\x16\7" + b"\0" * 80)
    assert (read_mask(stream.getvalue(), shape=SHAPE) == marked((10, 10, 20, 20))).all()


def test_a_feature_without_a_place_is_left_out() -> None:
    geometry = {"type": "Polygon", "coordinates": [square(10, 10, 10)]}
    content = [{"type": "Feature", "geometry": one, "properties": {}} for one in (None, geometry)]
    assert (read_mask(json.dumps(content).encode(), shape=SHAPE) == marked((10, 10, 20, 20))).all()


def marked(*boxes: tuple[int, int, int, int]) -> np.ndarray:
    mask = np.zeros(SHAPE, dtype=bool)
    for left, top, right, bottom in boxes:
        mask[top:bottom, left:right] = True
    return mask


def test_regions_of_imagej_are_masks() -> None:
    """ImageJ counts from the corner of the first pixel, as QuPath does."""
    first, ring = (10, 10, 20, 20), marked((10, 10, 20, 20)) & ~marked((13, 13, 17, 17))
    corners = polygon((10, 10), (20, 10), (20, 20), (10, 20))
    line = ImagejRoi(roitype=ROI_TYPE.LINE, x1=1, y1=1, x2=9, y2=9).tobytes()
    for data, wanted in (
        (corners, marked(first)),
        (rectangle(*first).tobytes(), marked(first)),
        (composite(), ring),
        (roi_set(corners, line, rectangle(30, 5, 33, 8).tobytes()), marked(first, (30, 5, 33, 8))),
    ):
        mask, said = understand_mask(data, shape=SHAPE, name="RoiSet.zip")
        assert (mask == wanted).all() and "regions" in said
    oval = read_mask(rectangle(10, 10, 20, 20, ROI_TYPE.OVAL).tobytes(), shape=SHAPE)
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]] + 0.5
    assert (oval == ((x - 15) ** 2 + (y - 15) ** 2 <= 25)).all()
    fine = ImagejRoi.frompoints(np.array([(10.4, 10.4), (20.4, 10.4), (20.4, 20.4), (10.4, 20.4)]))
    assert fine.options & ROI_OPTIONS.SUB_PIXEL_RESOLUTION
    assert (read_mask(fine.tobytes(), shape=SHAPE) == marked((10, 10, 20, 20))).all()


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"Iout", "not a file of ImageJ's regions"),
        (composite()[:80], "not a file of ImageJ's regions"),
        (polygon((1, 1), (9, 1), (9, 9))[:66], "not a file of ImageJ's regions"),
        (b"PK\x03\x04nothing", "not a file of ImageJ's regions"),
        (roi_set(), "is damaged|without .roi files"),
        (roi_set(polygon((1, 1), (9, 1), (9, 9)))[:-30], "not a file of ImageJ's regions"),
        (ImagejRoi(roitype=ROI_TYPE.LINE, x1=1, y1=1, x2=9, y2=9).tobytes(), "holds no area"),
        (rectangle(60, 60, 70, 70).tobytes(), "marks no pixel: all that it encloses lies outside"),
    ],
)
def test_other_regions_are_a_sentence(data: bytes, sentence: str) -> None:
    with pytest.raises(MaskError, match=sentence):
        read_mask(data, shape=SHAPE)


def test_cells_written_for_qupath_are_read_as_the_same_pixels() -> None:
    rng = np.random.default_rng(0)
    for share in (0.1, 0.4, 0.6, 0.9):
        mask = rng.random((21, 34)) < share
        assert (read_mask(cells_geojson(mask), shape=(21, 34)) == mask).all()
    nested = marked((5, 5, 40, 40)) & ~marked((10, 10, 35, 35)) | marked((20, 20, 25, 25))
    altered = marked((6, 6, 8, 8), (21, 21, 22, 22))
    content = json.loads(cells_geojson(nested, altered))
    assert content["type"] == "FeatureCollection"
    ring, inner, changed = content["features"]
    assert ring["properties"]["objectType"] == "annotation" and ring["properties"]["name"] == "cell 1"
    assert ring["properties"]["classification"] == {"name": "cell", "color": [0, 114, 178]}
    assert [len(ring["geometry"]["coordinates"]), len(inner["geometry"]["coordinates"])] == [2, 1]
    assert ring["geometry"]["coordinates"][0] == [[5, 5], [40, 5], [40, 40], [5, 40], [5, 5]]
    assert changed["properties"]["classification"]["name"] == "altered"
    assert changed["geometry"]["type"] == "MultiPolygon" and len(changed["geometry"]["coordinates"]) == 2


def test_no_ring_touches_itself() -> None:
    """Cells that meet at a corner are two; a hole that meets the outside at a corner is its own ring."""
    assert len(mask_polygons(marked((2, 2, 4, 4), (4, 4, 6, 6)))) == 2
    open_ring = marked((2, 2, 7, 7)) & ~marked((3, 3, 6, 6))
    open_ring[2, 2] = False
    (polygon_of_ring,) = mask_polygons(open_ring)
    assert len(polygon_of_ring) == 2 and all(len(set(r)) == len(r) - 1 for r in polygon_of_ring)


def test_an_outline_of_a_million_corners_or_far_away_takes_little_memory() -> None:
    angle = np.linspace(0, 2 * np.pi, 100_000, endpoint=False)
    circle = np.stack([24 + 10 * np.cos(angle), 24 + 10 * np.sin(angle)], axis=1)
    content = {"type": "Polygon", "coordinates": [circle.tolist()]}
    assert 300 < read_mask(json.dumps(content).encode(), shape=SHAPE).sum() < 330
    far = {"type": "Polygon", "coordinates": [[[-1e30, -1e30], [1e30, -1e30], [1e30, 1e30], [-1e30, 1e30]]]}
    assert read_mask(json.dumps(far).encode(), shape=SHAPE).all()


def test_a_polygon_without_rings_is_none() -> None:
    square = [[[2, 2], [8, 2], [8, 8], [2, 8], [2, 2]]]
    geometry = {"type": "MultiPolygon", "coordinates": [[], square]}
    assert read_mask(json.dumps(geometry).encode(), shape=(21, 34)).sum() == 36
    with pytest.raises(MaskError, match="holds no polygons"):
        read_mask(b'{"type": "Polygon", "coordinates": []}', shape=(21, 34))
