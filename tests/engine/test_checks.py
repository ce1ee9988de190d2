from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from snapgui.engine.checks import check_run
from snapgui.engine.settings import AttackSettings
from snapgui.engine.victim.victim import Victim
from snapgui.runs.records import RunRequest


@pytest.fixture
def request_of(tissue: np.ndarray) -> RunRequest:
    mask = np.zeros((96, 96), bool)
    mask[4:12, 4:12] = True
    return RunRequest(tissue, mask, AttackSettings())


def levels(victim: Victim, request: RunRequest) -> dict[str, str]:
    return {
        finding.text: finding.level
        for finding in check_run(
            victim, request.pixels, request.mask, request.attack, true_class=request.true_class
        )
    }


def only(found: dict[str, str], words: str) -> str:
    (level,) = [level for text, level in found.items() if words in text]
    return level


@pytest.fixture
def victim(linear_victim, tissue) -> Victim:
    made = linear_victim(scale=0.01)
    image = torch.from_numpy(tissue).permute(2, 0, 1)[None] / 255
    with torch.no_grad():
        z = made(image)[0]
        made.network[1].bias[1] += z[0] - z[1] + 2
    return made


def test_a_fair_run_has_no_finding(victim, request_of) -> None:
    assert levels(victim, request_of) == {}


def test_what_the_model_said_before_need_not_be_asked_again(victim, request_of) -> None:
    aimed = replace(request_of, attack=AttackSettings(target=1))
    answer = torch.tensor([0.0, 2.0])
    known = check_run(victim, aimed.pixels, aimed.mask, aimed.attack, clean=answer)
    assert {finding.text: finding.level for finding in known} == levels(victim, aimed) != {}


def test_masks(victim, request_of) -> None:
    empty = replace(request_of, mask=np.zeros((96, 96), bool))
    assert only(levels(victim, empty), "mask is empty") == "error"
    huge = replace(request_of, mask=np.ones((96, 96), bool))
    assert only(levels(victim, huge), "at most 60%") == "error"
    large = np.zeros((96, 96), bool)
    large[:20] = True
    assert only(levels(victim, replace(request_of, mask=large)), "likely to notice") == "warning"
    other = replace(request_of, mask=np.ones((50, 96), bool))
    assert only(levels(victim, other), "must be of one size") == "error"
    centre = np.zeros((96, 96), bool)
    centre[40:44, 40:44] = True
    assert only(levels(victim, replace(request_of, mask=centre)), "central 32 px") == "note"


def test_target_already_reached_and_wrong_to_begin_with(victim, request_of) -> None:
    assert (
        only(levels(victim, replace(request_of, attack=AttackSettings(target=1))), "nothing to fool")
        == "warning"
    )
    assert only(levels(victim, replace(request_of, true_class=0)), "wrong on this image before") == "note"
    assert (
        only(levels(victim, replace(request_of, attack=AttackSettings(target=2))), "classes 0 to 1")
        == "error"
    )


def test_probabilities_instead_of_logits(victim, request_of) -> None:
    soft = Victim(nn.Sequential(victim.network, nn.Softmax(1)), victim.card)
    assert only(levels(soft, request_of), "not logits") == "warning"


def test_zero_gradient(victim, request_of) -> None:
    victim.network[1].weight.data.view(2, 3, 96, 96)[:, :, 4:12, 4:12] = 0
    assert only(levels(victim, request_of), "zero gradient") == "warning"


def test_not_a_number(victim, request_of) -> None:
    victim.network[1].bias.data[:] = torch.nan
    assert only(levels(victim, request_of), "not numbers") == "error"


def test_a_flat_image(victim, request_of) -> None:
    flat = replace(request_of, pixels=np.full((96, 96, 3), 180, np.uint8))
    assert only(levels(victim, flat), "one flat colour") == "warning"


def test_a_mask_on_glass(victim, request_of) -> None:
    pixels = request_of.pixels.copy()
    pixels[:, 40:] = 247
    mask = np.zeros((96, 96), bool)
    mask[20:30, 60:80] = True
    assert (
        only(levels(victim, replace(request_of, pixels=pixels, mask=mask)), "glass or a black edge alone")
        == "error"
    )
    mask[20:30, 20:36] = True
    assert (
        only(levels(victim, replace(request_of, pixels=pixels, mask=mask)), "of the mask lies on tissue")
        == "warning"
    )
