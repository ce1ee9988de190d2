"""Named choices of a study's numbers: which fields they set, and which of them stands in the fields now."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from snapgui.study.design.recipe import suggest_repeats


@dataclass(frozen=True)
class StudyPreset:
    """A choice of numbers.

    Attributes:
        name: for people.
        sources, extra: pictures that count at most, and as many for practice and as obvious ones.
        readers: who are to take part.
    """

    name: str
    sources: int
    extra: int
    readers: int

    def numbers(self, count: int) -> dict[str, int]:
        """Pictures by use, of so many that there are."""
        extra = min(self.extra, count // 8)
        return {"sources": min(self.sources, max(1, count - 2 * extra)), "practice": extra, "catch": extra}

    def fields(self, count: int) -> dict[str, Any]:
        """The value of each field that it sets, by the key of its control."""
        key, numbers = numbers_key(count), self.numbers(count)
        repeats, gap = suggest_repeats(numbers["sources"])
        return {
            **{f"{key}_{name}": number for name, number in numbers.items()},
            f"{key}_{numbers['sources']}_repeats": repeats,
            f"{key}_{numbers['sources']}_gap": gap,
            "study_breaks": 40,
            "study_readers": self.readers,
        }


QUICK = StudyPreset("Quick pilot", 24, 3, 6)
FULL = StudyPreset("Full study", 60, 4, 18)
STUDY_PRESETS = {preset.name: preset for preset in (QUICK, FULL)}


def numbers_key(count: int) -> str:
    """How the keys of the numbers begin where there are so many pictures."""
    return f"study_{count}"


def study_preset_of(controls: Mapping[str, Any], count: int) -> str | None:
    """The preset that stands in the fields; None where a person changed one of them."""
    return next(
        (
            name
            for name, preset in STUDY_PRESETS.items()
            if all(controls.get(key, value) == value for key, value in preset.fields(count).items())
        ),
        None,
    )
