"""One picture in the forms that cameras, scanners and programs give it: the same pixels, or what it is."""

import io
import zlib

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from snapgui.engine.images import decode_pixels, decode_told
from snapgui.engine.levels import Numbers, numbers_of
from snapgui.errors import ImageError

BASE = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
BASE[0, 0] = 255


def tiff(values: np.ndarray, **how: object) -> bytes:
    stream = io.BytesIO()
    tifffile.imwrite(stream, values, **{"photometric": "rgb", **how})
    return stream.getvalue()


def png16(values: np.ndarray) -> bytes:
    return cv2.imencode(".png", values[..., [2, 1, 0, 3][: values.shape[2]]])[1].tobytes()


@pytest.mark.parametrize(
    "data",
    [
        lambda: tiff(BASE.astype(np.uint16)),
        lambda: tiff(BASE.astype(np.uint16) * 257),
        lambda: tiff(BASE.astype(np.float32) / 255),
        lambda: tiff(BASE.astype(np.float32)),
        lambda: tiff(BASE.astype(np.uint16) * 257, byteorder=">"),
        lambda: png16(BASE.astype(np.uint16)),
        lambda: png16(BASE.astype(np.uint16) * 257),
        lambda: tiff(BASE.astype(np.uint16), bigtiff=True),
        lambda: tiff(BASE.astype(np.float32) / 255, bigtiff=True),
    ],
)
def test_deep_colours_are_scaled_as_deep_greys(data) -> None:
    """Of 8-bit values in 16 bits Pillow keeps the empty upper half: black, and “normal 0.97”."""
    assert (decode_pixels(data()) == BASE).all()


@pytest.mark.parametrize("kind", ["float16", "float32", "float64", "int64"])
def test_deep_greys_are_read_whatever_their_type(kind: str) -> None:
    stream = io.BytesIO()
    tifffile.imwrite(stream, BASE[..., 0].astype(kind), photometric="minisblack")
    assert (decode_pixels(stream.getvalue()) == BASE[..., :1]).all()


@pytest.mark.parametrize(
    "data",
    [
        # Resampling takes a pixel a little above white: the picture came out black.
        lambda: tiff(np.where(BASE == 255, 1.02, BASE / 255).astype(np.float32)),
        lambda: tiff(np.where(BASE == 255, 256.0, BASE).astype(np.float32)),
        lambda: tiff(np.where(BASE == 0, -0.01, BASE / 255).astype(np.float32)),
    ],
)
def test_a_little_above_white_is_white(data) -> None:
    assert (decode_pixels(data()) == BASE).all()


@pytest.mark.parametrize("bits", [10, 12, 14])
def test_the_bits_of_a_camera_are_its_whole_range_and_that_is_said(bits: int) -> None:
    white = 2**bits - 1
    values = np.rint(BASE * (white / 255)).astype(np.uint16)
    for data in (tiff(values), png16(values)):
        pixels, told = decode_told(data, name="a.tif")
        assert (pixels == BASE).all() and f"so {white:,} was taken ({bits} bits)" in told
    assert decode_told(tiff(values * 4 ** ((16 - bits) // 2)))[1] == ""


def test_what_a_tiff_says_of_white_is_believed() -> None:
    """A dark picture is not made bright where the file says how many bits it has."""
    dark = BASE.astype(np.uint16) // 2
    for white, how in (
        (4095, {"extratags": [(281, 3, 3, (4095,) * 3, True)]}),
        (65535, {"extratags": [(281, 3, 3, (65535,) * 3, True)]}),
        (1023, {"ome": True, "metadata": {"SignificantBits": 10}}),
    ):
        pixels, told = decode_told(tiff(dark, **how))
        assert not told and (pixels == np.rint(dark * (255 / white))).all()
    # A program that notes the greatest value of this one picture says nothing of white, nor does nonsense.
    for nonsense in ((281, 3, 3, (200,) * 3, True), (341, 12, 1, float("nan"), True), (281, 2, 0, "x", True)):
        assert numbers_of(tiff(dark, extratags=[nonsense])) == numbers_of(tiff(dark))
    assert numbers_of(tiff(dark)[:20]) == Numbers()


@pytest.mark.parametrize(("kind", "white"), [("u1", 255), ("u2", 65535), ("u4", 65535), ("f4", 1), ("f8", 1)])
def test_where_0_is_white_it_is_so_at_all_depths(kind: str, white: int) -> None:
    grey = BASE[..., 0] / 255 * white
    values = (white - (grey if white == 1 else np.rint(grey))).astype(kind)
    for turn in (1, 3):
        shown = values if turn == 1 else values[::-1, ::-1].copy()
        data = tiff(shown, photometric="miniswhite", extratags=[(274, 3, 1, turn, True)])
        assert (decode_pixels(data) == BASE[..., :1]).all()


@pytest.mark.parametrize("kind", ["u1", "u2", "f4"])
def test_a_fourth_channel_is_transparency_only_where_the_file_says_so(kind: str) -> None:
    white = 1 if kind == "f4" else np.iinfo(kind).max
    half = np.full((20, 30, 1), 0.4)
    plain, through = np.concatenate([BASE / 255, half], 2), BASE * 0.4 + 255 * 0.6
    multiplied = np.concatenate([BASE / 255 * 0.4, half], 2)
    for meaning, values, wanted in (
        ("unspecified", plain, BASE),
        ("unassalpha", plain, through),
        ("assocalpha", multiplied, through),
    ):
        numbers = values * white if white == 1 else np.rint(values * white)
        pixels = decode_pixels(tiff(numbers.astype(kind), extrasamples=[meaning]))
        assert np.abs(pixels - wanted.astype(float)).max() <= 1.5


def test_a_normalised_picture_is_refused_by_name() -> None:
    for values in (BASE / 127.5 - 1, (BASE / 255 - 0.5) / 0.2):
        with pytest.raises(ImageError, match=r"a\.tif holds values from .* not normalised"):
            decode_pixels(tiff(values.astype(np.float32)), name="a.tif")
    with pytest.raises(ImageError, match=r"a\.tif holds values that are not numbers"):
        decode_pixels(tiff(np.full((8, 8, 3), np.nan, dtype=np.float32)), name="a.tif")


@pytest.mark.parametrize("kind", [np.uint16, np.float32])
def test_deep_colours_in_planes_are_not_taken_for_others(kind: type) -> None:
    planes = BASE.astype(kind).transpose(2, 0, 1).copy()
    with pytest.raises(ImageError, match="in a form that is not read"):
        decode_pixels(tiff(planes, planarconfig="separate"))


def test_one_grey_or_colour_may_be_transparent_at_all_depths() -> None:
    for values, white in ((BASE, 255), (BASE.astype(np.uint16) * 257, 65535)):
        for shown in (values, values[..., 1].copy()):
            png = cv2.imencode(".png", shown[..., ::-1] if shown.ndim == 3 else shown)[1].tobytes()
            clear = np.atleast_1d(shown[3, 4]).astype(">u2").tobytes()
            part = b"tRNS" + clear
            part = len(clear).to_bytes(4, "big") + part + zlib.crc32(part).to_bytes(4, "big")
            pixels = decode_pixels(png[:33] + part + png[33:])
            expected = np.where(shown == shown[3, 4], white, shown) if shown.ndim == 2 else shown.copy()
            if shown.ndim == 3:
                expected[(shown == shown[3, 4]).all(axis=2)] = white
            assert (pixels == (expected // (white // 255)).reshape(20, 30, -1)).all()


def test_a_page_that_is_a_mask_is_a_page() -> None:
    stream = io.BytesIO()
    with tifffile.TiffWriter(stream) as file:
        file.write(BASE, photometric="rgb")
        file.write(BASE[..., 0] > 99, subfiletype=4, photometric="minisblack")
    with pytest.raises(ImageError, match=r"2 frames \(animation or stack\)"):
        decode_pixels(stream.getvalue())


def test_deep_transparency_lies_over_glass() -> None:
    alpha = np.full((20, 30, 1), 65535)
    alpha[:10] = 0
    pixels = decode_pixels(png16(np.concatenate([BASE.astype(int) * 257, alpha], axis=2).astype(np.uint16)))
    assert (pixels[:10] == 255).all() and (pixels[10:] == BASE[10:]).all()


@pytest.mark.parametrize("form", ["PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_a_turn_that_the_file_asks_for_is_made_whatever_its_form(form: str, orientation: int) -> None:
    turns = {1: 0, 3: 2, 6: 1}[orientation]
    exif = Image.Exif()
    exif[274] = orientation
    stream = io.BytesIO()
    Image.fromarray(np.rot90(BASE, turns).copy()).save(
        stream, form, exif=exif, **({"lossless": True} if form == "WEBP" else {})
    )
    assert (decode_pixels(stream.getvalue()) == BASE).all()


def test_a_pyramid_of_floats_is_called_that() -> None:
    stream = io.BytesIO()
    with tifffile.TiffWriter(stream) as file:
        for values in (BASE, BASE[::2, ::2]):
            file.write(values.astype(np.float32), photometric="rgb")
    with pytest.raises(ImageError, match=r"2 frames \(a pyramid of sizes\)"):
        decode_pixels(stream.getvalue())
    with pytest.raises(ImageError, match="is a TIFF of 3 channels of int32, which is not read"):
        decode_pixels(tiff(BASE.astype(np.int32)))


def test_a_pyramid_is_called_that() -> None:
    def pages(*sizes: int) -> bytes:
        first, *rest = [Image.new("RGB", (size, size)) for size in sizes]
        stream = io.BytesIO()
        first.save(stream, "TIFF", save_all=True, append_images=rest)
        return stream.getvalue()

    with pytest.raises(ImageError, match=r"2 frames \(a pyramid of sizes\)"):
        decode_pixels(pages(96, 48))
    with pytest.raises(ImageError, match=r"2 frames \(animation or stack\)"):
        decode_pixels(pages(96, 96))


def test_deep_colours_that_are_none_are_a_sentence() -> None:
    with pytest.raises(ImageError, match="not numbers"):
        decode_pixels(tiff(np.full((8, 8, 3), np.nan, dtype=np.float32)))
    with pytest.raises(ImageError, match="is not a PNG, JPEG"):
        decode_pixels(b"II*\0" + b"\xff" * 60)


@pytest.mark.parametrize("tag", [256, 257, 258, 273])
def test_a_tiff_without_one_of_its_tags_is_a_sentence(tag: int, recwarn, caplog, capfd) -> None:
    """Pillow raises errors of a dozen kinds, and tifffile tells a log."""
    data = bytearray(tiff(BASE))
    start = int.from_bytes(data[4:8], "little") + 2
    place = next(
        at for at in range(start, len(data), 12) if int.from_bytes(data[at : at + 2], "little") == tag
    )
    data[place : place + 2] = (60000).to_bytes(2, "little")
    with pytest.raises(ImageError, match="The picture (is damaged|is not a)"):
        decode_pixels(bytes(data))
    assert not recwarn.list and not caplog.records and not capfd.readouterr().err


@pytest.mark.parametrize(
    "data", [lambda: png16(BASE.astype(np.uint16)), lambda: cv2.imencode(".png", BASE)[1].tobytes()]
)
def test_a_png_whose_sums_are_wrong_is_damaged(data) -> None:
    """Pillow alone reads it, with other pixels."""
    png = bytearray(data())
    png[png.index(b"IDAT") + 30] ^= 8
    with pytest.raises(ImageError, match="damaged"):
        decode_pixels(bytes(png))


def test_damaged_exif_is_not_told_on_the_terminal(recwarn) -> None:
    stream = io.BytesIO()
    Image.fromarray(BASE).save(stream, "PNG", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x05\x01")
    assert (decode_pixels(stream.getvalue()) == BASE).all() and not recwarn.list
