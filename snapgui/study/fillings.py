"""Fillings of the cells without optimisation, as further arms: what a patch changes by mere occlusion."""

from collections.abc import Collection

import torch

from snapgui.engine.controls import control_images
from snapgui.engine.gamut import fit_gamut
from snapgui.engine.images import to_image, to_pixels
from snapgui.engine.settings import AttackSettings
from snapgui.study.sham import Pixels, Source

FILLINGS = ("median colour", "random colours")


def fill_cells(source: Source, attack: AttackSettings, names: Collection[str]) -> dict[str, Pixels]:
    """The source with its cells filled, by the name of the filling; the same pixels as the audit's and the run's own controls."""
    image, mask = to_image(source.pixels)[None], torch.from_numpy(source.mask)[None, None]
    filled = control_images(image, mask, fit_gamut(attack.gamut, image), seed=attack.seed)
    return {name: to_pixels(pictures[0]) for name, pictures in filled.items() if name in names}
