"""The pictures of which `naturalness.py` tells how natural they are: made image by image and kept on disk."""

import functools
import hashlib
import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.patches import SOURCE, TARGET
from snapgui.audit.plan import donor_textures
from snapgui.data.datasets import PatchSet
from snapgui.engine.attack.objectives import Targeted
from snapgui.engine.attack.packing import compose
from snapgui.engine.attack.texture import Retouch
from snapgui.engine.cells.outlines import Mask, draw_mask
from snapgui.engine.cells.placement import place_in_each
from snapgui.engine.controls import Alteration, attack_steps, paste_nuclei
from snapgui.engine.detector.cases import Case
from snapgui.engine.images import round_to_8_bits, to_image, to_pixels
from snapgui.engine.presets import PRESETS
from snapgui.engine.settings import AttackSettings, CellSettings
from snapgui.engine.sham import Source, make_sham
from snapgui.engine.victim.victim import Victim
from snapgui.errors import MaskError

Pixels = NDArray[np.uint8]
AT_ONCE = 8
UNRECORDED = "an earlier one that was not recorded"
PRESET_OF = {"natural": "natural", "paper": "paper", "strong": "strong", "stain": "paper"}
ATTACKS = tuple(PRESET_OF)
# Of the texture of `natural`, without looking at the victim, and other yardsticks.
OF_NATURAL = ("sham", "draws", "calm draws")
FROM_NATURAL = ("sham", "calm draws")
OTHERS = ("sham", "draws", "calm draws", "pasted", "places", "whole")
CONDITIONS = ATTACKS + OTHERS
WORDS = {
    "natural": "`natural`",
    "paper": "`paper` (range, free)",
    "strong": "`strong` (range, free, trimmed)",
    "stain": "stain, free, scattered",
    "sham": "sham of `natural`",
    "draws": "random draws of `natural`'s texture, full bound",
    "calm draws": "random draws of it, as much change as `natural`",
    "pasted": "real nuclei pasted into scattered cells",
    "places": "scattered cells, nothing changed",
    "whole": "whole image by 2/255",
}


def settings_of(condition: str) -> tuple[CellSettings, AttackSettings]:
    """Cells and attack of a condition; controls take those of what they stand beside."""
    preset = PRESETS[PRESET_OF.get(condition, "natural" if condition in OF_NATURAL else "paper")]
    attack = replace(preset.attack, target=TARGET)
    return preset.cells, replace(attack, gamut="stain") if condition == "stain" else attack


def decisive(attack: AttackSettings) -> dict[str, Any]:
    """Settings that decide pictures, as they were before ``stains`` was one where it changes nothing."""
    values = attack.to_json()
    if attack.texture == "retouch" or attack.gamut != "stain":
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
        if victim.predict(to_image(pixels)[None])[0, SOURCE] > 0.5:
            chosen.names.append(patches.ids[int(index)])
            chosen.pixels.append(pixels)
        if len(chosen.names) == count:
            break
    return chosen


@functools.cache
def commit() -> str:
    """The commit that runs, with a mark where files differ from it."""
    folder = Path(__file__).parent
    words = ["git", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


class Shelf:
    """Cases of one condition and split on disk, one file an image; what is there is not made again."""

    def __init__(self, cache: Path, condition: str, split: str, victim: Victim, donors: PatchSet) -> None:
        self.condition, self.victim, self.donors = condition, victim, donors
        self.cells, self.attack = settings_of(condition)
        decides = [self.cells.to_json(), decisive(self.attack), victim.card.sha256]
        if condition == "sham":
            decides.append("texture as SNAP's")
        digest = hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()[:10]
        self.folder = cache / f"{condition.replace(' ', '-')}-{split}-{digest}"

    def path(self, name: str) -> Path:
        return self.folder / f"{hashlib.sha256(name.encode()).hexdigest()[:16]}.npz"

    def missing(self, chosen: Chosen) -> Chosen:
        left = [i for i, name in enumerate(chosen.names) if not self.path(name).is_file()]
        return Chosen([chosen.names[i] for i in left], [chosen.pixels[i] for i in left])

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

    Sham and calm draws are made from the cases of `natural`, which are made first where they are missing.
    """
    left = shelf.missing(chosen)
    if shelf.condition in FROM_NATURAL:
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
    masks = _masks(shelf, names, pixels)
    room = [i for i, mask in enumerate(masks) if mask is not None]
    cases: list[Case | None] = [None] * len(names)
    if not room:
        return cases
    fit = [mask for mask in masks if mask is not None]
    pictures = _alter(shelf, [names[i] for i in room], [pixels[i] for i in room], fit, natural)
    for i, mask, altered in zip(room, fit, pictures, strict=True):
        if altered is not None:
            flipped = bool(shelf.victim.predict(to_image(altered)[None])[0, TARGET] > 0.5)
            cases[i] = Case(names[i], pixels[i], altered, mask, flipped)
    return cases


def seed_of(name: str) -> int:
    """A seed of its own for each image."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:6], "big")


def _masks(shelf: Shelf, names: list[str], pixels: list[Pixels]) -> list[Mask | None]:
    if shelf.condition == "whole":
        return [np.ones(picture.shape[:2], dtype=bool) for picture in pixels]
    settings = [replace(shelf.cells, seed=seed_of(name)) for name in names]
    found = place_in_each(shelf.victim, pixels, settings, Targeted(TARGET), shelf.attack)
    return [
        None if isinstance(cells, MaskError) else draw_mask(cells, picture.shape[:2])
        for cells, picture in zip(found, pixels, strict=True)
    ]


def _alter(
    shelf: Shelf,
    names: list[str],
    pixels: list[Pixels],
    masks: list[Mask],
    natural: "Shelf",
) -> list[Pixels | None]:
    condition, victim = shelf.condition, shelf.victim
    if condition == "places":
        return list(pixels)
    if condition == "pasted":
        textures = donor_textures(shelf.donors)
        return [
            paste_nuclei(picture, mask, textures, np.random.default_rng(seed_of(name)))
            for picture, mask, name in zip(pixels, masks, names, strict=True)
        ]
    if condition in ("sham", "calm draws", "draws"):
        return [_without_attack(shelf, *each, natural) for each in zip(names, pixels, masks, strict=True)]
    images = torch.stack([to_image(picture) for picture in pixels]).to(victim.mean.device)
    stacked = torch.from_numpy(np.stack(masks))[:, None].to(images.device)
    kind: Literal["whole", "attack"] = "whole" if condition == "whole" else "attack"
    steps = attack_steps(victim, images, stacked, Alteration(kind, shelf.attack), objective=Targeted(TARGET))
    for step in steps:
        last = step
    return [to_pixels(image) for image in last.best_images]


def _without_attack(shelf: Shelf, name: str, pixels: Pixels, mask: Mask, natural: "Shelf") -> Pixels | None:
    if shelf.condition == "draws":
        return draw_texture(pixels, mask, shelf.attack, seed=seed_of(name), share=1.0)
    case = natural.read(name)
    if case is None:
        return None
    if shelf.condition == "sham":
        source = Source(name, pixels, case.altered, case.mask, texture=shelf.attack.texture)
        return make_sham(source, seed=0, victim=shelf.victim).pixels
    return calm_draw(case, shelf.attack)


def draw_texture(pixels: Pixels, mask: Mask, settings: AttackSettings, *, seed: int, share: float) -> Pixels:
    """A picture retouched by a random field, uniform within ``share`` of the bound."""
    images, masks = to_image(pixels)[None], torch.from_numpy(mask)[None, None]
    texture = Retouch(images, masks, bound=settings.bound, grid_px=settings.grid_px, seed=seed)
    position = 0.5 + share * (texture.start(1) - 0.5)
    everything = torch.arange(len(position)), torch.arange(len(texture.pixels.places))
    colours = texture.colours(position, *everything).clamp(0, 1)
    return to_pixels(compose(images, texture.pixels.places, round_to_8_bits(colours))[0])


def calm_draw(natural: Case, settings: AttackSettings) -> Pixels:
    """A random draw in the same cells whose mean absolute change is that of the attack, as far as the bound
    lets it.
    """

    def change(picture: Pixels) -> float:
        return float(np.abs(picture.astype(int) - natural.original)[natural.mask].mean())

    wanted, low, high = change(natural.altered), 0.0, 1.0
    for _ in range(8):
        middle = (low + high) / 2
        drawn = draw_texture(
            natural.original, natural.mask, settings, seed=seed_of(natural.name), share=middle
        )
        low, high = (middle, high) if change(drawn) < wanted else (low, middle)
    return drawn
