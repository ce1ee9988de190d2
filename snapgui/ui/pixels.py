"""Pixels as a page takes them: data URIs, thumbnails, masks as pictures. No Streamlit in here."""

import base64

import cv2
import matplotlib
import numpy as np
from numpy.typing import NDArray

from snapgui.engine.images import encode_png

THUMBNAIL_PX = 64


def data_uri(pixels: NDArray[np.uint8]) -> str:
    """A picture as PNG in a data URI."""
    return "data:image/png;base64," + base64.b64encode(encode_png(pixels)).decode("ascii")


def thumbnail_uri(pixels: NDArray[np.uint8]) -> str:
    """The middle square of a picture at 64 px, for choosing only, as a data URI."""
    height, width = pixels.shape[:2]
    side = min(height, width)
    square = pixels[(height - side) // 2 :, (width - side) // 2 :][:side, :side]
    size = min(side, THUMBNAIL_PX)
    return data_uri(
        np.asarray(cv2.resize(square, (size, size), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    )


def mask_pixels(mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """A mask bool ``(H, W)`` as a picture: white where pixels may change."""
    return np.repeat(np.where(mask, 255, 0).astype(np.uint8)[..., None], 3, axis=2)


def heat_colours() -> list[list[int]]:
    """256 colours of the heat maps, dark for none, light for most: magma, whose lightness grows evenly."""
    return [
        [round(255 * channel) for channel in matplotlib.colormaps["magma"](level)[:3]] for level in range(256)
    ]


def window_overview(
    pixels: NDArray[np.uint8], *, left: int, top: int, size_px: int, width_px: int
) -> NDArray[np.uint8]:
    """A field shrunk to ``width_px`` with a frame, black on white, around the chosen window."""
    height, width = pixels.shape[:2]
    scale = min(width_px / width, width_px / height)
    small = cv2.resize(
        pixels, (max(1, round(width * scale)), max(1, round(height * scale))), interpolation=cv2.INTER_AREA
    )
    corner = round(left * scale), round(top * scale)
    opposite = round((left + size_px) * scale) - 1, round((top + size_px) * scale) - 1
    cv2.rectangle(small, corner, opposite, (255, 255, 255), 3)
    cv2.rectangle(small, corner, opposite, (0, 0, 0), 1)
    return np.asarray(small)
