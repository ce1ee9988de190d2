"""FLIP against its paper's equations, and the display that it assumes."""

import math

import flip_evaluator
import numpy as np
import pytest

from snapgui.engine.visibility.display import Display
from snapgui.engine.visibility.measures import enlarge, flip_as_displayed, flip_map
from snapgui.errors import SettingsError


def uniform(colour: tuple[int, int, int], side: int = 24) -> np.ndarray:
    return np.full((side, side, 3), colour, np.uint8)


def flip_of_colours(first: tuple[int, int, int], second: tuple[int, int, int]) -> float:
    """FLIP of two uniform pictures by the paper's equations: no edges, so the colour term alone (Andersson et
    al. 2020, 4.1).
    """
    matrix = np.array(
        [
            [10135552 / 24577794, 8788810 / 24577794, 4435075 / 24577794],
            [2613072 / 12288897, 8788810 / 12288897, 887015 / 12288897],
            [1425312 / 73733382, 8788810 / 73733382, 70074185 / 73733382],
        ]
    )

    def hunt_adjusted_lab(colour: tuple[int, int, int]) -> np.ndarray:
        encoded = np.array(colour) / 255
        linear = np.where(encoded > 0.04045, ((encoded + 0.055) / 1.055) ** 2.4, encoded / 12.92)
        relative = matrix @ linear / matrix.sum(axis=1)
        x, y, z = np.where(
            relative > (6 / 29) ** 3, np.cbrt(relative), relative / (3 * (6 / 29) ** 2) + 4 / 29
        )
        lightness = 116 * y - 16
        return np.array([lightness, 0.01 * lightness * 500 * (x - y), 0.01 * lightness * 200 * (y - z)])

    def hyab(a: np.ndarray, b: np.ndarray) -> float:
        return abs(a[0] - b[0]) + math.hypot(a[1] - b[1], a[2] - b[2])

    error = hyab(hunt_adjusted_lab(first), hunt_adjusted_lab(second)) ** 0.7
    most = hyab(hunt_adjusted_lab((0, 255, 0)), hunt_adjusted_lab((0, 0, 255))) ** 0.7
    knee = 0.4 * most
    return 0.95 * error / knee if error < knee else 0.95 + (error - knee) / (most - knee) * 0.05


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ((226, 170, 200), (92, 54, 128)),
        ((100, 100, 100), (110, 110, 110)),
        ((226, 170, 200), (0, 255, 0)),
        ((0, 0, 0), (255, 255, 255)),
    ],
)
def test_flip_of_uniform_colours_is_the_papers(first, second) -> None:
    error = flip_map(uniform(first), uniform(second), pixels_per_degree=40)
    assert error.shape == (24, 24) and error.dtype == np.float32
    assert error == pytest.approx(flip_of_colours(first, second), abs=2e-4)


def test_flip_reaches_1_between_green_and_blue() -> None:
    assert flip_map(uniform((0, 255, 0)), uniform((0, 0, 255)), pixels_per_degree=67) == pytest.approx(
        1, abs=1e-5
    )


def test_flip_is_the_authors_and_does_not_mind_the_order(tissue) -> None:
    altered = tissue.copy()
    altered[20:29, 20:29] = (0, 255, 0)
    error = flip_map(tissue, altered, pixels_per_degree=40)
    expected, mean, settings = flip_evaluator.evaluate(
        tissue.astype(np.float32) / 255,
        altered.astype(np.float32) / 255,
        "LDR",
        applyMagma=False,
        parameters={"ppd": 40.0},
    )
    assert (
        np.array_equal(error, expected[..., 0])
        and settings["ppd"] == 40
        and error.mean() == pytest.approx(mean, rel=1e-5)
    )
    assert flip_map(altered, tissue, pixels_per_degree=40) == pytest.approx(error, abs=1e-6)


def test_flip_is_of_the_raster_as_displayed(tissue) -> None:
    altered = tissue.copy()
    altered[40:48, 40:48] = 90
    display = Display(zoom=3)
    shown = flip_as_displayed(tissue, altered, display)
    by_hand = flip_map(enlarge(tissue, 3), enlarge(altered, 3), pixels_per_degree=display.pixels_per_degree)
    assert shown.shape == (288, 288) and np.array_equal(shown, by_hand)
    from_afar = flip_as_displayed(tissue, altered, Display(zoom=3, distance_mm=3000))
    assert from_afar[126:138, 126:138].mean() < shown[126:138, 126:138].mean(), "from afar less is seen"


def test_pixels_per_degree_are_those_of_flips_default() -> None:
    # 3840 px over 0.7 m seen from 0.7 m: FLIP's default of 67.02.
    display = Display.of_screen(width_mm=700, width_px=3840, distance_mm=700, zoom=4)
    assert display.pixels_per_degree == pytest.approx(67.0206, abs=1e-4) and display.measured
    assert Display.from_json(display.to_json()) == display
    assert (
        display.sentence
        == "4 x enlarged, screen pixels of 0.182 mm seen from 700 mm: 67.0 pixels per degree (measured)."
    )


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"zoom": 0}, "zoom is 0"),
        ({"zoom": 2.5}, "whole number"),
        ({"distance_mm": 5}, "distance_mm is 5"),
        ({"distance_mm": 5000, "pitch_mm": 0.05}, "pixels per degree"),
        ({"measured": "yes"}, "true or false"),
        ({"distance_mm": math.nan}, "distance_mm is nan"),
    ],
)
def test_impossible_displays_are_refused(wrong, words) -> None:
    with pytest.raises(SettingsError, match=words):
        Display(**wrong)


def test_a_screen_without_width_is_refused() -> None:
    with pytest.raises(SettingsError, match="above 0"):
        Display.of_screen(width_mm=0, width_px=100, distance_mm=600, zoom=1)
