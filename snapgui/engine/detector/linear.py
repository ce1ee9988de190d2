"""The small detector that comes with the project: plain numbers in a JSON file, one weight a feature."""

import functools
import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from snapgui import shipped
from snapgui.engine.detector.features import FEATURES, crop_features
from snapgui.engine.images import sha256
from snapgui.errors import ModelError

_COLUMNS = ("mean", "deviation", "weight")
_NUMBERS = ("intercept", "threshold", "false_alarm_rate")


@dataclass(frozen=True)
class LinearDetector:
    """A logistic regression on the features of a crop.

    Attributes:
        mean, deviation, weight: float64 ``(F,)``, in the order of `FEATURES`.
        intercept: added to the weighted features.
        threshold: a score above it picks a crop out.
        false_alarm_rate: share of real nuclei that are picked out, measured on other images.
        sha256: of the file that it was read from, which tells it from detectors of other versions.
    """

    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]
    weight: NDArray[np.float64]
    intercept: float
    threshold: float
    false_alarm_rate: float
    sha256: str = ""

    def score(self, crops: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Logits ``(K,)`` of crops uint8 ``(K, S, S, 3)``, higher for altered ones."""
        return self.score_features(crop_features(crops))

    def score_features(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """The same of their features ``(K, F)``."""
        scores = (features - self.mean) / self.deviation @ self.weight + self.intercept
        return np.asarray(scores, dtype=np.float64)

    def picks(self, crops: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Which crops it takes for altered, bool ``(K,)``."""
        return self.score(crops) > self.threshold

    def to_bytes(self) -> bytes:
        """The file that `load_detector` reads."""
        columns = {name: getattr(self, name).tolist() for name in _COLUMNS}
        numbers = {name: getattr(self, name) for name in _NUMBERS}
        return (json.dumps({"features": list(FEATURES), **columns, **numbers}, indent=1) + "\n").encode()


def load_detector(path: Path) -> LinearDetector:
    """Read a detector; raises ModelError where the file is missing, damaged or of another version."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise ModelError(
            f"The detector {path} cannot be read ({error.strerror}). Fetch the program's assets again."
        ) from error
    try:
        values = json.loads(data)
        if values["features"] != list(FEATURES):
            raise ValueError("it looks at other features than this version")
        columns = {name: np.array(values[name], dtype=np.float64) for name in _COLUMNS}
        numbers = {name: float(values[name]) for name in _NUMBERS}
        if any(column.shape != (len(FEATURES),) for column in columns.values()):
            raise ValueError(f"it must have {len(FEATURES)} numbers of each kind")
        if not all(np.isfinite(column).all() for column in columns.values()):
            raise ValueError("not all of its numbers are finite")
        if not all(map(math.isfinite, numbers.values())) or not 0 <= numbers["false_alarm_rate"] <= 1:
            raise ValueError("threshold and false alarms must be numbers, the latter from 0 to 1")
        if (columns["deviation"] <= 0).any():
            raise ValueError("deviations must be above 0")
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise ModelError(
            f"{Path(path).name} is no detector of this version ({error}). Fetch the program's assets again, "
            "or train one with benchmarks/train_detector.py."
        ) from error
    return LinearDetector(
        columns["mean"],
        columns["deviation"],
        columns["weight"],
        numbers["intercept"],
        numbers["threshold"],
        numbers["false_alarm_rate"],
        sha256(data),
    )


@functools.cache
def shipped_detector() -> LinearDetector:
    """The one in ``assets``."""
    return load_detector(shipped.DETECTOR)
