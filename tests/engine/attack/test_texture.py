"""Retouched pixels stay the slide's own, within their bound; the least change is the least."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from snapgui.engine.attack.loop import run_attack
from snapgui.engine.attack.objectives import Targeted
from snapgui.engine.attack.packing import compose, pack
from snapgui.engine.attack.pool import Step
from snapgui.engine.attack.texture import Retouch, fit_texture
from snapgui.engine.cells.outlines import draw_mask
from snapgui.engine.cells.proposals import propose_cells
from snapgui.engine.images import to_image
from snapgui.engine.presets import PRESETS
from snapgui.engine.settings import AttackSettings, CellSettings
from snapgui.engine.stains import fit_stains, stain_amounts
from snapgui.errors import MaskError, SettingsError

NATURAL = PRESETS["natural"].attack


@pytest.fixture
def images(tissue: np.ndarray) -> torch.Tensor:
    """Two fields: the drawn one, and the same upside down and a little darker."""
    return torch.stack([to_image(tissue), to_image((tissue[::-1] * 0.9).astype(np.uint8))])


@pytest.fixture
def masks(tissue: np.ndarray) -> torch.Tensor:
    own = draw_mask(propose_cells(tissue, PRESETS["natural"].cells), (96, 96))
    return torch.from_numpy(np.stack([own, own[::-1].copy()]))[:, None]


def last(victim, images, masks, settings: AttackSettings) -> Step:
    texture = fit_texture(settings, images, masks)
    steps = run_attack(victim, images, masks, objective=Targeted(0), texture=texture, settings=settings)
    return list(steps)[-1]


def test_a_retouch_that_does_nothing_is_the_image_itself(images, masks) -> None:
    texture = fit_texture(NATURAL, images, masks)
    everything = torch.arange(len(texture.rows)), torch.arange(len(texture.pixels.rows))
    same = compose(images, texture.pixels.places, texture.colours(texture.start(0), *everything))
    assert torch.allclose(same, images, atol=1e-6)


def test_stain_amounts_stay_within_the_bound_and_the_rest_of_a_pixel_stays(images, masks, tissue) -> None:
    texture = Retouch(images, masks, bound=0.3, grid_px=1.0)
    generator = torch.Generator().manual_seed(0)
    position = torch.rand(len(texture.rows), 2, generator=generator).round()
    everything = torch.arange(len(texture.rows)), torch.arange(len(texture.pixels.rows))
    own = texture.pixels.rows == 0
    colours = texture.colours(position, *everything)[own].double().numpy()
    stains, inside = fit_stains(tissue), masks[0, 0].numpy()
    before, left = stain_amounts(tissue[inside] / 255, stains)
    after, left_after = stain_amounts(colours, stains)
    dark_enough = (colours > 1 / 255).all(axis=1)
    ratio = (after / before)[dark_enough & (np.abs(before) > 0.05).all(axis=1)]
    assert ratio.min() > 0.7 - 1e-4 and ratio.max() < 1.3 + 1e-4
    assert np.ptp(ratio) > 0.5, "the field does nothing"
    assert left_after[dark_enough] == pytest.approx(left[dark_enough], abs=1e-4)


def test_a_retouched_cell_fades_into_what_surrounds_it(images, masks) -> None:
    texture = Retouch(images, masks, bound=0.5, grid_px=2.0)
    full = torch.ones(len(texture.rows), 2)
    everything = torch.arange(len(texture.rows)), torch.arange(len(texture.pixels.rows))
    shown = compose(images, texture.pixels.places, texture.colours(full, *everything))
    change = (torch.log(images.clamp_min(1 / 255)) - torch.log(shown.clamp_min(1 / 255))).abs().mean(1)
    inside = masks[:, 0].float()
    depth = torch.nn.functional.avg_pool2d(inside[:, None], 3, 1, 1)[:, 0]
    relative = change / (-torch.log(images.clamp_min(1 / 255)).mean(1)).clamp_min(0.05)
    rim, middle = relative[(inside > 0) & (depth < 0.8)].mean(), relative[depth > 0.99].mean()
    assert rim < 0.7 * middle


@pytest.mark.parametrize("grid_px", [1.0, 2.0, 3.5])
def test_the_gradient_of_the_field_is_the_difference_quotient(images, masks, grid_px: float) -> None:
    texture = Retouch(images.double(), masks, bound=0.5, grid_px=grid_px)
    rows, chosen = torch.arange(len(texture.rows)), torch.arange(len(texture.pixels.rows))
    generator = torch.Generator().manual_seed(1)
    position = torch.rand(len(rows), 2, generator=generator, dtype=torch.float64).requires_grad_()
    weights = torch.rand(len(chosen), 3, generator=generator, dtype=torch.float64)
    (gradient,) = torch.autograd.grad((weights * texture.colours(position, rows, chosen)).sum(), position)
    for row, stain in ((5, 0), (len(rows) - 7, 1)):
        ahead = position.detach().clone()
        ahead[row, stain] += 1e-6
        quotient = (
            (weights * (texture.colours(ahead, rows, chosen) - texture.colours(position, rows, chosen))).sum()
        ) / 1e-6
        assert float(gradient[row, stain]) == pytest.approx(float(quotient), rel=1e-3, abs=1e-6)


def test_random_starts_of_an_image_do_not_depend_on_its_neighbours(images, masks) -> None:
    both, alone = (fit_texture(NATURAL, images[:n], masks[:n]) for n in (2, 1))
    assert torch.equal(both.start(1)[both.rows == 0], alone.start(1))
    assert not torch.equal(both.start(1), both.start(2))


def test_least_change_reaches_the_goal_with_less_than_stopping_at_it(linear_victim, images, masks) -> None:
    victim = linear_victim(scale=0.01)
    with torch.no_grad():
        margins = victim(images)
        victim.network[1].bias[1] += float((margins[:, 0] - margins[:, 1]).max()) + 1
    settings = replace(NATURAL, steps=40, confidence=0.6)
    stopped = last(victim, images, masks, replace(settings, least_change=False))
    least = last(victim, images, masks, settings)

    def change(step: Step) -> torch.Tensor:
        return (step.best_images - images).pow(2).flatten(1).sum(1)

    assert (stopped.best_confidence >= 0.6).all() and (least.best_confidence >= 0.6).all()
    assert (change(least) < 0.5 * change(stopped)).all()
    assert (least.taken == 40).all() and not least.running.any()
    outside = ~masks.expand_as(images)
    assert torch.equal(least.best_images[outside], images[outside])


def test_an_image_alone_and_beside_another_gets_the_same(linear_victim, images, masks) -> None:
    victim = linear_victim(scale=0.01)
    settings = replace(NATURAL, steps=5)
    both = last(victim, images, masks, settings).best_images
    for i in range(2):
        alone = last(victim, images[i : i + 1], masks[i : i + 1], settings).best_images
        assert (both[i] - alone[0]).abs().max() <= 1.01 / 255


@pytest.mark.parametrize("centre", ["open", "excluded"])
@pytest.mark.parametrize("area", [0.05, 0.3])
def test_every_nucleus_is_taken_and_the_area_is_not_exceeded(tissue, centre, area: float) -> None:
    settings = CellSettings(placement="all_nuclei", area=area, centre=centre)
    mask = draw_mask(propose_cells(tissue, settings), (96, 96))
    assert 0.5 * min(area, 0.2) < mask.mean() <= area
    assert centre == "open" or not mask[32:64, 32:64].any()


def test_an_image_without_nuclei_is_told_in_a_sentence() -> None:
    with pytest.raises(MaskError, match="No nuclei were found in the image, so none can be retouched"):
        propose_cells(np.full((96, 96, 3), 245, np.uint8), PRESETS["natural"].cells)


@pytest.mark.parametrize(
    "wrong",
    [
        {"texture": "oil"},
        {"bound": 0.0},
        {"grid_px": 0.5},
        {"least_change": 1},
        {"bound": 2, "texture": "retouch"},
        {"bound": 4.5, "texture": "nucleus"},
    ],
)
def test_settings_of_a_texture_are_checked(wrong) -> None:
    with pytest.raises(SettingsError, match=next(iter(wrong))):
        AttackSettings(**wrong)


def test_a_grey_image_and_a_mask_of_one_pixel_can_be_retouched(linear_victim) -> None:
    grey = torch.full((1, 3, 96, 96), 128 / 255)
    masks = torch.zeros(1, 1, 96, 96, dtype=torch.bool)
    masks[0, 0, 40, 40] = True
    step = last(linear_victim(), grey, masks, replace(NATURAL, steps=3))
    assert torch.isfinite(step.best_images).all() and len(pack(masks).rows) == 1
