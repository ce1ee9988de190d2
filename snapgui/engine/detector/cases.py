"""What is judged: an image before and after a patch."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from snapgui.engine.cells.outlines import Mask


@dataclass(frozen=True)
class Case:
    """One image under one condition.

    Attributes:
        name: of the image; two cases of one image are never trained on and judged by apart.
        original, altered: uint8 ``(H, W, 3)``.
        mask: bool ``(H, W)``, where they may differ.
        flipped: whether the victim is fooled; None where nobody asked it.
    """

    name: str
    original: NDArray[np.uint8]
    altered: NDArray[np.uint8]
    mask: Mask
    flipped: bool | None = None
