"""Whether a saved picture is the original with its stains made stronger or weaker, and nothing else."""

import itertools

import numpy as np
from numpy.typing import NDArray

from snapgui.engine.stains import fit_stains, stain_amounts
from snapgui.words import as_set

# Half a level that rounding to 8 bits takes, and a little for arithmetic in single precision.
HALF_LEVEL = 0.55
# No pixel of eight bits holds more of a stain, in natural optical density.
MOST_STAIN = 50.0
_SLACK = 1e-6


def allowed_words(bound: float | None) -> str:
    """What a changed colour must be, for people; see `beyond_bound`."""
    if bound is None:
        return "its own stains in other amounts"
    return f"its own stains stronger or weaker by at most {as_set(bound)}"


def beyond_bound(
    original: NDArray[np.uint8], altered: NDArray[np.uint8], bound: float | None
) -> NDArray[np.bool_]:
    """Which of the pixels that changed between two uint8 pictures ``(H, W, 3)``, in their order, no retouch
    can have made: bool ``(P,)``.

    A retouch multiplies each stain's amount by 1 - ``bound`` to 1 + ``bound`` and leaves as it is what the
    original's stains do not explain; without a bound, as where nuclei are painted, a stain may have any
    amount that is not less than nothing. A saved colour stands for a range of optical densities in each
    channel, so the amounts that explain it lie between parallel lines; where any do within the bound, a
    corner does.
    """
    changed = (original != altered).any(axis=2)
    stains = fit_stains(original)
    amounts, left = stain_amounts(original[changed] / 255, stains)
    levels = altered[changed].astype(np.float64)
    # White may stand for any brighter colour, black for any darker one.
    least = np.where(levels < 255, -np.log((levels + HALF_LEVEL) / 255), -np.inf) - left
    most = np.where(levels > 0, -np.log(np.maximum(levels - HALF_LEVEL, 1e-9) / 255), np.inf) - left
    if bound is None:
        lowest, highest = np.minimum(amounts, 0), np.full_like(amounts, MOST_STAIN)
    else:
        reach = bound * np.abs(amounts)
        lowest, highest = amounts - reach, amounts + reach
    normals = np.concatenate([np.eye(2), stains.T])
    low = np.concatenate([lowest, least], axis=1)
    high = np.concatenate([highest, most], axis=1)
    explained = np.zeros(len(levels), dtype=bool)
    for first, second in itertools.combinations(range(len(normals)), 2):
        pair = normals[[first, second]]
        if abs(np.linalg.det(pair)) < 1e-9:
            continue
        for ends in itertools.product((low, high), repeat=2):
            corner = np.stack([ends[0][:, first], ends[1][:, second]], axis=1)
            there = np.isfinite(corner).all(axis=1)
            along = np.where(there[:, None], corner, 0) @ np.linalg.inv(pair).T @ normals.T
            explained |= there & ((along >= low - _SLACK) & (along <= high + _SLACK)).all(axis=1)
    return ~explained
