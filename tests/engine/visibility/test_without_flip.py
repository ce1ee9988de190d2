"""Where FLIP's package is not installed, all else is measured and a sentence says so."""

import json
import math

import numpy as np
import pytest

from snapgui.engine.visibility import measures
from snapgui.engine.visibility.display import Display
from snapgui.engine.visibility.figures import VisibilityPanel
from snapgui.engine.visibility.panel import panel
from snapgui.naturalness.frontier import AXES
from snapgui.ui.result.comparison.pictures import comparison_data


@pytest.fixture
def altered(tissue: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    monkeypatch.setattr(measures, "flip_evaluator", None)
    changed = tissue.copy()
    changed[20:40, 20:40] = tissue[20:40, 20:40] // 2
    return changed


def test_all_else_is_measured(tissue, altered) -> None:
    mask = (tissue != altered).any(axis=2)
    display = Display(zoom=1)
    found = panel(tissue, altered, mask, display)
    region = found.regions["mask"]
    assert math.isnan(region.flip.mean) and math.isnan(region.flip.worst)
    assert region.de00.mean > 1 and region.ssim.mean < 1
    text = json.dumps(found.to_json(), allow_nan=False)
    again = VisibilityPanel.from_json(json.loads(text)).regions["mask"]
    assert math.isnan(again.flip.tail) and again.de00 == region.de00
    assert measures.flip_note() == measures.NO_FLIP
    heat = comparison_data(tissue, altered, mask, display)["heat"]
    assert heat["flip"]["name"] == "FLIP, not measured" and heat["de00"]["name"] == "CIEDE2000"
    assert AXES["FLIP"].read({}) is None


def test_with_it_there_is_nothing_to_say() -> None:
    assert measures.flip_note() == ""
