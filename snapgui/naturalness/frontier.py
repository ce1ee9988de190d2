"""Success against naturalness: the points of one figure, measured of the release or of an audit."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from snapgui.audit.read import SavedAudit
from snapgui.audit.words import condition_names
from snapgui.engine.cells.outlines import read_mask
from snapgui.engine.detector.cases import Case
from snapgui.engine.images import read_pixels
from snapgui.errors import DAMAGED, DataError
from snapgui.kinds import is_number
from snapgui.naturalness.measure import strongest
from snapgui.naturalness.words import condition_cells, explanation
from snapgui.shipped import NATURALNESS_FOLDER

# Of the release and of an audit, each in its folder.
FILE = "naturalness.json"
Numbers = Mapping[str, Any]


@dataclass(frozen=True)
class Reading:
    """A number with its 95 % interval."""

    value: float
    low: float
    high: float

    def __post_init__(self) -> None:
        if not all(map(is_number, (self.value, self.low, self.high))):
            raise ValueError(f"{str(self.value)[:40]} with its interval is no number")


@dataclass(frozen=True)
class Axis:
    """One way to say how natural.

    Attributes:
        title: on the figure.
        read: its number; None where it was not measured.
        chance: the number at which nothing can be told.
    """

    title: str
    read: Callable[[Numbers], Reading | None]
    chance: float = 0.0


def _of_detector(level: str) -> Callable[[Numbers], Reading | None]:
    def read(numbers: Numbers) -> Reading | None:
        found = strongest(dict(numbers), level)
        return Reading(found["auc"], found["low"], found["high"])

    return read


def _of_mean(name: str) -> Callable[[Numbers], Reading | None]:
    def read(numbers: Numbers) -> Reading | None:
        if name not in numbers:
            return None
        value = numbers[name]
        low, high = numbers.get(f"{name}_interval", (value, value))
        return Reading(value, low, high)

    return read


AXES: dict[str, Axis] = {
    "Detector, cells": Axis("detector's AUC, altered cells against real nuclei", _of_detector("cell"), 0.5),
    "Detector, pictures": Axis("detector's AUC, altered against untouched", _of_detector("picture"), 0.5),
    "CIEDE2000": Axis("mean CIEDE2000 in the mask", _of_mean("mean_de00_mask")),
    "FLIP": Axis("mean FLIP of the whole picture", _of_mean("mean_flip")),
}


def success(numbers: Numbers) -> Reading | None:
    """The share of class flips; None where nobody asked the victim."""
    flipped = numbers["flipped"]
    return None if flipped is None else Reading(flipped["share"], *flipped["interval"])


@dataclass(frozen=True)
class Point:
    """A condition: its key, what people read (``short`` in the figure), its numbers as
    `measure.measure_condition` gives them, and what family of marks it has.
    """

    name: str
    words: str
    short: str
    numbers: Numbers
    family: str = "SNAP"


@dataclass(frozen=True)
class Frontier:
    """Points that were measured alike, and in words on what."""

    words: str
    points: tuple[Point, ...]

    def point(self, name: str | None) -> Point | None:
        """The point of that name."""
        return next((point for point in self.points if point.name == name), None)


def read_shipped(folder: Path = NATURALNESS_FOLDER) -> Frontier:
    """What was measured of the release.

    Raises:
        DataError: it is not there, or damaged.
    """
    advice = "Fetch the program's assets again."
    about = _read(folder, advice)
    texts = ("words", "short", "family")
    for name, own in about["conditions"].items():
        if not all(isinstance(own.get(text), str) for text in texts) or "numbers" not in own:
            raise DataError(f"{folder / FILE} has no words for {name[:40]}. {advice}")
    points = [
        Point(name, own["words"].replace("`", ""), own["short"], own["numbers"], own["family"])
        for name, own in about["conditions"].items()
    ]
    return Frontier(str(about.get("words", "")), tuple(points))


def shipped_examples(name: str, folder: Path = NATURALNESS_FOLDER) -> tuple[list[Case], str]:
    """The example pictures of a condition, and whose they are in words.

    Raises:
        SnapError: they are not there, or damaged.
    """
    about = _read(folder, "Fetch the program's assets again.")
    cases = []
    for own in about["conditions"][name]["pictures"]:
        original = read_pixels(folder / own["original"])
        mask = read_mask((folder / own["mask"]).read_bytes(), shape=original.shape[:2], name=own["mask"])
        cases.append(Case(own["name"], original, read_pixels(folder / own["altered"]), mask, own["flipped"]))
    return cases, str(about["examples"])


def has_numbers(audit: SavedAudit) -> bool:
    """Whether the command ``naturalness`` has left numbers in an audit's folder."""
    return (audit.folder / FILE).is_file()


def read_audited(audit: SavedAudit) -> Frontier:
    """The numbers that the command ``naturalness`` left in an audit's folder.

    Raises:
        DataError: they are not there, damaged, or of another audit.
    """
    advice = f"Run “python -m snapgui naturalness {audit.folder.name}” in the folder of audits."
    about = _read(audit.folder, advice)
    if about.get("fingerprint") != audit.about["fingerprint"]:
        raise DataError(f"{FILE} in {audit.folder.name} is of another audit. {advice}")
    words = condition_names(audit.settings)
    points = [
        Point(name, words.get(name, name), words.get(name, name), numbers, _audited_family(name))
        for name, numbers in about["conditions"].items()
    ]
    return Frontier(f"Attacked images of the audit {audit.folder.name}.", tuple(points))


def _audited_family(name: str) -> str:
    return "SNAP" if name.startswith("SNAP") else "control"


def _read(folder: Path, advice: str) -> dict[str, Any]:
    path = folder / FILE
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        conditions = about["conditions"]
        numbers = {name: dict(_numbers(own)) for name, own in conditions.items()}
        for own in numbers.values():
            success(own), [axis.read(own) for axis in AXES.values()], condition_cells("", own)
            if not is_number(own["area"]):
                raise ValueError(f"area is {str(own['area'])[:40]}; it must be a number")
        explanation(numbers)
    except FileNotFoundError as error:
        raise DataError(f"There is no {path}. {advice}") from error
    except DAMAGED as error:
        raise DataError(f"{path} cannot be read ({repr(error)[:120]}). {advice}") from error
    if not numbers:
        raise DataError(f"{path} lists no conditions. {advice}")
    return dict(about)


def _numbers(own: Mapping[str, Any]) -> Numbers:
    """Of a condition of the release, which has words and pictures too, or of an audit."""
    numbers: Numbers = own.get("numbers", own)
    return numbers
