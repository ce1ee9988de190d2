"""The honest comparisons: the same mask filled without optimisation."""

import torch

from snapgui.engine.gamut import Gamut
from snapgui.engine.images import round_to_8_bits
from snapgui.engine.packing import compose, pack
from snapgui.engine.starts import start_colours


def control_images(images: torch.Tensor, masks: torch.Tensor, gamut: Gamut, *, seed: int = 0) -> dict[str, torch.Tensor]:
    """Images ``(N, 3, H, W)`` whose masked pixels are filled without looking at the victim, rounded to 8 bits.

    ``median colour`` is the image's own median, ``random colours`` one random colour of the gamut for each cell. What these
    change, a patch would change by mere occlusion.
    """
    places = pack(masks).places
    fills = {
        "median colour": start_colours("median", images, masks, gamut),
        "random colours": start_colours("random", images, masks, gamut, seed=seed),
    }
    return {name: compose(images, places, round_to_8_bits(colours)) for name, colours in fills.items()}
