"""What a scanner, its optics and its files do to a picture.

Each takes uint8 ``(H, W, 3)``, a strength and a generator, and gives float64 colours in about [0, 1], not yet
rounded. Of one generator's state a greater strength gives more of the same damage. The kinds are those of
ImageNet-C (Hendrycks and Dietterich, ICLR 2019) and of its like for pathology (Zhang et al., MICCAI 2022),
with strengths for patches of 96 px at 0.97 um/px.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Colours = NDArray[np.float64]

# Samples along a side of a pixel, so that a kernel's size may be a fraction of a pixel.
_FINE = 8


def compress(pixels: Pixels, quality: float, rng: np.random.Generator) -> Colours:
    """JPEG of this quality, with halved colour resolution as scanners and viewers write it."""
    _, data = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, int(quality)])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR))[..., ::-1] / 255


def blur_gaussian(pixels: Pixels, sigma_px: float, rng: np.random.Generator) -> Colours:
    """A Gaussian blur of this standard deviation."""
    return np.asarray(cv2.GaussianBlur(pixels / 255, (0, 0), sigma_px, borderType=cv2.BORDER_REFLECT_101))


def blur_motion(pixels: Pixels, length_px: float, rng: np.random.Generator) -> Colours:
    """The stage moved along a straight line of this length while the picture was taken, in a drawn
    direction.
    """
    angle = rng.uniform(0, np.pi)
    along = np.linspace(-length_px / 2, length_px / 2, 64)
    half = int(np.ceil(length_px / 2)) + 1
    kernel = np.zeros((2 * half + 1, 2 * half + 1))
    places = half + np.outer(along, [np.sin(angle), np.cos(angle)])
    corner = np.floor(places).astype(int)
    part = places - corner
    for down in (0, 1):
        for right in (0, 1):
            weight = np.abs(1 - down - part[:, 0]) * np.abs(1 - right - part[:, 1])
            np.add.at(kernel, (corner[:, 0] + down, corner[:, 1] + right), weight)
    return _filtered(pixels, kernel)


def defocus(pixels: Pixels, radius_px: float, rng: np.random.Generator) -> Colours:
    """The lens is out of focus: each point becomes a disk of this radius."""
    half = int(np.ceil(radius_px)) + 1
    fine = (np.arange((2 * half + 1) * _FINE) + 0.5) / _FINE - half - 0.5
    disk = (fine[:, None] ** 2 + fine[None] ** 2 <= radius_px**2).astype(np.float64)
    side = 2 * half + 1
    return _filtered(pixels, disk.reshape(side, _FINE, side, _FINE).mean(axis=(1, 3)))


def add_noise(pixels: Pixels, deviation: float, rng: np.random.Generator) -> Colours:
    """Gaussian noise of the sensor, of this standard deviation where white is 1."""
    return pixels / 255 + deviation * rng.standard_normal(pixels.shape)


def change_brightness(pixels: Pixels, share: float, rng: np.random.Generator) -> Colours:
    """Light stronger or weaker by this share, drawn which."""
    return pixels / 255 * (1 + share * rng.choice([-1, 1]))


def lower_contrast(pixels: Pixels, share: float, rng: np.random.Generator) -> Colours:
    """Each colour nearer by this share to the mean colour of the picture."""
    colours = pixels / 255
    return colours + share * (colours.mean(axis=(0, 1)) - colours)


def shift(pixels: Pixels, by_px: float, rng: np.random.Generator) -> Colours:
    """The window lies so many whole pixels away, in a drawn direction along a side; its new rim mirrors the
    old one.
    """
    down, right = np.array([(0, 1), (1, 0), (0, -1), (-1, 0)])[rng.integers(4)] * int(by_px)
    size = int(by_px)
    padded = np.pad(pixels, ((size, size), (size, size), (0, 0)), mode="reflect")
    height, width = pixels.shape[:2]
    return padded[size + down : size + down + height, size + right : size + right + width] / 255


def rotate(pixels: Pixels, degrees: float, rng: np.random.Generator) -> Colours:
    """The slide lies askew by this angle, drawn which way; cubic interpolation, the rim is mirrored."""
    height, width = pixels.shape[:2]
    middle = ((width - 1) / 2, (height - 1) / 2)
    turn = cv2.getRotationMatrix2D(middle, degrees * float(rng.choice([-1, 1])), 1.0)
    # OpenCV 5.0 leaves the rim black in float64.
    colours = pixels.astype(np.float32) / 255
    turned = cv2.warpAffine(
        colours, turn, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101
    )
    return np.asarray(turned, dtype=np.float64)


def _filtered(pixels: Pixels, kernel: Colours) -> Colours:
    found = cv2.filter2D(pixels / 255, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REFLECT_101)
    return np.asarray(found)
