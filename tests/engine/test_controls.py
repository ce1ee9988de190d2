import torch

from snapgui.engine.controls import control_images
from snapgui.engine.gamut import fit_gamut
from snapgui.engine.images import to_image


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
