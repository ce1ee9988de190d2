"""How natural the patches of one condition are, in numbers."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from scipy.stats import bootstrap

from snapgui.engine.detector.area import area_by_image
from snapgui.engine.detector.cases import Case
from snapgui.engine.detector.evidence import Evidence, gather, gather_against
from snapgui.engine.detector.judges import FOLDS, KINDS, LEVELS, Scores, judge, judge_held_out
from snapgui.engine.visibility.display import Display
from snapgui.engine.visibility.gamut_shares import gamut_shares
from snapgui.engine.visibility.measures import colour_difference, flip_as_displayed, flip_note
from snapgui.errors import DataError
from snapgui.statistics import share

# Fewer tell nothing that would hold for other images.
LEAST_IMAGES = 2 * FOLDS
# The screen for which FLIP is told.
DISPLAY = Display()


def measure_condition(
    cases: Sequence[Case], *, trained_on: Sequence[Case] | None = None, seed: int = 0
) -> dict[str, Any]:
    """Numbers of the patches of one condition, as plain JSON.

    Args:
        cases: what is judged.
        trained_on: cases of the same condition from other images, on which detectors are trained; without
            them detectors are trained on the cases themselves, each judged by those that did not see its
            image.
        seed: of detectors and intervals.

    Returns:
        ``images``, ``cells``, ``trained_on`` (images; None: the cases themselves), ``flipped`` (as
        `statistics.share`; None where nobody asked the victim), ``area`` (mean share of the pixels),
        ``mean_de00_mask``, ``mean_flip`` (of the whole picture on `DISPLAY`), both also with ``_interval``
        (95 %, over images), ``beyond_stains`` (mean share, of the changed pixels, of colours that the stains
        cannot make, beyond the image's own share; None where nothing changed), ``detector`` by level and kind
        with ``auc``, ``low`` and ``high``, and of each level the ``strongest``.

    Raises:
        DataError: too few images, or images of both parts.
    """
    evidence = _evidence(cases, "judged by")
    if trained_on is None:
        scores = judge_held_out(evidence, seed=seed)
    else:
        training = _evidence(trained_on, "trained on")
        shared = sorted(set(training.names) & set(evidence.names))
        if shared:
            raise DataError(
                f"{len(shared)} images are both trained on and judged by, such as {shared[0]}. Train on an "
                "audit of another split."
            )
        scores = judge(training, evidence, seed=seed)
    return {
        "images": len(cases),
        "cells": int(evidence.cells.labels.sum()),
        "trained_on": None if trained_on is None else len(trained_on),
        "flipped": _flipped(cases),
        "area": float(np.mean([case.mask.mean() for case in cases])),
        **_mean_of_images("mean_de00_mask", [_difference(case) for case in cases], seed),
        **({} if flip_note() else _mean_of_images("mean_flip", [_flip(case) for case in cases], seed)),
        "beyond_stains": _beyond_stains(cases),
        "detector": _areas(evidence, scores, seed),
    }


def measure_against(
    cases: tuple[Sequence[Case], Sequence[Case]],
    trained_on: tuple[Sequence[Case], Sequence[Case]],
    *,
    seed: int = 0,
) -> dict[str, dict[str, dict[str, float]]]:
    """How well detectors tell the patches of one condition from those of another in the very same cells of
    the same images, such as SNAP from its sham; as ``detector`` of `measure_condition`.

    Args:
        cases: of the one and of the other, in the same order.
        trained_on: the same of other images.
        seed: of detectors and intervals.
    """
    evidence = gather_against(*cases)
    return _areas(evidence, judge(gather_against(*trained_on), evidence, seed=seed), seed)


def strongest(numbers: dict[str, Any], level: str) -> dict[str, Any]:
    """The kind of detector that tells best at a level: its name as ``kind``, its area and interval."""
    kinds = numbers["detector"][level]
    kind = max(kinds, key=lambda name: kinds[name]["auc"])
    return {"kind": kind, **kinds[kind]}


def _evidence(cases: Sequence[Case], use: str) -> Evidence:
    if len({case.name for case in cases}) < LEAST_IMAGES:
        raise DataError(
            f"There are {len({case.name for case in cases})} altered images that detectors can be {use}; "
            f"{LEAST_IMAGES} are needed. Audit more images."
        )
    evidence = gather(cases)
    if len(np.unique(evidence.cells.labels)) < 2:
        raise DataError(
            "No nuclei were found in the untouched images, or no cells in the altered ones, so there is "
            "nothing to tell apart. Audit images that show nuclei."
        )
    return evidence


def _areas(evidence: Evidence, scores: Scores, seed: int) -> dict[str, dict[str, dict[str, float]]]:
    levels = {"cell": evidence.cells, "picture": evidence.pictures}
    return {
        level: {
            kind: asdict(
                area_by_image(levels[level].labels, scores[level][kind], levels[level].images, seed=seed)
            )
            for kind in KINDS
        }
        for level in LEVELS
    }


def _flipped(cases: Sequence[Case]) -> dict[str, Any] | None:
    if any(case.flipped is None for case in cases):
        return None
    return share(sum(bool(case.flipped) for case in cases), len(cases))


def _difference(case: Case) -> float:
    return float(colour_difference(case.original, case.altered)[case.mask].mean())


def _flip(case: Case) -> float:
    if (case.original == case.altered).all():
        return 0.0
    return float(flip_as_displayed(case.original, case.altered, DISPLAY).mean())


def _mean_of_images(name: str, values: Sequence[float], seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    found = bootstrap((values,), np.mean, n_resamples=2000, method="percentile", rng=rng)
    interval = [float(end) for end in found.confidence_interval]
    return {name: float(np.mean(values)), f"{name}_interval": interval}


def _beyond_stains(cases: Sequence[Case]) -> float | None:
    found = list(_excesses(cases))
    return float(np.mean(found)) if found else None


def _excesses(cases: Sequence[Case]) -> Iterator[float]:
    for case in cases:
        shares = gamut_shares(case.original, case.altered)
        if shares.outside_stain is not None:
            yield shares.outside_stain - shares.own_outside_stain
