"""Which metastases are attacked, on which models and in which shards; what tells one matrix from another."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from snapgui.audit.alter import Subjects
from snapgui.audit.shard import probabilities, read_or_why
from snapgui.data.datasets import PatchSet, open_patches
from snapgui.engine.defences.defended import Defence, Defended
from snapgui.engine.generator.files import generator_of
from snapgui.engine.presets import PRESETS, PresetName
from snapgui.engine.victim.scores import ScoresOnly
from snapgui.engine.victim.several import Several
from snapgui.engine.victim.victim import Victim
from snapgui.errors import DataError, ModelError, SettingsError
from snapgui.provenance import library_versions
from snapgui.transfer.settings import MEAN, WORST, TransferSettings

BARE = "undefended"
# Draws of chance, at least, over which an attacker averages who knows that a defence is random.
EXPECTATION = 10
# Counted up when the same settings begin to give another table.
METHOD = 4


@dataclass(frozen=True)
class Shard:
    """Some images, attacked on one source with one preset."""

    source: str
    preset: PresetName
    rows: tuple[int, ...]

    @property
    def name(self) -> str:
        """A file name of its own."""
        told = f"{self.source}:{self.preset}:{self.rows}"
        return hashlib.sha256(told.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Plan:
    """A matrix before it begins.

    Attributes:
        subjects: metastases that every model recognises; ``p`` is the first model's.
        p_before: of every model by name, probability of metastasis ``(N,)``.
        metastases: how many were looked at to find them.
        recognised: of every model by name, how many of these it recognises.
        shards: what is to be done.
        fingerprint: hash of all that decides the table.
    """

    subjects: Subjects
    p_before: dict[str, NDArray[np.float64]]
    metastases: int
    recognised: dict[str, int]
    shards: tuple[Shard, ...]
    fingerprint: str


def load_models(paths: Sequence[Path], device: str) -> dict[str, Victim]:
    """Victims by name; raises ModelError for one that does not load, of other classes, two of one name, or
    fewer than two.
    """
    models: dict[str, Victim] = {}
    for path in paths:
        victim = Victim.load(path, device=device)
        if len(victim.card.classes) != 2:
            classes = victim.card.classes
            raise ModelError(
                f"{victim.card.name} has {len(classes)} classes ({', '.join(classes)}); the models of a "
                "matrix all tell normal from metastasis. Leave it out."
            )
        if victim.card.name in models:
            raise ModelError(
                f"Two models are called {victim.card.name}. Name one of them otherwise in its model card."
            )
        models[victim.card.name] = victim
    if len(models) < 2:
        raise ModelError("A transfer matrix needs two or more models; give further ones with --models.")
    return models


@dataclass(frozen=True)
class Contest:
    """Who is attacked, and on whom patches are made.

    Attributes:
        kind: ``transfer`` or ``defend``, the first word of its folders.
        models: every victim that is tried, by name.
        sources: every victim on which patches are made, by name; all models are tried on them.
    """

    kind: str
    models: dict[str, Victim]
    sources: dict[str, Victim]


def transfer_contest(models: dict[str, Victim], *, together: bool) -> Contest:
    """Each model against all; with ``together`` patches are also made on all at once, by mean and by worst
    case.
    """
    sources, victims = dict(models), list(models.values())
    if together:
        sources |= {MEAN: Several(victims, "mean"), WORST: Several(victims, "worst")}
    return Contest("transfer", models, sources)


def search_contest(victim: ScoresOnly, presets: Sequence[PresetName]) -> Contest:
    """A victim that gives scores alone, attacked by asking; raises SettingsError for a preset that places its
    cells by the gradient.
    """
    for preset in presets:
        if PRESETS[preset].cells.placement in ("gain", "trim"):
            raise SettingsError(
                f"The preset {preset} places its cells by the gradient, which scores alone do not give. "
                "Choose natural or paper."
            )
    name = victim.card.name
    return Contest("search", {name: victim}, {name: victim})


def defence_contest(victim: Victim, defences: Sequence[Defence]) -> Contest:
    """Every defence is tried on patches made on the bare victim (an attacker who does not know it), through
    itself (one who does; of a random one also through the mean of `EXPECTATION` or more draws) and through
    each of the others: where those fool it more often than its own, its gradient is masked.
    """
    models: dict[str, Victim] = {BARE: victim}
    sources: dict[str, Victim] = {BARE: victim}
    for defence in defences:
        behind = Defended(victim, defence)
        if defence.name in models:
            raise ModelError(f"The defence {defence.name} is named twice. Leave one out.")
        models[defence.name] = sources[defence.name] = behind
        if defence.draws:
            averaged = Defended(victim, defence, expectation=EXPECTATION)
            sources[averaged.card.name] = averaged
    return Contest("defend", models, sources)


def asked_patches(data: Path, settings: TransferSettings) -> PatchSet:
    """The split that is asked for, or all patches; raises DataError where there is none."""
    everything = open_patches(data)
    return everything.split(settings.split) if settings.split else everything


def plan_contest(contest: Contest, patches: PatchSet, settings: TransferSettings) -> Plan:
    """Choose the metastases and say what is to be done; raises DataError where there is none that all models
    recognise.
    """
    models = contest.models
    order = np.random.default_rng(settings.seed).permutation(np.flatnonzero(patches.labels == 1))
    positions: list[int] = []
    pixels: list[NDArray[np.uint8]] = []
    found: list[NDArray[np.float64]] = []
    recognised = dict.fromkeys(models, 0)
    metastases = 0
    for begin in range(0, len(order), settings.batch_size):
        if len(positions) >= settings.limit:
            break
        read = [(int(i), read_or_why(patches, int(i))) for i in order[begin : begin + settings.batch_size]]
        batch = [(i, picture) for i, picture in read if not isinstance(picture, str)]
        if not batch:
            continue
        pictures = [picture for _, picture in batch]
        answers = [probabilities(victim, pictures, len(pictures))[:, 1] for victim in models.values()]
        p = np.stack(answers, axis=1)
        metastases += len(batch)
        for name, column in zip(models, p.T, strict=True):
            recognised[name] += int((column > 0.5).sum())
        for (position, picture), row in zip(batch, p, strict=True):
            if (row > 0.5).all() and len(positions) < settings.limit:
                positions.append(position)
                pixels.append(picture)
                found.append(row)
    if not positions:
        raise DataError(
            f"None of the {metastases} metastases is recognised by all {len(models)} models, so there is "
            "nothing to attack. Choose another split or leave a model out."
        )
    shapes = {picture.shape for picture in pixels}
    if len(shapes) > 1:
        raise DataError(
            f"The patches are of {len(shapes)} sizes, where one is needed. Resample them or split the data "
            "set."
        )
    table = np.array(found)
    subjects = Subjects(
        positions,
        [patches.ids[i] for i in positions],
        np.ones(len(positions), dtype=np.int64),
        pixels,
        np.stack([1 - table[:, 0], table[:, 0]], axis=1),
    )
    digest = hashlib.sha256()
    for name, picture in zip(subjects.ids, pixels, strict=True):
        digest.update(name.encode())
        digest.update(picture.tobytes())
    decides = {
        "settings": settings.to_json(),
        "models": {name: victim.card.sha256 for name, victim in models.items()},
        "sources": list(contest.sources),
        "pictures": digest.hexdigest(),
        "versions": library_versions(),
        "method": METHOD,
        "device": next(iter(models.values())).mean.device.type,
        "generator": [generator_of(PRESETS[preset].attack.texture) for preset in settings.presets],
    }
    size = settings.shard_size
    parts = [tuple(range(n, min(n + size, len(positions)))) for n in range(0, len(positions), size)]
    shards = tuple(
        Shard(source, preset, part)
        # Images first: a matrix that is stopped is small and whole, not large and full of holes.
        for part in parts
        for preset in settings.presets
        for source in contest.sources
    )
    return Plan(
        subjects,
        dict(zip(models, table.T, strict=True)),
        metastases,
        recognised,
        shards,
        hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest(),
    )
