import numpy as np
import pytest
import torch

from snapgui.engine.attack.gamut import fit_gamut
from snapgui.engine.cells.outlines import touches_centre
from snapgui.engine.controls import control_images, nucleus_textures, paste_nuclei, square_mask
from snapgui.engine.images import to_image
from snapgui.errors import MaskError


def test_controls_fill_the_mask_and_nothing_else(tissue) -> None:
    images = to_image(tissue)[None]
    masks = torch.zeros(1, 1, 96, 96, dtype=torch.bool)
    masks[..., 10:20, 10:20] = masks[..., 50:60, 50:60] = True
    made = control_images(images, masks, fit_gamut("range", images), seed=2)
    assert set(made) == {"median colour", "random colours"}
    for filled in made.values():
        assert torch.equal(filled[~masks.expand_as(filled)], images[~masks.expand_as(images)])
    median = images[0].flatten(1).median(1).values
    assert torch.allclose(made["median colour"][0, :, 15, 15], median, atol=0.5 / 255)
    assert not torch.equal(made["random colours"][0, :, 15, 15], made["random colours"][0, :, 55, 55])
    assert torch.equal(made["random colours"][0, :, 10, 10], made["random colours"][0, :, 19, 19])


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
