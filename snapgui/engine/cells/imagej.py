"""Regions of interest as ImageJ saves them: one ``.roi`` file, or a set of them as ``.zip``."""

import io
import logging
import struct
import zipfile
import zlib
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray
from roifile import ROI_TYPE, ImagejRoi

from snapgui.engine.nuclei import Outline
from snapgui.errors import MaskError

AREAS = (ROI_TYPE.POLYGON, ROI_TYPE.FREEHAND, ROI_TYPE.TRACED, ROI_TYPE.RECT, ROI_TYPE.OVAL)
MOST_REGIONS, MOST_BYTES = 20_000, 4 << 20
CIRCLE_CORNERS = 128
# What it thinks of a region is said by a MaskError.
logging.getLogger("roifile").setLevel(logging.CRITICAL)


def is_imagej(data: bytes) -> bool:
    """Whether a file begins as a region of interest or as a ZIP does."""
    return data[:4] == b"Iout" or data[:2] == b"PK"


def rings_of(data: bytes, name: str) -> list[list[Outline]]:
    """The areas of a file: of each its rings, float32 ``(N, 2)``, in pixels from the centre of the upper left
    one; what lies inside an odd number of them belongs to it.

    ImageJ counts from the corner of that pixel. Lines, points and angles have no area and are left out.

    Raises:
        MaskError: not such a file, damaged, or no area in it.
    """
    try:
        found = [_rings(ImagejRoi.frombytes(one)) for one in _regions(data, name)]
    except (
        *(ValueError, TypeError, IndexError, OverflowError, MemoryError, struct.error),
        *(zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError),
    ) as error:
        raise MaskError(
            f"{name} is not a file of ImageJ's regions, or is damaged ({str(error)[:80]}). Save the regions "
            "again from its ROI Manager."
        ) from error
    areas = [rings for rings in found if rings]
    if not areas:
        raise MaskError(
            f"{name} holds no area: lines, points and angles mark no pixels. Draw cells as polygons, "
            "freehand or ovals."
        )
    if not all(len(ring) >= 3 and np.isfinite(ring).all() for rings in areas for ring in rings):
        raise MaskError(f"{name} holds an outline without three finite corners. Draw it again in ImageJ.")
    return areas


def _regions(data: bytes, name: str) -> list[bytes]:
    if data[:4] == b"Iout":
        return [data]
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = [
            entry
            for entry in archive.infolist()
            # macOS puts a note of its own, ._NAME, beside each file.
            if entry.filename.lower().endswith(".roi")
            and not PurePosixPath(entry.filename).name.startswith(".")
        ]
        if not entries:
            raise MaskError(f"{name} is a ZIP without .roi files. Save the set in ImageJ's ROI Manager.")
        if len(entries) > MOST_REGIONS or any(entry.file_size > MOST_BYTES for entry in entries):
            raise MaskError(
                f"{name} holds {len(entries):,} regions or one of more than {MOST_BYTES >> 20} MB; at most "
                f"{MOST_REGIONS:,} small ones are read. Save fewer."
            )
        return [archive.read(entry) for entry in entries]


def _rings(roi: ImagejRoi) -> list[Outline]:
    if roi.roitype not in AREAS:
        return []
    left, top, width, height = (
        (roi.xd, roi.yd, roi.widthd, roi.heightd)
        if roi.subpixelrect
        else (roi.left, roi.top, roi.right - roi.left, roi.bottom - roi.top)
    )
    corners: list[NDArray[np.float64]]
    if roi.roitype == ROI_TYPE.OVAL:
        angle = np.linspace(0, 2 * np.pi, CIRCLE_CORNERS, endpoint=False)
        unit = np.stack([np.cos(angle), np.sin(angle)], axis=1) / 2 + 0.5
        corners = [unit * (width, height) + (left, top)]
    elif roi.roitype == ROI_TYPE.RECT and not roi.composite:
        unit = np.array([(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)])
        corners = [unit * (width, height) + (left, top)]
    else:
        corners = [np.asarray(ring, dtype=np.float64) for ring in roi.coordinates(multi=True)]
    return [(ring - 0.5).astype(np.float32) for ring in corners]
