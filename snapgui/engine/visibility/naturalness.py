"""How natural one altered picture is: colour difference, cells that a detector picks out, colours that no
stain makes.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from snapgui.engine.cells.outlines import Mask
from snapgui.engine.detector.crops import cell_places, nuclei_places, take_crops
from snapgui.engine.detector.linear import LinearDetector
from snapgui.engine.visibility.gamut_shares import gamut_shares
from snapgui.engine.visibility.measures import colour_difference

Look = Literal["unchanged", "natural", "not quite natural", "visible"]
# Beside the original, a colour difference above it is plain at a glance.
MOST_DE00 = 5.0
MOST_PICKED_OUT, LEAST_PLAIN = 1 / 3, 1 / 2
MOST_BEYOND_STAINS = 0.02


@dataclass(frozen=True)
class Naturalness:
    """How natural the cells of one picture are.

    Attributes:
        mean_de00_mask: mean CIEDE2000 in the mask.
        cells: how many the detector looked at: parts of the mask, those with several nuclei counted by
            nucleus.
        picked_out: how many of them it takes for altered.
        picked_out_before: of the same places in the untouched picture.
        expected: false alarms among as many real nuclei, by the detector's rate.
        beyond_stains: share of the changed pixels with colours beyond the image's haematoxylin and eosin, as
            `GamutShares.outside_stain`; None where nothing changed.
        own_beyond_stains: the same share of the untouched picture.
        detector: SHA-256 of the detector's file.
    """

    mean_de00_mask: float
    cells: int
    picked_out: int
    picked_out_before: int
    expected: float
    beyond_stains: float | None
    own_beyond_stains: float
    detector: str

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Naturalness":
        """From `dataclasses.asdict`; raises KeyError, TypeError or ValueError where values are missing or of
        another kind.
        """
        beyond = values["beyond_stains"]
        return cls(
            mean_de00_mask=float(values["mean_de00_mask"]),
            cells=int(values["cells"]),
            picked_out=int(values["picked_out"]),
            picked_out_before=int(values["picked_out_before"]),
            expected=float(values["expected"]),
            beyond_stains=None if beyond is None else float(beyond),
            own_beyond_stains=float(values["own_beyond_stains"]),
            detector=str(values["detector"]),
        )


def measure_naturalness(
    original: NDArray[np.uint8], altered: NDArray[np.uint8], mask: Mask, detector: LinearDetector
) -> Naturalness:
    """Measure two pictures uint8 ``(H, W, 3)`` that differ in a mask bool ``(H, W)`` with at least one
    pixel.
    """
    cells = cell_places(mask, nuclei_places(original))
    shares = gamut_shares(original, altered)
    return Naturalness(
        mean_de00_mask=float(colour_difference(original, altered)[mask].mean()),
        cells=len(cells),
        picked_out=int(detector.picks(take_crops(altered, cells.middles)).sum()),
        picked_out_before=int(detector.picks(take_crops(original, cells.middles)).sum()),
        expected=len(cells) * detector.false_alarm_rate,
        beyond_stains=shares.outside_stain,
        own_beyond_stains=shares.own_outside_stain,
        detector=detector.sha256,
    )


def newly_picked_out(found: Naturalness) -> float | None:
    """Share picked out of the cells that were not picked out at the same places before: Abbott's correction
    for what happens without treatment (1925), since a detector finds another share of each image strange.

    None where the detector picked out all of them before, and so tells nothing.
    """
    left = found.cells - found.picked_out_before
    return max(found.picked_out - found.picked_out_before, 0) / left if left > 0 else None


def look_of(found: Naturalness) -> Look:
    """What the numbers say together; a prediction, and no reader's word.

    ``natural``: mean CIEDE2000 of at most 5, at most a third of the cells picked out, and of the changed
    colours at most 2 points more beyond the stains than of the untouched picture. ``visible``: a mean above
    5, and more than half of the cells picked out. ``unchanged``: no pixel differs. All else is ``not quite
    natural``. Cells are counted as in `newly_picked_out`; where that tells nothing, the colours beyond the
    stains stand for it. The limits are conventions, set on patches of ``train``.
    """
    if found.beyond_stains is None:
        return "unchanged"
    share = newly_picked_out(found)
    strange = found.beyond_stains > found.own_beyond_stains + MOST_BEYOND_STAINS
    if found.mean_de00_mask > MOST_DE00 and (strange if share is None else share > LEAST_PLAIN):
        return "visible"
    few = share is None or share <= MOST_PICKED_OUT
    return "natural" if found.mean_de00_mask <= MOST_DE00 and few and not strange else "not quite natural"
