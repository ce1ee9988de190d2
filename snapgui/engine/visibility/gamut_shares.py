"""How much of what a patch changed has colours that its image does not have."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from snapgui.engine.attack.gamut import StainGamut, concentrations, fit_gamut
from snapgui.engine.images import to_image
from snapgui.engine.settings import StainsName

_HALF_A_LEVEL = 0.5 / 255


@dataclass(frozen=True)
class GamutShares:
    """Shares, 0 to 1, of the changed pixels whose colour the original picture does not allow; None if none
    changed.

    Attributes:
        changed_px: pixels that differ in any channel.
        outside_range: outside the original's per-channel minimum to maximum (the paper's gamut).
        outside_stain: outside its 1st to 99th percentile of haematoxylin or eosin (never below 0), by more
            than rounding to 8 bits can do.
        own_outside_stain: the same share of all pixels of the original itself, for comparison.
    """

    changed_px: int
    outside_range: float | None
    outside_stain: float | None
    own_outside_stain: float


def gamut_shares(
    original: NDArray[np.uint8], altered: NDArray[np.uint8], *, stains: StainsName = "fixed"
) -> GamutShares:
    """Out-of-gamut shares of the pixels that changed between two uint8 pictures ``(H, W, 3)``.

    Vectors of the stains are ``fixed``, one yardstick for all images, or the image's ``own``, by which a
    patch was bounded.
    """
    changed = (original != altered).any(axis=2)
    own, new = original.reshape(-1, 3), altered[changed]
    beyond = ((new < own.min(axis=0)) | (new > own.max(axis=0))).any(axis=1)
    box = fit_gamut("stain", to_image(original)[None], stains)
    assert isinstance(box, StainGamut), "the stain gamut is a box of concentrations"
    return GamutShares(
        changed_px=len(new),
        outside_range=float(beyond.mean()) if len(new) else None,
        outside_stain=float(_outside(new, box).mean()) if len(new) else None,
        own_outside_stain=float(_outside(own, box).mean()),
    )


def _outside(colours: NDArray[np.uint8], box: StainGamut) -> NDArray[np.bool_]:
    """Which colours ``(P, 3)`` no colour of the box can become by rounding."""
    values = torch.from_numpy(colours.astype(np.float32) / np.float32(255))
    vectors = box.stains if box.stains.dim() == 2 else box.stains[0]
    amounts = concentrations(values, vectors, torch.zeros(len(values), dtype=torch.long))
    density_error = -torch.log1p(-_HALF_A_LEVEL / values.clamp_min(1 / 255))
    error = density_error @ torch.linalg.pinv(vectors).abs() + 1e-4
    return np.asarray(((amounts < box.low - error) | (amounts > box.high + error)).any(dim=1).numpy())
