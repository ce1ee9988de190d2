"""The pairs of “Spot it”: shipped demo patches beside what the preset ``natural`` made of them."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snapgui.engine.images import read_pixels
from snapgui.errors import DataError, SnapError
from snapgui.shipped import DEMO_FOLDER, ROOT
from snapgui.workspace import workspace, write_whole

FOLDER, FILE, PAIRS = ROOT / "assets" / "spot", "spot.json", 6
# In the workspace: that a person was asked once, and what came out.
ANSWERED = "spot.json"


@dataclass(frozen=True)
class Pair:
    """A picture before and after, uint8 ``(H, W, 3)``, and the probability of metastasis of both."""

    original: NDArray[np.uint8]
    altered: NDArray[np.uint8]
    p_before: float
    p_after: float

    @property
    def fooled(self) -> bool:
        """Whether the model misses the metastasis."""
        return self.p_before > 0.5 > self.p_after


def read_pairs(folder: Path = FOLDER) -> list[Pair]:
    """The shipped pairs, checked against their hashes; raises DataError where they are others."""
    try:
        listed: list[dict[str, Any]] = json.loads((folder / FILE).read_text(encoding="utf-8"))["pairs"]
        pairs = []
        for entry in listed:
            altered = folder / f"{entry['original']}.png"
            if hashlib.sha256(altered.read_bytes()).hexdigest() != entry["sha256"]:
                raise DataError(f"{altered.name} is not the picture that was shipped.")
            pairs.append(
                Pair(
                    read_pixels(DEMO_FOLDER / f"{entry['original']}.png"),
                    read_pixels(altered),
                    float(entry["p_before"]),
                    float(entry["p_after"]),
                )
            )
    except (OSError, ValueError, KeyError, TypeError, SnapError) as error:
        raise DataError(
            f"The pairs of “Spot it” cannot be read ({error}). Fetch the program's assets again."
        ) from error
    return pairs


def was_asked() -> bool:
    """Whether this workspace was asked before, or cannot say."""
    try:
        return (workspace() / ANSWERED).exists()
    except SnapError:
        return True


def keep_answer(found: int | None) -> None:
    """Remember that a person was asked, and how many pairs were found, None where it was skipped; where that
    cannot be written, it is asked again.
    """
    try:
        write_whole(
            workspace() / ANSWERED,
            json.dumps({"found": found, "of": PAIRS}).encode(),
            advice="Free space, or choose another workspace.",
        )
    except SnapError:
        return
