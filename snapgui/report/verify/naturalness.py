"""How natural a run's picture is stated to be, measured again."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snapgui.engine.cells.outlines import Mask
from snapgui.engine.detector.linear import shipped_detector
from snapgui.engine.visibility.naturalness import Naturalness, measure_naturalness
from snapgui.errors import ModelError
from snapgui.report.verify.checks import Check, agree, check
from snapgui.runs.naturalness import naturalness_words

SEEN = ("mean_de00_mask", "beyond_stains", "own_beyond_stains")
COUNTED = ("cells", "picked_out", "picked_out_before")
# A colour difference or a share.
TOLERANCE = 0.001
# Another version of a library may find a nucleus more, or put a cell over the threshold.
ONE_CELL = 1.0


def check_naturalness(
    claim: dict[str, Any], original: NDArray[np.uint8], altered: NDArray[np.uint8], mask: Mask
) -> Iterator[Check]:
    """Check what a run's ``naturalness`` says; raises KeyError, TypeError or ValueError where it says too
    little.
    """
    stated = Naturalness.from_json(claim)
    try:
        found = measure_naturalness(original, altered, mask, shipped_detector())
    except ModelError as error:
        yield Check("unchecked", f"how natural it is: {error}")
        return
    same_detector = stated.detector == found.detector
    # Exactly what is known of it, and numbers where numbers are.
    right = agree(claim, asdict(stated), 0) and _agree(stated, found, SEEN, TOLERANCE)
    if same_detector:
        rate = found.expected / found.cells if found.cells else 0.0
        right = right and _agree(stated, found, COUNTED, ONE_CELL)
        right = right and agree(stated.expected, rate * stated.cells, TOLERANCE)
    words = naturalness_words(found)
    yield check(
        right,
        f"how natural it is, measured again, is as stated within one cell and {TOLERANCE:g}: {words}",
        f"how natural it is, measured again, is another than stated: {words}",
    )
    if not same_detector:
        yield Check(
            "unchecked",
            f"its cells were looked at by another detector than the one here: SHA-256 {stated.detector[:12]}",
        )


def _agree(stated: Naturalness, found: Naturalness, names: tuple[str, ...], tolerance: float) -> bool:
    one, other = asdict(stated), asdict(found)
    return agree({name: one[name] for name in names}, {name: other[name] for name in names}, tolerance)
