"""How natural the patches of a finished audit are, from the pictures that it keeps."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from snapgui.audit.choose import measured_rows
from snapgui.audit.plan import donor_textures, select_patches
from snapgui.audit.read import FinishedAudit, audited_patches, picture_file, snap_mask
from snapgui.audit.settings import SNAP, Condition, conditions_of, draw_seed, seed_of
from snapgui.engine.controls import Alteration, fill_images, paste_nuclei
from snapgui.engine.detector.cases import Case
from snapgui.engine.images import read_pixels, to_image, to_pixels
from snapgui.errors import DataError
from snapgui.naturalness.measure import measure_condition

# The places of SNAP's cells with nothing changed: what place alone gives away.
PLACES = "same cells, nothing changed"


def audit_conditions(audit: FinishedAudit) -> list[str]:
    """The conditions whose pictures are there: SNAP, its cells untouched, and the fillings, which are remade
    from their seeds; pictures of other attacks are not kept.
    """
    return [SNAP, PLACES, *(condition.name for condition in _fillings(audit))]


def audit_cases(audit: FinishedAudit, *, most: int | None = None) -> Iterator[tuple[str, list[Case]]]:
    """Each of `audit_conditions` with its cases, of the first ``most`` images.

    Raises:
        DataError: the data set or a kept picture is gone.
    """
    snap = _snap_cases(audit, most)
    yield SNAP, list(snap.values())
    yield PLACES, [replace(case, altered=case.original, flipped=False) for case in snap.values()]
    textures = donor_textures(select_patches(audit.data, audit.settings)[1])
    for condition in _fillings(audit):
        rows = measured_rows(audit, condition.name)
        first = rows[rows["draw"].fillna(0).eq(0)]
        cases = []
        for position, flipped in zip(first["position"], first["flipped"], strict=True):
            if position in snap:
                case = snap[position]
                filled = _filled(case, condition, textures)
                cases.append(replace(case, altered=filled, flipped=bool(flipped)))
        yield condition.name, cases


def _fillings(audit: FinishedAudit) -> list[Condition]:
    # The best of several draws was chosen by the victim, which is not asked here.
    return [
        condition
        for condition in conditions_of(audit.settings)
        if condition.kind == "fill" and condition.fill != "best"
    ]


def _snap_cases(audit: FinishedAudit, most: int | None) -> dict[int, Case]:
    """SNAP's kept pictures by position in the data set."""
    patches = audited_patches(audit)
    found = {}
    for row in measured_rows(audit, SNAP).head(len(patches) if most is None else most).to_dict("records"):
        position, picture = int(row["position"]), str(row["picture"])
        original, path = patches.pixels(position), picture_file(audit, picture)
        if not path.is_file():
            raise DataError(
                f"{path.name} is gone from {audit.folder.name}. Delete the audit and run it again."
            )
        mask = snap_mask(audit, picture, original)
        found[position] = Case(row["id"], original, read_pixels(path), mask, bool(row["flipped"]))
    return found


def _filled(case: Case, condition: Condition, textures: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """The first draw of a filling, as the audit made it."""
    if condition.fill == "nuclei":
        rng = np.random.default_rng(seed_of(condition.cells.seed, case.name))
        return paste_nuclei(case.original, case.mask, textures, rng)
    attack = replace(condition.attack, seed=draw_seed(condition.attack.seed, case.name, 0))
    mask = torch.from_numpy(case.mask)[None, None]
    filling = Alteration("fill", attack, condition.fill, condition.free)
    return to_pixels(fill_images(to_image(case.original)[None], mask, filling)[0])


def audit_numbers(
    audit: FinishedAudit, trained_on: FinishedAudit | None = None, *, seed: int = 0
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each condition with its numbers, see `measure.measure_condition`; with another audit, detectors are
    trained on its pictures of the same condition.

    Raises:
        DataError: too few pictures, two audits of different settings, or pictures that are gone.
    """
    if trained_on is not None and _patch(trained_on) != _patch(audit):
        raise DataError(
            f"{trained_on.folder.name} made its patches with other settings than {audit.folder.name}, and a "
            "detector is trained on patches of the same condition. Audit both splits with the same settings."
        )
    training = dict(audit_cases(trained_on)) if trained_on is not None else {}
    for name, cases in audit_cases(audit):
        yield name, measure_condition(cases, trained_on=training.get(name), seed=seed)


def _patch(audit: FinishedAudit) -> dict[str, Any]:
    return {
        "cells": audit.settings.cells,
        "attack": audit.settings.attack,
        "model": audit.about["model_sha256"],
    }
