"""The kinds of ordinary damage and their grades, each made of a picture, a name and a seed alone."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from snapgui.engine.corruptions import scanner, slide
from snapgui.engine.corruptions.scanner import Colours, Pixels
from snapgui.errors import ImageError, SettingsError

# Kernels and folds need room.
LEAST_SIDE_PX = 32


@dataclass(frozen=True)
class Corruption:
    """One kind of damage.

    Attributes:
        words: what people read.
        family: ``optics``, ``colour``, ``place`` or ``slide``.
        strengths: of the grades 1, 2, ... in this order.
        unit: a strength in words, by `str.format`.
        apply: from a picture, a strength and a generator to colours not yet rounded.
    """

    words: str
    family: str
    strengths: tuple[float, ...]
    unit: str
    apply: Callable[[Pixels, float, np.random.Generator], Colours]

    def strength_words(self, grade: int) -> str:
        """The strength of a grade, such as ``sigma 0.9 px``; shares are per cent."""
        return self.unit.format(self.strengths[grade - 1] * (100 if "%" in self.unit else 1))


CORRUPTIONS: dict[str, Corruption] = {
    "jpeg": Corruption("JPEG", "optics", (90, 75, 60, 45, 30), "quality {:g}", scanner.compress),
    "gaussian_blur": Corruption(
        "Gaussian blur", "optics", (0.4, 0.6, 0.9, 1.3, 2.0), "sigma {:g} px", scanner.blur_gaussian
    ),
    "motion_blur": Corruption("motion blur", "optics", (1, 2.5, 4, 6.5, 10), "{:g} px", scanner.blur_motion),
    "defocus": Corruption("defocus", "optics", (0.6, 1, 1.6, 2.5, 4), "radius {:g} px", scanner.defocus),
    "noise": Corruption(
        "noise", "optics", (0.005, 0.015, 0.03, 0.06, 0.10), "{:g} % of white", scanner.add_noise
    ),
    "stain": Corruption(
        "stain shift", "colour", (0.05, 0.15, 0.30, 0.45, 0.60), "±{:g} %", slide.shift_stains
    ),
    "brightness": Corruption(
        "brightness", "colour", (0.015, 0.04, 0.10, 0.20, 0.30), "±{:g} %", scanner.change_brightness
    ),
    "contrast": Corruption(
        "contrast", "colour", (0.05, 0.15, 0.30, 0.45, 0.60), "{:g} % less", scanner.lower_contrast
    ),
    "shift": Corruption("shift", "place", (1, 2, 3), "{:g} px", scanner.shift),
    "rotation": Corruption("rotation", "place", (1, 2, 4, 8, 15), "{:g} degrees", scanner.rotate),
    "bubble": Corruption("air bubble", "slide", (4, 8, 12, 18, 26), "radius {:g} px", slide.add_bubble),
    "fold": Corruption("fold", "slide", (2, 5, 10, 16, 24), "{:g} px wide", slide.add_fold),
}
MOST_GRADES = max(len(kind.strengths) for kind in CORRUPTIONS.values())


def corrupt(pixels: Pixels, kind: str, grade: int, *, name: str, seed: int = 0) -> Pixels:
    """A picture with one kind of damage, as its 8-bit file would hold it.

    Places, directions and signs are drawn from the picture's name and the seed, so that every grade shows
    more of the same damage; grade 0 is the picture itself.

    Args:
        pixels: uint8 ``(H, W, 3)``, at least 32 px a side.
        kind: one of `CORRUPTIONS`.
        grade: 0, or from 1 to the number of its strengths.
        name: of the picture.
        seed: of all draws.

    Raises:
        SettingsError: another kind or grade.
        ImageError: another form or size.
    """
    strengths = corruption_of(kind).strengths
    if isinstance(grade, bool) or not isinstance(grade, int) or not 0 <= grade <= len(strengths):
        raise SettingsError(
            f"The grade of {kind} is {grade}; it must be a whole number from 0, untouched, to "
            f"{len(strengths)}, strongest."
        )
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        raise ImageError(
            f"The picture is {pixels.dtype} of shape {pixels.shape}; uint8 colours (height, width, 3) are "
            "needed. Read it from its file."
        )
    if min(pixels.shape[:2]) < LEAST_SIDE_PX:
        raise ImageError(
            f"The picture is {pixels.shape[1]} x {pixels.shape[0]} px; corruptions need at least "
            f"{LEAST_SIDE_PX} px a side. Choose a larger field."
        )
    if grade == 0:
        return pixels.copy()
    draws = np.random.default_rng(list(hashlib.sha256(f"{seed}:{kind}:{name}".encode()).digest()))
    colours = CORRUPTIONS[kind].apply(pixels, strengths[grade - 1], draws)
    return np.rint(np.clip(colours, 0, 1) * 255).astype(np.uint8)


def corruption_of(kind: str) -> Corruption:
    """The corruption of that name; raises SettingsError where there is none."""
    if kind not in CORRUPTIONS:
        raise SettingsError(f"There is no corruption “{kind[:40]}”; choose from {', '.join(CORRUPTIONS)}.")
    return CORRUPTIONS[kind]
