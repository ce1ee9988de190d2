from dataclasses import replace

import numpy as np
import pytest
import torch

from snapgui.engine.cells.outlines import touches_centre
from snapgui.engine.controls import control_images, nucleus_textures, paste_nuclei, random_draws, square_mask
from snapgui.engine.images import to_image, to_pixels
from snapgui.engine.presets import PRESETS
from snapgui.engine.settings import AttackSettings
from snapgui.engine.stains import fit_stains, stain_amounts
from snapgui.errors import MaskError
from snapgui.report.verify.retouch import beyond_bound


def test_controls_fill_the_mask_and_nothing_else(tissue) -> None:
    images = to_image(tissue)[None]
    masks = torch.zeros(1, 1, 96, 96, dtype=torch.bool)
    masks[..., 10:20, 10:20] = masks[..., 50:60, 50:60] = True
    made = control_images(images, masks, AttackSettings(seed=2))
    assert set(made) == {"median colour", "random colours"}
    for filled in made.values():
        assert torch.equal(filled[~masks.expand_as(filled)], images[~masks.expand_as(images)])
    median = images[0].flatten(1).median(1).values
    assert torch.allclose(made["median colour"][0, :, 15, 15], median, atol=0.5 / 255)
    assert not torch.equal(made["random colours"][0, :, 15, 15], made["random colours"][0, :, 55, 55])
    assert torch.equal(made["random colours"][0, :, 10, 10], made["random colours"][0, :, 19, 19])


def test_the_random_control_of_a_retouch_is_a_retouch(tissue) -> None:
    """The very same cells, stains within the bound, another draw for each seed and each draw."""
    images = to_image(tissue)[None]
    masks = torch.zeros(1, 1, 96, 96, dtype=torch.bool)
    masks[..., 10:40, 10:40] = True
    attack = PRESETS["natural"].attack
    made = control_images(images, masks, attack)
    assert set(made) == {"median colour", "random retouch"}
    drawn = [*random_draws(images, masks, attack, 3), made["random retouch"]]
    assert torch.equal(drawn[0], drawn[3]) and not torch.equal(drawn[0], drawn[1])
    other = control_images(images, masks, replace(attack, seed=9))["random retouch"]
    assert not torch.equal(other, drawn[0])
    inside = masks[0, 0].numpy()
    before, _ = stain_amounts(tissue[inside] / 255, fit_stains(tissue))
    for filled in drawn:
        assert torch.equal(filled[~masks.expand_as(filled)], images[~masks.expand_as(images)])
        shown = to_pixels(filled[0])
        assert not beyond_bound(tissue, shown, attack.bound).any()
        after, _ = stain_amounts(shown[inside] / 255, fit_stains(tissue))
        strong = before[:, 0] > 0.5
        assert (np.abs(after / before - 1)[strong, 0] > 0.2).mean() > 0.2, "hardly anything was drawn"


def test_pasted_nuclei_come_from_the_donor_and_fill_the_mask_alone(tissue) -> None:
    green = tissue.copy()
    green[...] = tissue[..., ::-1]
    textures = nucleus_textures([green])
    assert len(textures) > 20 and all(min(texture.shape[:2]) >= 5 for texture in textures)
    mask = np.zeros((96, 96), dtype=bool)
    mask[10:20, 10:22] = mask[50:60, 50:60] = True
    filled = paste_nuclei(tissue, mask, textures, np.random.default_rng(0))
    assert (filled[~mask] == tissue[~mask]).all()
    dark = np.median(filled[mask], axis=0)
    assert np.abs(dark - (128, 54, 92)).max() < 25, "the middle of the donor's nuclei"
    again = paste_nuclei(tissue, mask, textures, np.random.default_rng(0))
    assert (filled == again).all()
    with pytest.raises(MaskError, match="donor"):
        paste_nuclei(tissue, mask, [], np.random.default_rng(0))


@pytest.mark.parametrize("area_px", [1, 2, 3, 5, 6, 399, 401, 419, 420, 421, 439, 440, 441])
def test_a_square_has_the_area_to_the_pixel(tissue, area_px: int) -> None:
    mask = square_mask(tissue, area_px, "open", np.random.default_rng(0))
    y, x = np.nonzero(mask)
    assert mask.sum() == area_px and abs(np.ptp(y) - np.ptp(x)) <= 1
    rows = mask.sum(axis=1)[y.min() : y.max() + 1]
    assert (rows[:-1] == rows[0]).all() and 0 < rows[-1] <= rows[0], (
        "whole rows, and the last one what is left"
    )


@pytest.mark.parametrize("centre", ["open", "excluded"])
def test_a_square_has_the_area_and_keeps_to_tissue_and_centre(tissue, centre) -> None:
    pixels = tissue.copy()
    pixels[:, 70:] = 248
    for seed in range(20):
        mask = square_mask(pixels, 400, centre, np.random.default_rng(seed))
        assert mask.sum() == 400 and not mask[:, 72:].any()
        y, x = np.nonzero(mask)
        assert np.ptp(y) == np.ptp(x) == 19
        assert centre == "open" or not touches_centre(mask)
    with pytest.raises(MaskError, match="no room"):
        square_mask(pixels, 90 * 90, centre, np.random.default_rng(0))
