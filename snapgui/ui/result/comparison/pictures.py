"""What the comparison viewer is sent: both pictures, their stains on one scale, the maps of their difference,
the mask.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage.color import rgb2hed

from snapgui.engine.images import UM_PER_PX
from snapgui.engine.visibility.display import Display
from snapgui.engine.visibility.measures import colour_difference, flip_as_displayed, flip_note
from snapgui.ui.pixels import data_uri, heat_colours, mask_pixels

STAINS = ("haematoxylin", "eosin")
# Ends of a stain's scale, in per cent of the pixels of both pictures: one speck would else grey out all the
# rest.
STAIN_ENDS = (0.5, 99.5)
GAINS = (1, 2, 4, 8, 16)
# Scales of the heat maps: always the same, so that two pictures can be compared by eye.
DE00_TICKS = (0, 5, 10, 20, 30, 40)
FLIP_TICKS = (0, 0.2, 0.4, 0.6, 0.8, 1)


def comparison_data(
    original: NDArray[np.uint8], altered: NDArray[np.uint8], mask: NDArray[np.bool_], display: Display
) -> dict[str, Any]:
    """Everything that depends on the pixels, as plain JSON with pictures in data URIs.

    Pictures are uint8 ``(H, W, 3)``, the mask bool ``(H, W)``. FLIP is that of the raster as displayed,
    averaged over each image pixel.
    """
    height, width = mask.shape
    stains = stain_pictures(original, altered)
    flip = block_mean(flip_as_displayed(original, altered, display), display.zoom)
    return {
        "width": width,
        "height": height,
        "um_per_px": UM_PER_PX,
        "before": {"rgb": data_uri(original)} | {name: data_uri(pair[0]) for name, pair in stains.items()},
        "after": {"rgb": data_uri(altered)} | {name: data_uri(pair[1]) for name, pair in stains.items()},
        "mask": data_uri(mask_pixels(mask)),
        "gain": choose_gain(original, altered),
        "heat": {
            "de00": _heat("CIEDE2000", colour_difference(original, altered), DE00_TICKS),
            "flip": _heat("FLIP, not measured" if flip_note() else "FLIP", np.nan_to_num(flip), FLIP_TICKS),
        },
        "colours": heat_colours(),
    }


def stain_pictures(
    original: NDArray[np.uint8], altered: NDArray[np.uint8]
) -> dict[str, tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    """Haematoxylin and eosin of both pictures in grey, dark where there is much, both on one scale: uint8
    ``(H, W, 3)``.

    Colour deconvolution of Ruifrok and Johnston 2001; negative amounts, which no stain can have, are none.
    """
    both = np.maximum(np.stack([rgb2hed(original), rgb2hed(altered)])[..., : len(STAINS)], 0)
    pictures = {}
    for index, name in enumerate(STAINS):
        low, high = np.percentile(both[..., index], STAIN_ENDS)
        shares = np.clip((both[..., index] - low) / max(high - low, 1e-6), 0, 1)
        first, second = np.repeat(np.rint(255 * (1 - shares)).astype(np.uint8)[..., None], 3, axis=-1)
        pictures[name] = first, second
    return pictures


def block_mean(values: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    """Mean of each square of ``factor`` pixels a side of ``(H * factor, W * factor)``: ``(H, W)``."""
    height, width = values.shape[0] // factor, values.shape[1] // factor
    return np.asarray(values.reshape(height, factor, width, factor).mean(axis=(1, 3)))


def choose_gain(original: NDArray[np.uint8], altered: NDArray[np.uint8]) -> int:
    """The largest gain at which no difference leaves the range of a picture (mid-grey plus or minus 127)."""
    largest = int(np.abs(original.astype(int) - altered).max())
    return max((gain for gain in GAINS if gain * largest <= 127), default=1)


def _heat(name: str, values: NDArray[np.floating[Any]], ticks: tuple[float, ...]) -> dict[str, Any]:
    levels = np.rint(np.clip(values / ticks[-1], 0, 1) * 255).astype(np.uint8)
    return {
        "name": name,
        "levels": data_uri(np.repeat(levels[..., None], 3, axis=2)),
        "top": ticks[-1],
        "ticks": list(ticks),
    }
