"""Bytes to image and back: the one place where uint8, files and PIL live."""

import hashlib
import io
import logging
import stat
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError
from PIL.PngImagePlugin import PngInfo
from PIL.TiffImagePlugin import TiffImageFile
from tifffile import TiffFile

from snapgui.engine.levels import is_tiff, numbers_of, to_levels
from snapgui.errors import ImageError

FORMATS = ("PNG", "JPEG", "TIFF", "WEBP", "BMP")
MAX_BYTES = 20 * 1024 * 1024
MAX_PIXELS = 50_000_000
WINDOW_PX = 96
UM_PER_PX = 0.97
# Pixels, and what had to be guessed for them, in a sentence.
Told = tuple[NDArray[np.uint8], str]

ImageFile.LOAD_TRUNCATED_IMAGES = False
# What they think of a damaged file is said by an ImageError.
logging.getLogger("tifffile").setLevel(logging.CRITICAL)
logging.getLogger("PIL").setLevel(logging.CRITICAL)
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


def decode_pixels(data: bytes, *, name: str = "The picture") -> NDArray[np.uint8]:
    """Decode an encoded picture to uint8 RGB ``(H, W, 3)``.

    Grey becomes RGB, alpha is laid over white (glass), 16 bits and floats are scaled to 8, a turn that
    the file asks for is made.

    Raises:
        ImageError: as `open_picture` does, or values that are no numbers.
    """
    return decode_told(data, name=name)[0]


def decode_told(data: bytes, *, name: str = "The picture") -> Told:
    """What `decode_pixels` gives, and in a sentence what had to be guessed for it; empty where nothing."""
    with _decoding(name):
        if _is_float_tiff(data):
            return _deep_colours(data, name)
        picture = open_picture(data, name=name)
        deep = picture.mode != "F" and _is_deep(data)
        return _deep_colours(data, name) if deep else _to_rgb(picture, name, data)


def open_picture(data: bytes, *, name: str = "The picture") -> Image.Image:
    """An encoded picture as Pillow decodes it, upright.

    Size, format and frame count are read from the header: what is refused is refused before its pixels are
    decoded.

    Raises:
        ImageError: empty, over 20 MB, over 50 megapixels, unknown format, several frames or truncated.
    """
    if not data:
        raise ImageError(f"{name} is empty (0 bytes). Choose a PNG, JPEG, TIFF, WebP or BMP picture.")
    if len(data) > MAX_BYTES:
        raise ImageError(
            f"{name} has {len(data) / 2**20:.1f} MB; at most {MAX_BYTES >> 20} MB are read. Crop it first."
        )
    with _decoding(name):
        try:
            picture: Image.Image = Image.open(io.BytesIO(data), formats=FORMATS)
        except UnidentifiedImageError:
            picture = _numbers_of_tiff(data, name)
        _require_size(*picture.size, name)
        try:
            frames = getattr(picture, "n_frames", 1)
        except SyntaxError:
            # A page that Pillow does not know, such as a mask, is one more page all the same.
            with TiffFile(io.BytesIO(data)) as file:
                raise _several(len(file.pages), picture.size, picture.size, name) from None
        if frames > 1:
            first = picture.size
            picture.seek(1)
            raise _several(frames, first, picture.size, name)
        if picture.format == "PNG":
            # Pillow checks the sums of a PNG's parts only when asked, and needs to open it again for it.
            Image.open(io.BytesIO(data), formats=FORMATS).verify()
        picture.load()
        upright = ImageOps.exif_transpose(picture)
        upright.format = picture.format
        return upright


@contextmanager
def _decoding(name: str) -> Iterator[None]:
    """Whatever a damaged file makes a decoder raise is one sentence, and its warnings are not shown."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except ImageError:
        raise
    except (UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise ImageError(f"{name} is not a PNG, JPEG, TIFF, WebP or BMP picture of usable size.") from error
    # Of what kind nobody can list: Pillow alone lets a dozen through.
    except Exception as error:
        reason = " ".join(str(error).split())[:80] or type(error).__name__
        raise ImageError(
            f"{name} is damaged or cut short ({reason}). Export it again from its source."
        ) from error


def _require_size(width: int, height: int, name: str) -> None:
    if width * height > MAX_PIXELS:
        raise ImageError(
            f"{name} has {width} x {height} pixels; at most {MAX_PIXELS // 10**6} megapixels are read. "
            "Crop it first."
        )


def _several(frames: int, first: tuple[int, int], second: tuple[int, int], name: str) -> ImageError:
    smaller = second[0] < first[0] and second[1] < first[1]
    kind = "a pyramid of sizes" if smaller else "animation or stack"
    return ImageError(f"{name} holds {frames} frames ({kind}); save the one you mean as its own file.")


def _numbers_of_tiff(data: bytes, name: str) -> Image.Image:
    """The one page of grey numbers of a TIFF that Pillow does not know, such as labels of 64 bits."""
    try:
        with TiffFile(io.BytesIO(data)) as file:
            pages = file.pages
            looked_at = [page.aspage() for page in pages[:2]]
            (width, height), *others = [(page.imagewidth, page.imagelength) for page in looked_at]
            kind, colours = pages.first.dtype, pages.first.samplesperpixel
            _require_size(width, height, name)
            if kind is None or kind in (bool, np.uint8) or not width * height:
                # Pillow knows these: this one is damaged.
                raise UnidentifiedImageError
            values = pages.first.asarray() if pages.first.shape == (height, width) else None
            turn = pages.first.tags.valueof(274, default=1)
    except ImageError:
        raise
    # Whatever a damaged header makes of it.
    except Exception as error:
        raise UnidentifiedImageError from error
    if others:
        raise _several(len(pages), (width, height), others[0], name)
    if values is None:
        raise ImageError(
            f"{name} is a TIFF of {colours} channels of {kind}, which is not read. Export it as RGB with 8 "
            "or 16 bits a channel."
        )
    picture = Image.fromarray(values.astype(np.float32))
    picture.getexif()[274] = turn
    return picture


def _is_float_tiff(data: bytes) -> bool:
    """Whether this is a TIFF of floating-point colours, which Pillow cannot open; one page of usable size."""
    if not is_tiff(data) or len(data) > MAX_BYTES:
        return False
    try:
        with TiffFile(io.BytesIO(data)) as file:
            page = file.pages.first
            size = page.imagewidth * page.imagelength
            is_float = page.sampleformat == 3 and page.samplesperpixel >= 3
            return bool(is_float and len(file.pages) == 1 and 0 < size <= MAX_PIXELS)
    # Whatever a damaged header makes of it, it is none.
    except Exception:
        return False


def _is_deep(data: bytes) -> bool:
    """Whether the colours of a picture that Pillow opens have 16 bits, of which it keeps the upper 8."""
    if data.startswith(b"\x89PNG"):
        return data[24] == 16 and data[25] in (2, 4, 6)
    if not is_tiff(data):
        return False
    with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
        bits = picture.tag_v2.get(258, ()) if isinstance(picture, TiffImageFile) else ()
    return isinstance(bits, tuple) and len(bits) >= 3 and max(bits) > 8


def _deep_colours(data: bytes, name: str) -> Told:
    numbers = numbers_of(data)
    try:
        # Of planes one after another OpenCV makes other colours.
        values = None if numbers.planar else cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        values = None
    if values is None or values.ndim != 3 or values.shape[2] not in (3, 4):
        raise ImageError(
            f"{name} holds colours of 16 bits or 32-bit floats in a form that is not read. Export it with 8 "
            "bits a channel."
        )
    pixels, told = to_levels(values[..., 2::-1], name, numbers)
    if values.shape[2] == 4 and numbers.alpha:
        alpha = to_levels(values[..., 3:], name, numbers)[0] / 255.0
        seen = pixels if numbers.premultiplied else pixels * alpha
        pixels = np.clip(np.rint(seen + 255.0 * (1 - alpha)), 0, 255).astype(np.uint8)
    orientation = None
    if not is_tiff(data):
        with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
            orientation = picture.getexif().get(274)
    if orientation:
        turned = Image.fromarray(pixels)
        turned.getexif()[274] = orientation
        pixels = np.asarray(ImageOps.exif_transpose(turned)).copy()
    return pixels, told


def _to_rgb(picture: Image.Image, name: str, data: bytes) -> Told:
    if picture.mode.startswith(("I", "F")):
        values = np.asarray(picture)
        levels, told = to_levels(values, name, numbers_of(data))
        # One grey that a PNG calls transparent.
        levels[values == picture.info.get("transparency")] = 255
        return np.repeat(levels[..., None], 3, axis=2), told
    if picture.has_transparency_data:
        glass = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(glass, picture.convert("RGBA"))
    return np.asarray(picture.convert("RGB")).copy(), ""


def read_pixels(path: Path) -> NDArray[np.uint8]:
    """Read a picture file to uint8 RGB ``(H, W, 3)``; raises ImageError in the words of `decode_pixels`."""
    return read_told(path)[0]


def read_told(path: Path) -> Told:
    """What `decode_told` gives, of a file; raises as `read_pixels` does."""
    path = Path(path)
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            # A named pipe would never end.
            raise ImageError(f"{path} is not a file but a folder or a device. Give a picture file.")
        if status.st_size > MAX_BYTES:
            raise ImageError(
                f"{path.name} has over {MAX_BYTES >> 20} MB; larger files are not read. Crop it first."
            )
        data = path.read_bytes()
    except OSError as error:
        raise ImageError(
            f"{path} cannot be read ({error.strerror}). Check the name and the rights."
        ) from error
    return decode_told(data, name=path.name)


def to_image(pixels: NDArray[np.uint8]) -> torch.Tensor:
    """uint8 ``(H, W, 3)`` to image float32 ``(3, H, W)`` in [0, 1]."""
    return torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1).float().div_(255)


def to_pixels(image: torch.Tensor) -> NDArray[np.uint8]:
    """Image float ``(3, H, W)`` in [0, 1] to uint8 ``(H, W, 3)``, rounded to the nearest level."""
    levels = image.detach().float().clamp(0, 1).mul(255).round()
    return levels.to(torch.uint8).permute(1, 2, 0).cpu().numpy().copy()


def round_to_8_bits(image: torch.Tensor) -> torch.Tensor:
    """The float image whose every value is a level n/255, as a saved file would give it back."""
    return image.clamp(0, 1).mul(255).round().div(255)


def encode_png(pixels: NDArray[np.uint8], *, text: dict[str, str] | None = None) -> bytes:
    """uint8 ``(H, W, 3)`` or ``(H, W)`` as PNG, with optional text chunks."""
    info = PngInfo()
    for key, value in (text or {}).items():
        info.add_itxt(key, value)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG", pnginfo=info)
    return stream.getvalue()


def crop_window(
    pixels: NDArray[np.uint8], *, left: int, top: int, size_px: int = WINDOW_PX
) -> NDArray[np.uint8]:
    """The square window of a larger field; raises ImageError where it does not lie inside."""
    height, width = pixels.shape[:2]
    if not (0 <= left <= width - size_px and 0 <= top <= height - size_px):
        raise ImageError(
            f"A {size_px} px window at ({left}, {top}) does not lie inside a field of {width} x {height} px. "
            f"Choose a place inside, or a field of at least {size_px} x {size_px} px."
        )
    return pixels[top : top + size_px, left : left + size_px].copy()


def require_window(pixels: NDArray[np.uint8], name: str) -> NDArray[np.uint8]:
    """The same pixels if they are one 96 px window; raises ImageError for any other size."""
    height, width = pixels.shape[:2]
    if (height, width) != (WINDOW_PX, WINDOW_PX):
        advice = "Choose a window of it" if min(height, width) >= WINDOW_PX else "Choose a larger field"
        raise ImageError(
            f"{name} is {width} x {height} px; a model reads {WINDOW_PX} x {WINDOW_PX} px at "
            f"{UM_PER_PX} um/px. {advice}."
        )
    return pixels


def read_window(path: Path, corner: Sequence[int] | None = None) -> NDArray[np.uint8]:
    """A picture file as one 96 px window: a patch of that size, or the window of a larger field at (left,
    top).

    Raises:
        ImageError: it cannot be read, or is of another size and no window is named.
    """
    return read_window_told(path, corner)[0]


def read_window_told(path: Path, corner: Sequence[int] | None = None) -> Told:
    """What `read_window` gives, and in a sentence what had to be guessed for it."""
    pixels, told = read_told(path)
    window = (
        require_window(pixels, Path(path).name)
        if corner is None
        else crop_window(pixels, left=corner[0], top=corner[1])
    )
    return window, told


def sha256(data: bytes) -> str:
    """Hexadecimal SHA-256 of some bytes."""
    return hashlib.sha256(data).hexdigest()
