"""Numbers of more than 8 bits as 8-bit levels: what white is, and what a TIFF says of its numbers."""

import io
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tifffile import TiffFile

from snapgui.errors import ImageError

# What white may be where a file does not say: of a share, of 8 bits, of cameras' 10, 12 and 14, and of 16.
WHITES = (1, 255, 1023, 4095, 16383, 65535)
# Resampling and sharpening take real numbers a little below black and above white.
_ROOM = {1: 2, 255: 2, 65535: 2}
_BITS, _PHOTOMETRIC, _DESCRIPTION, _PLANES, _SOFTWARE = 258, 262, 270, 284, 305
_EXTRA, _FORMAT, _MAXIMA = 338, 339, (281, 341)
_TAGS = (_BITS, _PHOTOMETRIC, _DESCRIPTION, _PLANES, _SOFTWARE, _EXTRA, _FORMAT, *_MAXIMA)
_SIGNIFICANT = re.compile(r'SignificantBits="(\d{1,2})"')


@dataclass(frozen=True)
class Numbers:
    """What a file says of the numbers in it.

    Attributes:
        white: the number that is white; None where the file does not say.
        largest: the largest number that white may be, if that has to be guessed.
        min_is_white: whether 0 is white and the largest number black.
        alpha: whether a fourth channel is transparency.
        premultiplied: whether the colours are multiplied by it already.
        planar: whether channels lie one after another.
        writer: the program that wrote the file.
    """

    white: int | None = None
    largest: int = WHITES[-1]
    min_is_white: bool = False
    alpha: bool = True
    premultiplied: bool = False
    planar: bool = False
    writer: str = ""


_UNSAID = Numbers()


def is_tiff(data: bytes) -> bool:
    """Whether these bytes begin as a TIFF or BigTIFF does."""
    return data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def numbers_of(data: bytes) -> Numbers:
    """What the tags of a TIFF say of its numbers; nothing of any other file, or of a damaged one."""
    if not is_tiff(data):
        return _UNSAID
    try:
        with TiffFile(io.BytesIO(data)) as file:
            tags = file.pages.first.tags
            return _numbers_in({code: tags.valueof(code) for code in _TAGS})
    # Whatever a damaged header makes of it: who decodes the picture says so.
    except Exception:
        return _UNSAID


def _numbers_in(tags: dict[int, Any]) -> Numbers:
    bits = max(_whole(tags[_BITS]), default=1)
    kinds, extra = set(_whole(tags[_FORMAT])) or {1}, _whole(tags[_EXTRA])
    inverted = tags[_PHOTOMETRIC] == 0
    # OME's words for a camera's bits. A maximum that some programs note is that of the picture alone, which
    # says nothing of white.
    stated = [2 ** int(found) - 1 for found in _SIGNIFICANT.findall(str(tags[_DESCRIPTION]))]
    stated += [value for code in _MAXIMA for value in _whole(tags[code])]
    white = next((value for value in stated if value in WHITES and value > 255), None)
    if white is None and kinds == {1} and (8 < bits < 16 or (inverted and bits <= 16)):
        white = 2**bits - 1
    return Numbers(
        white=white,
        largest=32767 if kinds == {2} and bits == 16 else WHITES[-1],
        min_is_white=inverted,
        alpha=not extra or extra[0] in (1, 2),
        premultiplied=extra[:1] == [1],
        planar=tags[_PLANES] == 2,
        writer=str(tags[_SOFTWARE] or ""),
    )


def _whole(value: Any) -> list[int]:
    """The whole numbers of a tag, which may be missing, one or several, or something else altogether."""
    return [int(one) for one in np.atleast_1d(value).tolist() if isinstance(one, int)]


def to_levels(values: NDArray[Any], name: str, numbers: Numbers = _UNSAID) -> tuple[NDArray[np.uint8], str]:
    """Whole or real numbers as 8-bit levels, and a sentence where it had to be guessed what white is.

    Args:
        values: of any shape.
        name: of the picture, for people.
        numbers: what the file says of them.

    Raises:
        ImageError: values that are no numbers, or of a range that no picture has.
    """
    real = np.issubdtype(values.dtype, np.floating)
    values = np.asarray(values, dtype=np.float64)
    if not np.isfinite(values).all():
        raise ImageError(f"{name} holds values that are not numbers. Export it with 8 or 16 bits a channel.")
    low, high = float(values.min()), float(values.max())
    whites = (*WHITES[:-1], numbers.largest)
    limits = {white: white * _ROOM.get(white, 1) if real else white for white in whites}
    # Tissue is bright: a picture whose brightest pixel has under a quarter of white is rare.
    guessed = next((white for white, limit in limits.items() if high <= limit), None)
    white = numbers.white if numbers.white and high <= numbers.white else guessed
    if white is None or low < -high / 10:
        raise ImageError(
            f"{name} holds values from {low:.4g} to {high:.4g}, where 0 is black and white is "
            f"{', '.join(f'{white:,}' for white in whites[:-1])} or {whites[-1]:,}. Export it with 8 or 16 "
            "bits a channel, and not normalised."
        )
    levels = np.clip(np.rint(values * (255.0 / white)), 0, 255).astype(np.uint8)
    if numbers.min_is_white:
        levels = 255 - levels
    if real or high == 0 or white in (numbers.white, numbers.largest):
        return levels, ""
    return levels, (
        f"{name} does not say which of its values is white; the brightest is {high:,.0f}, so {white:,} was "
        f"taken ({white.bit_length()} bit{'s' if white > 1 else ''})."
    )
