"""Masks as programs write them: pictures of several kinds."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from snapgui.engine.images import open_picture
from snapgui.engine.levels import numbers_of
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
    lossy = _is_lossy(picture, data)
    if picture.mode == "P":
        picture = _of_palette(picture)
    if picture.mode in ("RGB", "CMYK", "YCbCr", "LAB", "RGBA", "LA", "HSV"):
        colours = np.asarray(picture.convert("RGB"))
        if (colours == colours[..., :1]).all():
            return _marked_values(colours[..., 0], "L", lossy)
        black = (colours == 0).all(axis=2)
        few = len(np.unique(colours.reshape(-1, 3), axis=0)) <= MOST_LABELS
        if black.any() and few and not lossy:
            return ~black, "every colour but black"
        return colours.mean(axis=2) > 127.5, "what is brighter than half"
    values = np.asarray(picture)
    numbers = numbers_of(data)
    if picture.mode == "1":
        # An array of bool is called black where it is true by tifffile, which reads it as true again.
        truth = numbers.min_is_white and numbers.writer.startswith("tifffile")
        return (~values, "every one") if truth else (values, "white")
    inverted = picture.mode.startswith(("I", "F")) and numbers.min_is_white
    return _marked_values(values, picture.mode, lossy, inverted=inverted)


def _is_lossy(picture: Image.Image, data: bytes) -> bool:
    """Whether colours are only nearly those that were saved: around black and white lie others."""
    whole = picture.format == "WEBP" and b"VP8L" in (data[12:16], data[30:34])
    return (
        picture.format == "JPEG"
        or (picture.format == "WEBP" and not whole)
        or (picture.format == "TIFF" and picture.info.get("compression") == "jpeg")
    )


def _of_palette(picture: Image.Image) -> Image.Image:
    """A picture of numbers with a palette as what it means: greys, colours, or numbers of labels."""
    numbers, colours = np.asarray(picture), np.asarray(picture.convert("RGB"))
    greys = colours[..., 0]
    if (colours == greys[..., None]).all() and len(np.unique(greys)) == len(np.unique(numbers)):
        # A grey picture that a program made small.
        return Image.fromarray(greys)
    black = (colours == 0).all(axis=2)
    if black.sum() > (numbers == 0).sum() and numbers[black].min() > 0:
        # Colours in the order in which a program found them, on black: no labels.
        return picture.convert("RGB")
    return picture


def _marked_values(
    values: NDArray[Any], mode: str, lossy: bool, *, inverted: bool = False
) -> tuple[NDArray[np.bool_], str]:
    if not np.isfinite(values).all():
        raise MaskError("The mask holds values that are not numbers. Save it with 8 bits.")
    found = np.unique(values)
    highest, whole = found[-1], bool((found == np.rint(found)).all())
    # Whole numbers of more than 8 bits reach 255 or 65,535 where they are shades.
    shades = 255 if highest <= 255 and (mode == "L" or highest == 255 or not whole) else 65535
    white = 1 if mode == "F" and highest <= 1 else shades
    if len(found) == 2 and not lossy:
        return values == found[0 if inverted else 1], "the larger of two values"
    soft = lossy or not whole or (highest > white / 2 and _is_soft(values))
    if mode == "P" or not (soft or inverted or highest == found[0] == white):
        return values > 0, f"every label {'but' if found[0] >= 0 else 'above'} 0"
    return (values > white / 2) != inverted, "what is brighter than half"


def _is_soft(values: NDArray[Any]) -> bool:
    """Whether the values between the least and the greatest are those of smoothed edges, or the noise of
    JPEG.

    Most pixels of such a value lie between a darker and a brighter neighbour, or stand alone; those of a
    label's do not, whatever its number.
    """
    height, width = values.shape
    padded = np.pad(values, 1, mode="edge")
    brighter, darker, alone = (np.full(values.shape, start) for start in (False, False, True))
    for y, x in ((y, x) for y in range(3) for x in range(3) if (y, x) != (1, 1)):
        beside = padded[y : y + height, x : x + width]
        brighter |= beside > values
        darker |= beside < values
        alone &= beside != values
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    share = np.bincount(places.ravel(), weights=(brighter & darker | alone).ravel()) / counts
    return len(share) > 2 and bool(np.mean(share[1:-1] > 0.5) >= 0.5)
