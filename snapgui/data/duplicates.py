"""Patches that show the same, also after another compression: counted, since they are no further evidence."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from snapgui.words import counted

# Of 256 bits. On 800 patches of HCD those of different patches differ in 58 or more, those of a patch and its
# JPEG of quality 90 in 12 at most.
ALIKE_BITS = 24
# Nothing is told of patches that show next to nothing, such as glass.
LEAST_SPREAD = 3.0
# Above this every pair would take longer than an audit should wait.
MOST = 20_000


def signature(pixels: NDArray[np.uint8]) -> NDArray[np.uint64] | None:
    """Whether grey rises from each to the next of 17 x 16 fields: uint64 ``(4,)`` (a difference hash); None
    for a patch that shows next to nothing.
    """
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    if grey.std() < LEAST_SPREAD:
        return None
    fields = cv2.resize(grey, (17, 16), interpolation=cv2.INTER_AREA)
    return np.packbits(fields[:, 1:] > fields[:, :-1]).view(np.uint64)


def duplicate_words(
    ids: Sequence[str], labels: NDArray[np.int64], signatures: Sequence[NDArray[np.uint64] | None]
) -> str:
    """A sentence on patches that show the same as an earlier one; empty where there are none."""
    rows = [i for i, one in enumerate(signatures) if one is not None]
    if not rows or len(rows) > MOST:
        return ""
    bits = np.stack([one for one in signatures if one is not None])
    pairs = [
        (rows[earlier[0]], rows[i])
        for i in range(1, len(rows))
        if len(earlier := np.flatnonzero(np.bitwise_count(bits[:i] ^ bits[i]).sum(1) <= ALIKE_BITS))
    ]
    if not pairs:
        return ""
    first, second = pairs[0]
    apart = sum(int(labels[one] != labels[other]) for one, other in pairs)
    against = f", {apart} of them with another label" if apart else ""
    return (
        f"{counted(len(pairs), 'patch shows', 'patches show')} nearly the same as an earlier one{against} "
        f"(the first: {ids[second]} as {ids[first]}). Intervals count them as if they were others."
    )
