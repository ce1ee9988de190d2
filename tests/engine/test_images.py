import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from snapgui.engine import images
from snapgui.errors import ImageError


def encode(picture: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP", "WEBP"])
def test_lossless_formats_come_back_as_they_were(kind: str, tissue: np.ndarray) -> None:
    options = {"lossless": True} if kind == "WEBP" else {}
    assert (images.decode_pixels(encode(Image.fromarray(tissue), kind, **options)) == tissue).all()


def test_jpeg_comes_back_alike(tissue: np.ndarray) -> None:
    decoded = images.decode_pixels(encode(Image.fromarray(tissue), "JPEG", quality=95))
    assert np.abs(decoded.astype(int) - tissue).mean() < 8


def test_grey_and_alpha_and_palette_become_rgb() -> None:
    grey = Image.fromarray(np.full((4, 4), 77, np.uint8))
    assert (images.decode_pixels(encode(grey, "PNG")) == 77).all()
    clear = Image.new("RGBA", (4, 4), (10, 20, 30, 0))
    assert (images.decode_pixels(encode(clear, "PNG")) == 255).all(), "a clear pixel is glass"
    opaque = Image.new("RGBA", (4, 4), (10, 20, 30, 255))
    assert (images.decode_pixels(encode(opaque, "PNG")) == (10, 20, 30)).all()
    assert images.decode_pixels(encode(opaque.convert("P"), "PNG")).shape == (4, 4, 3)


def test_16_bits_are_scaled_to_8() -> None:
    ramp = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)
    assert (
        images.decode_pixels(encode(Image.fromarray(ramp), "PNG"))[..., 0].ravel() == np.arange(256)
    ).all()


def frames(kind: str) -> bytes:
    noise = [
        Image.fromarray(np.random.default_rng(i).integers(0, 255, (8, 8, 3), dtype=np.uint8))
        for i in range(3)
    ]
    return encode(noise[0], kind, save_all=True, append_images=noise[1:])


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "empty"),
        (b"words, not a picture", "not a PNG"),
        (b"GIF89a" + b"\0" * 50, "not a PNG"),
        (b"\0" * (images.MAX_BYTES + 1), "at most 20 MB"),
        (encode(Image.new("RGB", (64, 64)), "PNG")[:60], "damaged or cut short"),
        (
            encode(
                Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)),
                "JPEG",
            )[:900],
            "damaged",
        ),
        (frames("TIFF"), "3 frames"),
        (frames("WEBP"), "3 frames"),
    ],
)
def test_bad_files_are_refused_in_a_sentence(data: bytes, sentence: str) -> None:
    with pytest.raises(ImageError, match=sentence) as caught:
        images.decode_pixels(data, name="patch.png")
    assert str(caught.value).startswith("patch.png") and str(caught.value).endswith(".")


def test_too_many_pixels_are_refused_from_the_header(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encode(Image.new("1", (10_000, 6_000)), "PNG")
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("the pixels were decoded"))
    with pytest.raises(ImageError, match="50 megapixels"):
        images.decode_pixels(data)


def test_a_missing_file_is_a_sentence(tmp_path) -> None:
    with pytest.raises(ImageError, match="cannot be read"):
        images.read_pixels(tmp_path / "nothing.png")


def test_a_window_must_lie_inside(tissue: np.ndarray, tmp_path) -> None:
    field = np.tile(tissue, (2, 2, 1))
    assert (images.crop_window(field, left=96, top=0) == tissue).all()
    with pytest.raises(ImageError, match="does not lie inside"):
        images.crop_window(field, left=97, top=0)
    path = tmp_path / "field.png"
    path.write_bytes(images.encode_png(field))
    assert (images.read_window(path, (0, 96)) == tissue).all()
    with pytest.raises(ImageError, match="192 x 192 px"):
        images.read_window(path)


@given(arrays(np.uint8, (5, 7, 3)))
def test_every_8_bit_picture_survives_float_and_png(pixels: np.ndarray) -> None:
    image = images.to_image(pixels)
    assert (images.to_pixels(image) == pixels).all()
    assert (images.decode_pixels(images.encode_png(pixels, text={"a": "b"})) == pixels).all()
    assert images.round_to_8_bits(image).equal(image)


@given(st.binary(max_size=200))
def test_any_bytes_give_a_picture_or_a_sentence(data: bytes) -> None:
    try:
        assert images.decode_pixels(data).dtype == np.uint8
    except ImageError as error:
        assert str(error)
