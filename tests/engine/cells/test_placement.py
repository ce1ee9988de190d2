from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from snapgui.engine.attack.objectives import Targeted
from snapgui.engine.cells.outlines import centre_mask, draw_mask
from snapgui.engine.cells.placement import first_order_gain, input_gradient, place_cells, place_in_each
from snapgui.engine.cells.proposals import MOST_ENLARGED, move_onto_nuclei, propose_cells, resize
from snapgui.engine.images import to_image
from snapgui.engine.nuclei import find_nuclei
from snapgui.engine.settings import AttackSettings, CellSettings, TextureName
from snapgui.engine.victim.victim import ModelCard, Victim
from snapgui.errors import MaskError

SHAPE = (96, 96)
ATTACK = AttackSettings(target=0)


@pytest.fixture
def left_sided() -> Victim:
    """A victim that looks at the left third of the picture alone: brightness there speaks for class 0."""
    layer = nn.Linear(3 * 96 * 96, 2, bias=False)
    with torch.no_grad():
        weight = torch.zeros(2, 3, *SHAPE)
        weight[0, :, :, :32] = 0.01
        layer.weight.copy_(weight.flatten(1))
    return Victim(
        nn.Sequential(nn.Flatten(), layer),
        ModelCard("left", "linear", input_size_px=96, mean=(0.0,) * 3, std=(1.0,) * 3),
    )


def dense_tissue(seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.clip(rng.normal((190, 130, 170), 12, (*SHAPE, 3)), 0, 255).astype(np.uint8)


def test_first_order_gain_of_a_linear_victim_is_the_gain(linear_victim) -> None:
    victim = linear_victim(size_px=96)
    images = to_image(dense_tissue())[None]
    gain = first_order_gain(input_gradient(victim, images, Targeted(0)), images)
    place = torch.zeros(1, 1, *SHAPE, dtype=torch.bool)
    place[0, 0, 30:34, 40:44] = True
    weight = victim.network[1].weight
    rise = (weight[0] - weight[1]).view(1, 3, *SHAPE)
    low, high = images.amin((2, 3), keepdim=True), images.amax((2, 3), keepdim=True)
    best = torch.where(place, torch.where(rise > 0, high, low).expand_as(images), images)
    margin = [Targeted(0).margin(victim(x)) for x in (images, best)]
    assert float(gain[place[:, 0]].sum()) == pytest.approx(float(margin[1] - margin[0]), rel=1e-3)


@pytest.mark.parametrize("placement", ["gain", "trim"])
@pytest.mark.parametrize("centre", ["open", "excluded"])
def test_cells_go_where_the_victim_looks(left_sided: Victim, placement, centre) -> None:
    settings = CellSettings(count=6, area=0.04, placement=placement, centre=centre)
    mask = draw_mask(place_cells(left_sided, dense_tissue(), settings, ATTACK), SHAPE)
    assert mask[:, :32].sum() > 0.9 * mask.sum()
    assert abs(mask.mean() - 0.04) < 0.04 / 6
    assert centre == "open" or not (mask & centre_mask(SHAPE)).any()
    scattered = draw_mask(propose_cells(dense_tissue(), replace(settings, placement="scattered")), SHAPE)
    assert scattered[:, :32].sum() < 0.9 * scattered.sum()


def test_a_batch_places_as_each_image_alone_and_keeps_errors_apart(left_sided: Victim) -> None:
    glass = np.full((*SHAPE, 3), 245, dtype=np.uint8)
    pictures = [dense_tissue(1), glass, dense_tissue(2)]
    for placement in ("scattered", "gain", "trim"):
        settings = [CellSettings(count=5, placement=placement, seed=i) for i in range(3)]
        found = place_in_each(left_sided, pictures, settings, Targeted(0), ATTACK)
        assert isinstance(found[1], MaskError)
        with pytest.raises(MaskError, match="tissue"):
            place_cells(left_sided, glass, settings[1], ATTACK)
        for i in (0, 2):
            alone = place_cells(left_sided, pictures[i], settings[i], ATTACK)
            assert np.array_equal(draw_mask(found[i], SHAPE), draw_mask(alone, SHAPE))


def test_trim_falls_back_to_gain_where_three_times_the_area_has_no_room(left_sided: Victim) -> None:
    settings = CellSettings(count=10, area=0.2, placement="trim", centre="excluded", gap_px=8)
    mask = draw_mask(place_cells(left_sided, dense_tissue(), settings, ATTACK), SHAPE)
    assert mask.any()


def test_a_map_of_gain_belongs_to_its_placements_alone() -> None:
    with pytest.raises(ValueError, match="needs a map"):
        propose_cells(dense_tissue(), CellSettings(placement="gain"))
    with pytest.raises(ValueError, match="takes no map"):
        propose_cells(dense_tissue(), CellSettings(), gain=np.zeros(SHAPE, np.float32))


@pytest.mark.parametrize("centre", ["open", "excluded"])
def test_cells_that_touch_a_nucleus_take_its_place(tissue: np.ndarray, centre) -> None:
    settings = CellSettings(count=6, area=0.06, placement="trim", centre=centre)
    gain = np.random.default_rng(3).random(SHAPE, dtype=np.float32)
    wide = propose_cells(tissue, replace(settings, count=18, area=0.18), gain=gain)
    moved = move_onto_nuclei(wide, tissue, settings, gain)
    nuclei = [draw_mask([nucleus], SHAPE) for nucleus in find_nuclei(tissue)]
    masks = [draw_mask([cell], SHAPE) for cell in moved]
    touched = [max(nuclei, key=lambda nucleus, mask=mask: (nucleus & mask).sum()) for mask in masks]
    on = [bool((mask & nucleus).any()) for mask, nucleus in zip(masks, touched, strict=True)]
    assert sum(on) > 6
    for mask, nucleus in zip(np.array(masks)[on], np.array(touched)[on], strict=True):
        assert (mask & nucleus).sum() > 0.9 * (mask | nucleus).sum()
    assert sum(mask.sum() for mask in masks) == draw_mask(moved, SHAPE).sum()
    largest = draw_mask([resize(cell, MOST_ENLARGED) for cell in moved], SHAPE)
    assert centre == "open" or not (largest & centre_mask(SHAPE)).any()
    assert move_onto_nuclei(wide, tissue, replace(settings, count=19), gain) is wide


def test_painted_nuclei_alone_are_laid_onto_nuclei(tissue: np.ndarray, linear_victim) -> None:
    settings = CellSettings(count=6, area=0.03, placement="trim")
    middles = np.array([nucleus.mean(axis=0) for nucleus in find_nuclei(tissue)])

    def farthest(texture: TextureName) -> float:
        cells = place_cells(linear_victim(), tissue, settings, replace(ATTACK, texture=texture))
        return max(np.linalg.norm(middles - cell.mean(axis=0), axis=1).min() for cell in cells)

    assert farthest("nucleus") < 1 < farthest("free")
