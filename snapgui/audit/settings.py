"""What an audit is asked: settings, and the conditions that they name."""

import hashlib
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self, get_args

from snapgui.engine.settings import (
    CENTRES,
    GAMUTS,
    PLACEMENTS,
    RANDOM_NAMES,
    AttackSettings,
    CellSettings,
    Settings,
    best_name,
)
from snapgui.errors import SettingsError

Group = Literal["standard", "area", "cells", "gamut", "placement"]
Kind = Literal["attack", "fill", "square", "whole", "sham"]
Source = Literal["metastasis", "normal", "both"]

GROUPS: tuple[Group, ...] = get_args(Group)
SOURCES: tuple[Source, ...] = get_args(Source)
AREAS = (0.01, 0.02, 0.03, 0.05, 0.07, 0.10, 0.20)
CELL_COUNTS = (1, 3, 6, 12, 24)
SMALL_CHANGE = 2 / 255
SNAP = "SNAP"
# How often the random control is drawn for each image: a single draw tells much of chance.
DRAWS = 5


@dataclass(frozen=True)
class Condition:
    """One way to alter an image; the same code measures them all.

    Attributes:
        name: for people, and in the table.
        group: what it is compared with.
        kind: ``attack`` optimises the cells, ``fill`` fills them without looking at the victim, ``square``
            optimises one square of their area, ``whole`` every pixel by a little; ``sham`` mirrors within its
            cells what SNAP made of them.
        cells: where.
        attack: how.
        fill: name of the filling: ``median``, ``random``, ``best`` (of several random ones the one that
            lowers the label's probability most) or ``nuclei``.
        free: every colour instead of the gamut.
        draws: how often it is done to each image, each time with another seed.
    """

    name: str
    group: Group
    kind: Kind
    cells: CellSettings
    attack: AttackSettings
    fill: str = ""
    free: bool = False
    draws: int = 1


@dataclass(frozen=True)
class AuditSettings(Settings):
    """How a data set is audited.

    Attributes:
        split: name of the split; None takes all patches.
        limit: a fixed random choice of at most so many patches; None takes all.
        source: true class of the images that are attacked, each towards the other class.
        groups: sets of conditions; ``standard`` holds SNAP with the centre open and excluded, and the
            controls. Without it SNAP stands alone beside the others: for parts of a larger comparison whose
            controls are elsewhere.
        areas: shares of the pixels that the group ``area`` tries.
        cells, attack: settings of SNAP; the seed of the cells is joined with each image's name.
        batch_size: images in the victim at once.
        shard_size: images that are done and written together.
        threads: CPU threads; part of the settings, since the last bits of a result depend on it.
    """

    split: str | None = None
    limit: int | None = None
    source: Source = "metastasis"
    groups: tuple[Group, ...] = ("standard",)
    areas: tuple[float, ...] = AREAS
    cells: CellSettings = field(default_factory=CellSettings)
    attack: AttackSettings = field(default_factory=AttackSettings)
    batch_size: int = 32
    shard_size: int = 64
    threads: int = 1

    def __post_init__(self) -> None:
        self._check_choice("source", SOURCES)
        self._check_range("batch_size", 1, 4096)
        self._check_range("shard_size", 1, 65536)
        self._check_range("threads", 1, 1024)
        if self.limit is not None:
            self._check_range("limit", 1, 10**9)
        unknown = sorted(set(self.groups) - set(GROUPS))
        if unknown or not self.groups:
            raise SettingsError(
                f"The groups are {', '.join(unknown) or 'none'}; choose from {', '.join(GROUPS)}."
            )
        if not self.areas or len(set(self.areas)) < len(self.areas):
            raise SettingsError(
                f"The areas are {list(self.areas)}; give different shares of the pixels, such as 0.05."
            )
        for area in self.areas:
            replace(self.cells, area=area)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        parts = {
            "cells": CellSettings.from_json(values["cells"]),
            "attack": AttackSettings.from_json(values["attack"]),
        }
        listed = {name: tuple(values[name]) for name in ("groups", "areas") if name in values}
        return super().from_json(values | parts | listed)


def conditions_of(settings: AuditSettings) -> list[Condition]:
    """The conditions of an audit, SNAP itself first; no name twice."""
    found: dict[str, Condition] = {}
    for group in GROUPS:
        conditions = _conditions_of_group(group, settings)
        if group not in settings.groups:
            conditions = conditions[:1] if group == "standard" else []
        for condition in conditions:
            found.setdefault(condition.name, condition)
    return list(found.values())


def _conditions_of_group(group: Group, settings: AuditSettings) -> list[Condition]:
    cells, attack = settings.cells, settings.attack

    def snap(name: str, *, attack: AttackSettings = attack, **changes: Any) -> Condition:
        return Condition(name, group, "attack", replace(cells, **changes), attack)

    if group == "area":
        return [
            snap(f"area {area * 100:g}%, centre {centre}", area=area, centre=centre)
            for centre in CENTRES
            for area in settings.areas
        ]
    if group == "cells":
        return [snap(f"{count} cell{'' if count == 1 else 's'}", count=count) for count in CELL_COUNTS]
    if group == "gamut":
        free = replace(attack, texture="free")
        return [snap(f"gamut {name}", attack=replace(free, gamut=name)) for name in GAMUTS]
    if group == "placement":
        return [
            snap(f"placement {name}, centre {centre}", placement=name, centre=centre)
            for centre in ("open", "excluded")
            for name in PLACEMENTS
            # Cells of another area than asked are no comparison of places.
            if name != "all_nuclei"
        ]
    other = "excluded" if cells.centre == "open" else "open"

    def control(name: str, kind: Kind, **changes: Any) -> Condition:
        return Condition(name, group, kind, cells, attack, **changes)

    return [
        snap(SNAP),
        snap(f"{SNAP}, centre {other}", centre=other),
        control("median colour", "fill", fill="median"),
        control(RANDOM_NAMES[attack.texture], "fill", fill="random", draws=DRAWS),
        control(best_name(attack.texture), "fill", fill="best"),
        control("real nuclei", "fill", fill="nuclei"),
        control("sham", "sham"),
        control("one square", "square"),
        control("one square, any colour", "square", free=True),
        control("same cells, any colour", "attack", free=True),
        control("whole image, 2/255", "whole"),
    ]


def seed_of(settings_seed: int, patch_id: str) -> int:
    """A seed that depends on the image's name and not on its place in the data set."""
    return int.from_bytes(hashlib.sha256(f"{settings_seed}:{patch_id}".encode()).digest()[:6], "big")


def draw_seed(settings_seed: int, patch_id: str, draw: int) -> int:
    """A seed of its own for each draw of each image."""
    return seed_of(settings_seed, f"{patch_id}:{draw}")
