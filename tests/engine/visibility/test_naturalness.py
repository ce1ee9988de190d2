"""How natural a picture is: nothing where nothing changed, everything against confetti, by stated limits."""

from dataclasses import asdict, replace

import numpy as np
import pytest

from snapgui.engine.cells.outlines import draw_mask
from snapgui.engine.detector.linear import shipped_detector
from snapgui.engine.nuclei import find_nuclei
from snapgui.engine.visibility.measures import measure
from snapgui.engine.visibility.naturalness import Naturalness, look_of, measure_naturalness
from snapgui.runs.naturalness import naturalness_words

NATURAL = Naturalness(2.94, 41, 3, 1, 1.8, 0.012, 0.01, "0" * 64)


@pytest.fixture
def mask(tissue: np.ndarray) -> np.ndarray:
    return draw_mask(find_nuclei(tissue)[:12], tissue.shape[:2])


def test_confetti_in_its_nuclei_is_visible_at_a_glance(tissue: np.ndarray, mask: np.ndarray) -> None:
    altered = tissue.copy()
    altered[mask] = np.random.default_rng(0).integers(0, 256, (int(mask.sum()), 3))
    found = measure_naturalness(tissue, altered, mask, shipped_detector())
    assert found.cells == found.picked_out == 12
    assert found.expected == pytest.approx(12 * shipped_detector().false_alarm_rate)
    assert found.mean_de00_mask == measure(tissue, altered, mask)["mask"].mean_de00 > 20
    assert found.beyond_stains is not None and found.beyond_stains > 0.5 > found.own_beyond_stains
    assert look_of(found) == "visible"
    assert Naturalness.from_json(asdict(found)) == found


def test_an_untouched_picture_has_as_many_picked_out_as_before(tissue: np.ndarray, mask: np.ndarray) -> None:
    found = measure_naturalness(tissue, tissue, mask, shipped_detector())
    assert found.mean_de00_mask == 0 and found.beyond_stains is None
    assert found.picked_out == found.picked_out_before and found.cells == 12
    assert naturalness_words(found) == "Nothing changed: no pixel differs from the image as it was."


def test_without_nuclei_each_part_of_the_mask_is_a_cell() -> None:
    grey = np.full((48, 48, 3), 128, np.uint8)
    mask = np.zeros((48, 48), bool)
    mask[4:10, 4:10] = mask[30:36, 30:36] = True
    altered = grey.copy()
    altered[mask] = 0, 255, 0
    assert measure_naturalness(grey, altered, mask, shipped_detector()).cells == 2


@pytest.mark.parametrize(
    ("changes", "look"),
    [
        ({}, "natural"),
        ({"mean_de00_mask": 5.0, "picked_out": 14, "beyond_stains": 0.03}, "natural"),
        ({"mean_de00_mask": 5.1}, "not quite natural"),
        ({"picked_out": 15}, "not quite natural"),
        ({"beyond_stains": 0.031}, "not quite natural"),
        ({"mean_de00_mask": 40.0, "picked_out": 21}, "not quite natural"),
        ({"mean_de00_mask": 40.0, "picked_out": 22}, "visible"),
        # Nuclei that were strange before are no fault of the patch.
        ({"picked_out": 33, "picked_out_before": 30}, "natural"),
        ({"mean_de00_mask": 40.0, "picked_out": 41, "picked_out_before": 36}, "visible"),
        # Where all were strange before, colours decide.
        ({"picked_out": 41, "picked_out_before": 41}, "natural"),
        ({"picked_out": 41, "picked_out_before": 41, "mean_de00_mask": 9.0}, "not quite natural"),
        (
            {"picked_out": 41, "picked_out_before": 41, "mean_de00_mask": 9.0, "beyond_stains": 0.5},
            "visible",
        ),
        ({"picked_out": 0, "picked_out_before": 9}, "natural"),
        ({"beyond_stains": None}, "unchanged"),
    ],
)
def test_the_limits_are_those_stated(changes: dict, look: str) -> None:
    assert look_of(replace(NATURAL, **changes)) == look


def test_the_sentence() -> None:
    assert naturalness_words(NATURAL) == (
        "Looks natural: colour differs by 2.9 CIEDE2000 in the mask, the detector picks out 3 of its 41 "
        "cells (1 before the change, 2 expected of real nuclei), 1.2 % of the changed colours are beyond "
        "what the image's stains make (1.0 % of its own)."
    )
    gaudy = replace(NATURAL, mean_de00_mask=41.2, cells=1, picked_out=1, picked_out_before=0, expected=0.05)
    assert naturalness_words(gaudy).startswith("Visible at a glance: colour differs by 41.2")
    assert "1 of its 1 cell (0 before the change, less than 1 expected of" in naturalness_words(gaudy)
