"""Pictures: one in every dressing is the same, and a damaged one is the same or refused."""

import io
import zlib
from typing import Any

import cv2
import numpy as np
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from snapgui.engine.images import decode_pixels
from tests.fuzz.mutations import bounded, damaged

SIZES = ((24, 20), (1, 1), (96, 96), (3, 50))
TURNS = {1: 0, 3: 2, 6: 1, 8: 3}


def draw_pixels(seed: int, height: int, width: int, colours: int) -> np.ndarray:
    """Some colours at random places, white among them, as 8 bits in 16 are told by the largest."""
    rng = np.random.default_rng(seed)
    palette = rng.integers(0, 256, (colours, 3), dtype=np.uint8)
    palette[0] = 255
    pixels = palette[rng.integers(0, colours, (height, width))]
    pixels[0, 0] = 255
    return pixels


def saved(picture: Image.Image, form: str, **how: Any) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, form, **how)
    return stream.getvalue()


def tiff(values: np.ndarray, **how: Any) -> bytes:
    stream = io.BytesIO()
    tifffile.imwrite(stream, values, photometric="rgb", **how)
    return stream.getvalue()


def turned(pixels: np.ndarray, orientation: int) -> tuple[Image.Image, Image.Exif]:
    exif = Image.Exif()
    exif[274] = orientation
    return Image.fromarray(np.rot90(pixels, TURNS[orientation]).copy()), exif


@st.composite
def dressed(draw: st.DrawFn, colours: int = 200) -> tuple[np.ndarray, bytes]:
    """Pixels, and a file that holds them without loss."""
    height, width = draw(st.sampled_from(SIZES))
    pixels = draw_pixels(draw(st.integers(0, 2**32 - 1)), height, width, colours)
    kind = draw(
        st.sampled_from(
            ("PNG", "palette", "alpha", "grey", "WEBP", "BMP", "TIFF", "tifffile", "deep", "deep PNG")
        )
    )
    picture = Image.fromarray(pixels)
    if kind == "PNG":
        picture, exif = turned(pixels, draw(st.sampled_from(sorted(TURNS))))
        return pixels, saved(picture, "PNG", exif=exif, compress_level=draw(st.integers(0, 9)))
    if kind == "palette":
        few = draw_pixels(0, height, width, 12)
        picture = Image.fromarray(few).quantize(12, dither=Image.Dither.NONE)
        form = draw(st.sampled_from(("PNG", "BMP", "TIFF")))
        return np.asarray(picture.convert("RGB")), saved(picture, form)
    if kind == "alpha":
        alpha = np.full((height, width), 255, np.uint8)
        whole = Image.fromarray(np.dstack([pixels, alpha]))
        return pixels, saved(whole, draw(st.sampled_from(("PNG", "TIFF"))))
    if kind == "grey":
        grey = np.repeat(pixels[..., :1], 3, axis=2)
        deep = Image.fromarray(pixels[..., 0].astype(np.uint16) * draw(st.sampled_from((1, 257))))
        whole = draw(st.sampled_from((Image.fromarray(pixels[..., 0]), deep)))
        return grey, saved(whole, draw(st.sampled_from(("PNG", "TIFF"))))
    if kind == "WEBP":
        picture, exif = turned(pixels, draw(st.sampled_from(sorted(TURNS))))
        return pixels, saved(picture, "WEBP", lossless=True, exif=exif)
    if kind == "BMP":
        return pixels, saved(picture, "BMP")
    if kind == "TIFF":
        picture, exif = turned(pixels, draw(st.sampled_from(sorted(TURNS))))
        how = {"compression": draw(st.sampled_from((None, "tiff_lzw", "tiff_adobe_deflate", "packbits")))}
        return pixels, saved(picture, "TIFF", exif=exif, **how)
    order = draw(st.sampled_from("<>"))
    if kind == "tifffile":
        how = {
            "compression": draw(st.sampled_from((None, "zlib"))),
            "planarconfig": draw(st.sampled_from(("contig", "separate"))),
            "tile": draw(st.sampled_from((None, (16, 16)))),
        }
        values = pixels if how["planarconfig"] == "contig" else np.moveaxis(pixels, 2, 0)
        return pixels, tiff(values, byteorder=order, **how)
    wide = pixels.astype(np.uint16) * draw(st.sampled_from((1, 257)))
    if kind == "deep PNG":
        return pixels, cv2.imencode(".png", wide[..., ::-1])[1].tobytes()
    real = pixels.astype(np.float32) / draw(st.sampled_from((1, 255)))
    return pixels, tiff(draw(st.sampled_from((wide, real))), byteorder=order)


@bounded("pictures, dressed")
@given(dressed())
def test_one_picture_in_every_dressing_is_the_same(door, case: tuple[np.ndarray, bytes]) -> None:
    pixels, data = case
    read = None
    with door():
        read = decode_pixels(data)
    assert read is not None and (read == pixels).all()


@st.composite
def broken(draw: st.DrawFn) -> tuple[np.ndarray, bytes]:
    pixels, data = draw(dressed())
    if draw(st.integers(0, 4)) == 0:
        data = saved(Image.fromarray(pixels), "JPEG", quality=90)
    return pixels, draw(damaged(data))


@bounded("pictures, damaged")
@given(broken())
def test_a_damaged_picture_is_refused_or_it_is_a_picture(door, case: tuple[np.ndarray, bytes]) -> None:
    pixels, data = case
    with door():
        read = decode_pixels(data)
        assert read.dtype == np.uint8 and read.ndim == 3 and read.shape[2] == 3 and read.size
        if data.startswith(b"\x89PNG"):
            # Each part has a sum of its own, so what is read is what was written, turned as it may be.
            assert read.shape in (pixels.shape, pixels.transpose(1, 0, 2).shape)
            same = zlib.crc32(np.sort(read.reshape(-1, 3), axis=0).tobytes())
            assert same == zlib.crc32(np.sort(pixels.reshape(-1, 3), axis=0).tobytes())
