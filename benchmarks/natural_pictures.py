"""The pictures of which `naturalness.py` tells how natural they are: made image by image and kept on disk."""

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.natural_conditions import CONDITIONS, Pixels, Work
from benchmarks.patches import SOURCE, TARGET
from benchmarks.results import commit
from snapgui.data.datasets import PatchSet
from snapgui.data.demo import demo_patches
from snapgui.engine.detector.cases import Case
from snapgui.engine.images import read_pixels, to_image
from snapgui.engine.settings import AttackSettings
from snapgui.engine.victim.victim import Victim

AT_ONCE = 8
UNRECORDED = "an earlier one that was not recorded"


def decisive(attack: AttackSettings) -> dict[str, Any]:
    """Settings that decide pictures, as they were before ``stains`` was one where it changes nothing."""
    values = attack.to_json()
    if attack.texture != "free" or attack.gamut != "stain":
        del values["stains"]
    return values


@dataclass(frozen=True)
class Chosen:
    """Metastases that the victim finds, in a fixed random order: names and pixels."""

    names: list[str]
    pixels: list[Pixels]


def choose(patches: PatchSet, victim: Victim, count: int) -> Chosen:
    """At most ``count`` of them; a larger count begins with those of a smaller one."""
    chosen = Chosen([], [])
    for index in np.random.default_rng(0).permutation(np.flatnonzero(patches.labels == SOURCE)):
        pixels = patches.pixels(int(index))
        if found(victim, pixels):
            chosen.names.append(patches.ids[int(index)])
            chosen.pixels.append(pixels)
        if len(chosen.names) == count:
            break
    return chosen


def choose_demo(victim: Victim, count: int) -> Chosen:
    """The first synthetic metastases of the demo that the victim finds."""
    read = [(patch.name, read_pixels(patch.path)) for patch in demo_patches() if patch.true_class == SOURCE]
    kept = [(name, pixels) for name, pixels in read if found(victim, pixels)][:count]
    return Chosen([name for name, _ in kept], [pixels for _, pixels in kept])


def found(victim: Victim, pixels: Pixels) -> bool:
    """Whether the victim finds the metastasis."""
    return bool(victim.predict(to_image(pixels)[None])[0, SOURCE] > 0.5)


class Shelf:
    """Cases of one condition and split on disk, one file an image; what is there is not made again."""

    def __init__(self, cache: Path, condition: str, split: str, victim: Victim, donors: PatchSet) -> None:
        self.condition, self.victim, self.donors = CONDITIONS[condition], victim, donors
        decides = [self.condition.cells.to_json(), decisive(self.condition.attack), victim.card.sha256]
        if self.condition.rules:
            decides.append(self.condition.rules)
        digest = hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()[:10]
        self.folder = cache / f"{condition.replace(' ', '-')}-{split}-{digest}"

    def path(self, name: str) -> Path:
        return self.folder / f"{hashlib.sha256(name.encode()).hexdigest()[:16]}.npz"

    def missing(self, chosen: Chosen) -> Chosen:
        left = [i for i, name in enumerate(chosen.names) if not self.path(name).is_file()]
        return Chosen([chosen.names[i] for i in left], [chosen.pixels[i] for i in left])

    def kept(self, chosen: Chosen) -> Chosen:
        """Those of the chosen images whose case is here."""
        there = [i for i, name in enumerate(chosen.names) if self.path(name).is_file()]
        return Chosen([chosen.names[i] for i in there], [chosen.pixels[i] for i in there])

    def makers(self, chosen: Chosen) -> set[str]:
        """The commits that made the kept cases; those of before it was recorded are `UNRECORDED`."""
        found = set()
        for name in chosen.names:
            with np.load(self.path(name)) as kept:
                found.add(str(kept["commit"]) if "commit" in kept else UNRECORDED)
        return found

    def save(self, name: str, case: Case | None) -> None:
        """Keep a case, or that there is no room for one."""
        self.folder.mkdir(parents=True, exist_ok=True)
        partial = self.path(name).with_suffix(f".{os.getpid()}.npz")
        if case is None:
            np.savez_compressed(partial, none=True, commit=commit())
        else:
            np.savez_compressed(
                partial,
                original=case.original,
                altered=case.altered,
                mask=case.mask,
                flipped=case.flipped,
                commit=commit(),
            )
        os.replace(partial, self.path(name))

    def read(self, name: str) -> Case | None:
        with np.load(self.path(name)) as kept:
            if "none" in kept:
                return None
            flipped = bool(kept["flipped"])
            return Case(name, kept["original"], kept["altered"], kept["mask"], flipped)


def cases_of(shelf: Shelf, chosen: Chosen, natural: "Shelf", say: Callable[[str], None]) -> list[Case]:
    """The cases of the chosen images, made where they are missing; those without room are left out.

    What is made from the cases of `natural` finds these made first where they are missing.
    """
    left = shelf.missing(chosen)
    if shelf.condition.from_natural:
        cases_of(natural, left, natural, say)
    for first in range(0, len(left.names), AT_ONCE):
        part = slice(first, first + AT_ONCE)
        names, pixels = left.names[part], left.pixels[part]
        for name, case in zip(names, _make(shelf, names, pixels, natural), strict=True):
            shelf.save(name, case)
        say(f"{shelf.folder.name}: {first + len(names)} of {len(left.names)}")
    found = [shelf.read(name) for name in chosen.names]
    return [case for case in found if case is not None]


def _make(shelf: Shelf, names: list[str], pixels: list[Pixels], natural: "Shelf") -> list[Case | None]:
    """A case of each image, None where there is no room."""
    condition = shelf.condition
    before = [natural.read(name) for name in names] if condition.from_natural else []
    work = Work(shelf.victim, shelf.donors, condition.cells, condition.attack, names, pixels, natural=before)
    work, room = replace(work, masks=condition.place(work)).with_room()
    cases: list[Case | None] = [None] * len(names)
    if not room:
        return cases
    for i, mask, altered in zip(room, work.masks, condition.make(work), strict=True):
        if altered is not None and mask is not None:
            flipped = bool(shelf.victim.predict(to_image(altered)[None])[0, TARGET] > 0.5)
            cases[i] = Case(names[i], pixels[i], altered, mask, flipped)
    return cases
