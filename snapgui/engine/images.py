"""Bytes to image and back: the one place where uint8, files and PIL live."""

import hashlib
import io
import stat
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageFile, UnidentifiedImageError
from PIL.PngImagePlugin import PngInfo

from snapgui.errors import ImageError

FORMATS = ("PNG", "JPEG", "TIFF", "WEBP", "BMP")
MAX_BYTES = 20 * 1024 * 1024
MAX_PIXELS = 50_000_000
WINDOW_PX = 96
UM_PER_PX = 0.97

ImageFile.LOAD_TRUNCATED_IMAGES = False


def decode_pixels(data: bytes, *, name: str = "The picture") -> NDArray[np.uint8]:
    """Decode an encoded picture to uint8 RGB ``(H, W, 3)``.

    Grey becomes RGB, alpha is laid over white (glass), 16 bits are scaled to 8. Size, format and frame count
    are read from the header: what is refused is refused before its pixels are decoded.

    Raises:
        ImageError: empty, over 20 MB, over 50 megapixels, unknown format, animated or truncated.
    """
    if not data:
        raise ImageError(f"{name} is empty (0 bytes). Choose a PNG, JPEG, TIFF, WebP or BMP picture.")
    if len(data) > MAX_BYTES:
        raise ImageError(
            f"{name} has {len(data) / 2**20:.1f} MB; at most {MAX_BYTES >> 20} MB are read. Crop it first."
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
                width, height = picture.size
                if width * height > MAX_PIXELS:
                    raise ImageError(
                        f"{name} has {width} x {height} pixels; at most {MAX_PIXELS // 10**6} "
                        "megapixels are read. Crop it first."
                    )
                frames = getattr(picture, "n_frames", 1)
                if frames > 1:
                    raise ImageError(
                        f"{name} holds {frames} frames (animation or stack); save the one you mean "
                        "as its own file."
                    )
                picture.load()
                return _to_rgb(picture)
    except (UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise ImageError(f"{name} is not a PNG, JPEG, TIFF, WebP or BMP picture of usable size.") from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise ImageError(
            f"{name} is damaged or cut short ({error}). Export it again from its source."
        ) from error


def _to_rgb(picture: Image.Image) -> NDArray[np.uint8]:
    if picture.mode.startswith(("I", "F")):
        values = np.asarray(picture, dtype=np.float64)
        if not np.isfinite(values).all():
            raise ImageError(
                "The picture holds values that are not numbers. Export it with 8 or 16 bits a channel."
            )
        # Real 16-bit pictures use the whole range; 8-bit values in a 16-bit file stay as they are.
        top = 255.0 if 1 < values.max() <= 255 else 1.0 if values.max() <= 1 else 65535.0
        grey = np.clip(np.rint(values * (255.0 / top)), 0, 255).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)
    if picture.has_transparency_data:
        glass = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(glass, picture.convert("RGBA"))
    return np.asarray(picture.convert("RGB")).copy()


def read_pixels(path: Path) -> NDArray[np.uint8]:
    """Read a picture file to uint8 RGB ``(H, W, 3)``; raises ImageError in the words of `decode_pixels`."""
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
    return decode_pixels(data, name=path.name)


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
    pixels = read_pixels(path)
    return (
        require_window(pixels, Path(path).name)
        if corner is None
        else crop_window(pixels, left=corner[0], top=corner[1])
    )


def sha256(data: bytes) -> str:
    """Hexadecimal SHA-256 of some bytes."""
    return hashlib.sha256(data).hexdigest()
