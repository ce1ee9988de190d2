"""Which patches an audit looks at, in which shards, and the fingerprint that tells one audit from another."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from snapgui.audit.settings import AuditSettings
from snapgui.audit.shard import read_or_why
from snapgui.data.datasets import PatchSet, open_patches
from snapgui.data.duplicates import duplicate_words, signature
from snapgui.engine.controls import nucleus_textures
from snapgui.engine.generator.files import generator_of
from snapgui.engine.images import UM_PER_PX, WINDOW_PX
from snapgui.engine.victim.victim import Victim
from snapgui.errors import DataError
from snapgui.provenance import library_versions

DONOR_COUNT = 24
# Counted up when the same settings begin to give another table.
METHOD = 6


@dataclass(frozen=True)
class Plan:
    """An audit before it begins.

    Attributes:
        patches: what is looked at.
        donors: normal patches that give nuclei to paste.
        shards: positions among the patches, by shard.
        fingerprint: hash of all that decides the table: settings, weights, pixels and labels, versions,
            method, kind of device.
        remarks: what a reader of the table should know of the patches, in sentences.
    """

    patches: PatchSet
    donors: PatchSet
    shards: tuple[tuple[int, ...], ...]
    fingerprint: str
    remarks: tuple[str, ...] = ()


def select_patches(data: Path, settings: AuditSettings) -> tuple[PatchSet, PatchSet]:
    """The audited patches, and the donors: normal ones of ``train`` where there is one, else of the audited
    patches.

    Raises:
        DataError: no data set, no such split, or nobody of the source class.
    """
    everything = open_patches(data)
    patches = everything.split(settings.split) if settings.split else everything
    if settings.limit:
        patches = patches.sample(settings.limit, seed=0)
    wanted = {"metastasis": 1, "normal": 0}.get(settings.source)
    if wanted is not None and not (patches.labels == wanted).any():
        raise DataError(
            f"None of the {len(patches)} patches is labelled {settings.source}, so there is nothing to "
            "attack. Choose another split, a higher limit or another source class."
        )
    pool = everything.split("train") if "train" in everything.splits else patches
    return patches, pool.subset(np.flatnonzero(pool.labels == 0)).sample(DONOR_COUNT, seed=1)


def plan_audit(victim: Victim, data: Path, settings: AuditSettings) -> Plan:
    """Read every patch once, and say what is to be done.

    Raises:
        DataError: as `select_patches` does, patches of several sizes, or of another than a model reads.
    """
    if len(victim.card.classes) != 2:
        raise DataError(
            f"{victim.card.name} has {len(victim.card.classes)} classes; labels of these data sets are 0 "
            "(normal) and 1 (metastasis). Give a model with two classes."
        )
    patches, donors = select_patches(data, settings)
    digest = hashlib.sha256()
    shapes: dict[tuple[int, int], str] = {}
    signatures: list[NDArray[np.uint64] | None] = [None] * len(patches)
    for position in range(len(patches)):
        pixels = read_or_why(patches, position)
        digest.update(
            f"{patches.ids[position]}:{patches.splits[position]}:{patches.labels[position]}:".encode()
        )
        if isinstance(pixels, str):
            digest.update(b"unreadable")
            continue
        digest.update(pixels.tobytes())
        signatures[position] = signature(pixels)
        shapes.setdefault((pixels.shape[1], pixels.shape[0]), patches.ids[position])
    if not shapes:
        raise DataError(
            f"None of the {len(patches)} patches can be read. The first says: {read_or_why(patches, 0)}"
        )
    if len(shapes) > 1:
        found = " and ".join(
            f"{width} x {height} px ({name})" for (width, height), name in list(shapes.items())[:3]
        )
        raise DataError(
            f"The patches are of several sizes: {found}. All must be of one size; resample them or "
            "split the data set."
        )
    ((width, height),) = shapes
    if (width, height) != (WINDOW_PX, WINDOW_PX):
        raise DataError(
            f"The patches are {width} x {height} px ({shapes[width, height]}); a model reads {WINDOW_PX} x "
            f"{WINDOW_PX} px at {UM_PER_PX} um/px. Cut such windows from them at that scale."
        )
    decides = {
        "settings": settings.to_json(),
        "model": victim.card.sha256,
        "data": digest.hexdigest(),
        "versions": library_versions(),
        "method": METHOD,
        "device": victim.mean.device.type,
    }
    if (generator := generator_of(settings.attack.texture)) is not None:
        decides["generator"] = generator
    fingerprint = hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()
    size = settings.shard_size
    shards = tuple(
        tuple(range(start, min(start + size, len(patches)))) for start in range(0, len(patches), size)
    )
    alike = duplicate_words(patches.ids, patches.labels, signatures)
    remarks = (*patches.remarks, *([alike] if alike else []))
    return Plan(patches, donors, shards, fingerprint, remarks)


def donor_textures(donors: PatchSet) -> list[NDArray[np.uint8]]:
    """The nuclei of the donors."""
    pictures = [read_or_why(donors, i) for i in range(len(donors))]
    return nucleus_textures([pixels for pixels in pictures if not isinstance(pixels, str)])
