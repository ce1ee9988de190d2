"""GeoJSON as QuPath reads and writes it: polygons with holes, in pixels from the corner of the upper left
one.
"""

import json
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from snapgui.engine.nuclei import Outline
from snapgui.errors import MaskError

CELL_COLOUR, ALTERED_COLOUR = (0, 114, 178), (213, 94, 0)
Corner = tuple[int, int]
Ring = list[Corner]


def is_geojson(data: bytes) -> bool:
    """Whether a file begins as JSON does."""
    return data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"[")


def polygons_of(data: bytes, name: str) -> list[list[Outline]]:
    """The polygons of a GeoJSON file: of each its outer ring and its holes, float32 ``(N, 2)`` each, in
    pixels from the centre of the upper left one.

    QuPath counts from the corner of that pixel.

    Raises:
        MaskError: not GeoJSON, or no polygon in it.
    """
    try:
        # What is too far away for a number becomes infinite, and is refused below.
        with np.errstate(over="ignore"):
            polygons = [
                [np.asarray(ring, dtype=np.float32)[:, :2] - 0.5 for ring in rings if ring]
                for rings in _polygons(json.loads(data.decode("utf-8-sig")))
                # A geometry may be empty.
                if any(rings)
            ]
    except (
        *(ValueError, TypeError, KeyError, IndexError),
        *(AttributeError, RecursionError, OverflowError),
    ) as error:
        raise MaskError(
            f"{name} is not GeoJSON with polygons ({str(error)[:120]}). Export the objects from QuPath as "
            "GeoJSON, or give a mask picture."
        ) from error
    if not polygons or not all(
        len(ring) >= 3 and ring.shape[1:] == (2,) and np.isfinite(ring).all()
        for one in polygons
        for ring in one
    ):
        raise MaskError(
            f"{name} holds no polygons, or some without three finite corners. Export closed outlines as "
            "GeoJSON."
        )
    return polygons


def _polygons(content: Any) -> Iterator[list[Any]]:
    if content is None:
        # A feature may be without a place.
        return
    if isinstance(content, list):
        for one in content:
            yield from _polygons(one)
        return
    kind = content["type"]
    if kind == "FeatureCollection":
        yield from _polygons(content["features"])
    elif kind == "Feature":
        yield from _polygons(content["geometry"])
    elif kind == "GeometryCollection":
        yield from _polygons(content["geometries"])
    elif kind == "MultiPolygon":
        yield from content["coordinates"]
    elif kind == "Polygon":
        yield content["coordinates"]


def cells_geojson(mask: NDArray[np.bool_], altered: NDArray[np.bool_] | None = None) -> bytes:
    """A mask bool ``(H, W)`` as a FeatureCollection of annotations, one polygon for each cell; where it is
    given, the pixels that were altered are one more. They run along the edges of pixels, so that reading them
    gives back the same mask.
    """
    features = [
        _feature({"type": "Polygon", "coordinates": polygon}, f"cell {number}", "cell", CELL_COLOUR)
        for number, polygon in enumerate(mask_polygons(mask), start=1)
    ]
    if altered is not None and altered.any():
        polygons = mask_polygons(altered)
        many = {"type": "MultiPolygon", "coordinates": polygons}
        features.append(_feature(many, "altered pixels", "altered", ALTERED_COLOUR))
    content = {"type": "FeatureCollection", "features": features}
    return (json.dumps(content) + "\n").encode()


def _feature(geometry: dict[str, Any], name: str, kind: str, colour: tuple[int, int, int]) -> dict[str, Any]:
    return {
        "type": "Feature",
        "geometry": geometry,
        "properties": {
            "objectType": "annotation",
            "name": name,
            "classification": {"name": kind, "color": list(colour)},
        },
    }


def mask_polygons(mask: NDArray[np.bool_]) -> list[list[Ring]]:
    """Each part of a mask whose pixels share edges, as its outer ring and those of its holes, from above; no
    ring touches itself.
    """
    _, parts = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)
    polygons: dict[int, list[Ring]] = {}
    for part, ring in _rings(np.asarray(parts, dtype=np.int32)):
        rings = polygons.setdefault(part, [])
        rings.insert(0 if _turns_right(ring) else len(rings), [*ring, ring[0]])
    return [polygons[part] for part in sorted(polygons)]


def _rings(parts: NDArray[np.int32]) -> Iterator[tuple[int, Ring]]:
    """Closed ways along the edges of each part, which lies to their right."""
    padded = np.pad(parts, 1)
    ways: dict[tuple[int, Corner], list[Corner]] = {}
    # Step in x and y, and in which neighbour, as (dy, dx), a pixel of another part must lie for that edge.
    for (start_x, start_y), (dx, dy), (over_y, over_x) in (
        ((0, 0), (1, 0), (-1, 0)),
        ((1, 0), (0, 1), (0, 1)),
        ((1, 1), (-1, 0), (1, 0)),
        ((0, 1), (0, -1), (0, -1)),
    ):
        other = padded[1 + over_y : padded.shape[0] - 1 + over_y, 1 + over_x : padded.shape[1] - 1 + over_x]
        for y, x in np.argwhere((parts > 0) & (parts != other)).tolist():
            start = (x + start_x, y + start_y)
            ways.setdefault((int(parts[y, x]), start), []).append((start[0] + dx, start[1] + dy))
    while ways:
        part, first = next(iter(ways))
        walked, places = [first], {first: 0}
        while True:
            ends = ways[part, walked[-1]]
            corner = ends.pop()
            if not ends:
                del ways[part, walked[-1]]
            if corner in places:
                # A way that meets itself is two rings.
                at = places[corner]
                yield part, _straightened(walked[at:])
                for left in walked[at + 1 :]:
                    del places[left]
                del walked[at + 1 :]
                if at == 0 and (part, corner) not in ways:
                    break
            else:
                places[corner] = len(walked)
                walked.append(corner)


def _straightened(ring: Ring) -> Ring:
    """Without the corners that lie on a straight line."""
    around = zip([ring[-1], *ring[:-1]], ring, [*ring[1:], ring[0]], strict=True)
    return [here for one, here, other in around if one[0] != other[0] and one[1] != other[1]]


def _turns_right(ring: Ring) -> bool:
    """Whether a ring is an outer one: clockwise, as rows count downwards."""
    after = [*ring[1:], ring[0]]
    return sum(x * v - u * y for (x, y), (u, v) in zip(ring, after, strict=True)) > 0
