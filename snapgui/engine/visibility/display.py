"""The screen on which a picture is looked at: what an eye can tell depends on it."""

import math
from dataclasses import dataclass
from typing import Self

from snapgui.engine.settings import Settings
from snapgui.errors import SettingsError


@dataclass(frozen=True)
class Display(Settings):
    """Screen, distance and enlargement.

    The defaults are a common office screen: assumed, until a person measures.

    Attributes:
        distance_mm: from eye to screen.
        pitch_mm: width of one screen pixel (not of a browser's CSS pixel).
        zoom: screen pixels along each side of an image pixel, by repetition.
        measured: whether a person measured these numbers at their own screen.
    """

    distance_mm: float = 600.0
    pitch_mm: float = 0.25
    zoom: int = 4
    measured: bool = False

    def __post_init__(self) -> None:
        self._check_range("distance_mm", 100, 5000)
        self._check_range("pitch_mm", 0.02, 2)
        self._check_range("zoom", 1, 32)
        if not isinstance(self.zoom, int):
            raise SettingsError(
                f"zoom is {self.zoom}; it must be a whole number, since pixels are repeated and not blended."
            )
        if not isinstance(self.measured, bool):
            raise SettingsError(f"measured is {self.measured}; it must be true or false.")
        if not 5 <= self.pixels_per_degree <= 500:
            raise SettingsError(
                f"A pixel of {self.pitch_mm:g} mm at {self.distance_mm:g} mm gives "
                f"{self.pixels_per_degree:.0f} pixels per degree; "
                "it must be from 5 to 500. Measure the screen's width and the distance again."
            )

    @classmethod
    def of_screen(
        cls, *, width_mm: float, width_px: int, distance_mm: float, zoom: int, measured: bool = True
    ) -> Self:
        """The display whose picture area of ``width_px`` screen pixels is ``width_mm`` wide."""
        if not width_mm > 0 or not width_px > 0:
            raise SettingsError(
                f"A screen of {width_px} px over {width_mm:g} mm cannot be; both must be above 0."
            )
        return cls(distance_mm=distance_mm, pitch_mm=width_mm / width_px, zoom=zoom, measured=measured)

    @property
    def pixels_per_degree(self) -> float:
        """Screen pixels that one degree of visual angle spans at the screen's middle (Andersson et al.

        2020).
        """
        return self.distance_mm / self.pitch_mm * math.pi / 180

    @property
    def sentence(self) -> str:
        """The numbers in words, for printing beside a result."""
        how = "measured" if self.measured else "assumed, not measured"
        return (
            f"{self.zoom} x enlarged, screen pixels of {self.pitch_mm:.3g} mm seen from "
            f"{self.distance_mm:.0f} mm: {self.pixels_per_degree:.1f} pixels per degree ({how})."
        )
