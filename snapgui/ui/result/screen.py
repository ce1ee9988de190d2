"""The screen on which pictures are looked at, as a person describes it; kept in the workspace."""

import json
from dataclasses import dataclass

from snapgui.engine.settings import Settings
from snapgui.engine.visibility.display import Display
from snapgui.errors import SettingsError, SnapError
from snapgui.workspace import workspace, write_whole

FILE = "screen.json"


@dataclass(frozen=True)
class Screen(Settings):
    """A screen by the numbers that stand in its papers.

    The defaults are a common office screen: assumed, until a person measures.

    Attributes:
        width_mm, width_px: of its picture area.
        distance_mm: from eye to screen.
        zoom: screen pixels along each side of an image pixel.
        measured: whether a person measured them.
    """

    width_mm: float = 480.0
    width_px: int = 1920
    distance_mm: float = 600.0
    zoom: int = 4
    measured: bool = False

    def __post_init__(self) -> None:
        self._check_range("width_mm", 50, 5000)
        self._check_range("width_px", 200, 20000)
        pixel_mm = self.width_mm / self.width_px
        if not 0.02 <= pixel_mm <= 2:
            raise SettingsError(
                f"A screen of {self.width_px} px over {self.width_mm:g} mm has pixels of {pixel_mm:.3g} mm; "
                "they are from 0.02 to 2 mm on any screen. Measure the width of its lit area again."
            )
        # Raises for a pixel that no eye would look at from there.
        _ = self.display

    @property
    def display(self) -> Display:
        """What the measures need; raises SettingsError for numbers that do not fit together."""
        return Display.of_screen(
            width_mm=self.width_mm,
            width_px=self.width_px,
            distance_mm=self.distance_mm,
            zoom=self.zoom,
            measured=self.measured,
        )


def read_screen() -> Screen:
    """The screen kept in the workspace, else the defaults; also where the file is missing or damaged."""
    try:
        return Screen.from_json(json.loads((workspace() / FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, AttributeError, SnapError):
        return Screen()


def keep_screen(screen: Screen) -> None:
    """Remember a screen for the next session; raises DataError where the workspace cannot be written."""
    advice = "The numbers of the screen hold until the page is closed."
    write_whole(workspace() / FILE, json.dumps(screen.to_json()).encode(), advice=advice)
