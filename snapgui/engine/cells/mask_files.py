"""Masks as programs write them: pictures of several kinds."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from snapgui.engine.images import open_picture
from snapgui.errors import MaskError

# A coloured picture of at most so many colours, black among them, is one of labels.
MOST_LABELS = 256


def marked_pixels(data: bytes, name: str) -> tuple[NDArray[np.bool_], str]:
    """The pixels that a mask picture marks, bool ``(H, W)``, and by what rule, in words; raises ImageError
    where it is no picture.

    Where there is transparency it decides; numbers of labels mean non-zero; grey is cut at half.
    """
    picture = open_picture(data, name=name)
    if picture.has_transparency_data:
        alpha = np.asarray(picture.convert("RGBA"))[..., 3]
        seen = alpha > alpha.max() / 2
        if not seen.all():
            return seen, "what is not transparent"
    if picture.mode == "P":
        numbers = np.asarray(picture)
        black = (np.asarray(picture.convert("RGB")) == 0).all(axis=2)
        if black.sum() > (numbers == 0).sum() and numbers[black].min() > 0:
            # Colours in the order in which a program found them, on black: no labels.
            picture = picture.convert("RGB")
    if picture.mode in ("RGB", "CMYK", "YCbCr", "LAB", "RGBA", "LA", "HSV"):
        colours = np.asarray(picture.convert("RGB"))
        if (colours == colours[..., :1]).all():
            return _marked_values(colours[..., 0], picture)
        black = (colours == 0).all(axis=2)
        few = len(np.unique(colours.reshape(-1, 3), axis=0)) <= MOST_LABELS
        if black.any() and few and picture.format != "JPEG":
            return ~black, "every colour but black"
        return colours.mean(axis=2) > 127.5, "what is brighter than half"
    return _marked_values(np.asarray(picture), picture)


def _marked_values(values: NDArray[Any], picture: Image.Image) -> tuple[NDArray[np.bool_], str]:
    if picture.mode == "1":
        return values.astype(bool), "white"
    if not np.isfinite(values).all():
        raise MaskError("The mask holds values that are not numbers. Save it with 8 bits.")
    found = np.unique(values)
    white = 1 if picture.mode == "F" and found[-1] <= 1 else 65535 if found[-1] > 255 else 255
    if picture.format != "JPEG" and len(found) == 2:
        return values == found[1], "the larger of two values"
    if (
        picture.format != "JPEG"
        and (picture.mode == "P" or found[-1] != white)
        and (found == np.rint(found)).all()
    ):
        return values > 0, "every label but 0"
    return values > white / 2, "what is brighter than half"
