"""What is cached: never by the weights alone, since the card beside them decides the answer too."""

from dataclasses import replace

import numpy as np
import pytest

from snapgui.engine.settings import AttackSettings
from snapgui.engine.victim.victim import Victim
from snapgui.runs.records import RunRequest
from snapgui.ui.workbench.resources import find_findings, predict_pixels


@pytest.fixture
def shifted_victim(tiny_victim) -> Victim:
    """The same weights with another card: other names, another mean, so another answer."""
    card = replace(tiny_victim.card, classes=("benign", "tumour"), mean=(0.05, 0, 0))
    return Victim(tiny_victim.network, card)


def test_a_changed_card_gives_another_prediction(tiny_victim, shifted_victim, stained_patch) -> None:
    pixels = stained_patch(1, 190)
    p = {victim.card.mean: predict_pixels(victim, pixels) for victim in (tiny_victim, shifted_victim)}
    assert p[0, 0, 0][1] > 0.5 > p[0.05, 0, 0][1]
    assert predict_pixels(tiny_victim, pixels) == p[0, 0, 0]


def test_a_changed_card_gives_other_findings(tiny_victim, shifted_victim, stained_patch) -> None:
    mask = np.zeros((96, 96), bool)
    mask[5:20, 5:20] = True
    request = RunRequest(stained_patch(1, 190), mask, AttackSettings(target=0))
    assert find_findings(tiny_victim, request) == []
    assert "already calls this image benign" in find_findings(shifted_victim, request)[0].text
