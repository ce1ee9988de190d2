"""Do pictures that measure as more visible get found more often?"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from snapgui.study.analysis.estimates import Values
from snapgui.study.design.freeze import read_file
from snapgui.study.design.study import Study
from snapgui.study.records import Stimulus
from snapgui.study.store.columns import Row

Floats = NDArray[np.float64]
LEAST_PICTURES = 8
# Values of a stimulus that are no measures of visibility.
NO_MEASURES = ("fooled", "attempt", "gap_levels")


def measures_of(study: Study) -> dict[str, dict[str, float]]:
    """Measures that the design holds, by picture: every number of a stimulus's details."""
    return {
        stimulus.id: found
        for stimulus in study.stimuli
        if stimulus.arm.altered and (found := dict(_numbers(stimulus.details)))
    }


def _numbers(values: Mapping[str, Any], before: str = "") -> list[tuple[str, float]]:
    found = []
    for name, value in values.items():
        if isinstance(value, Mapping):
            found += _numbers(value, f"{before}{name}.")
        elif (
            isinstance(value, (int, float))
            and not isinstance(value, bool)
            and math.isfinite(value)
            and name not in NO_MEASURES
        ):
            found.append((f"{before}{name}", float(value)))
    return found


def measure_folder(study: Study, folder: Path) -> dict[str, dict[str, float]]:
    """The same with what the study's own pictures measure, altered against untouched: SSIM, PSNR and
    CIEDE2000 in the mask and whole.

    Raises:
        StudyError: a picture is gone or changed.
    """
    from snapgui.engine.images import decode_pixels
    from snapgui.engine.visibility.measures import measure

    def pixels(stimulus: Stimulus, name: str) -> NDArray[np.uint8]:
        return decode_pixels(read_file(folder, stimulus, name))

    untouched = {stimulus.source: stimulus for stimulus in study.stimuli if not stimulus.arm.altered}
    found = measures_of(study)
    for stimulus in study.stimuli:
        beside = untouched.get(stimulus.source)
        if stimulus.arm.altered and stimulus.use == "main" and beside and stimulus.mask in stimulus.files:
            regions = measure(
                pixels(beside, beside.picture),
                pixels(stimulus, stimulus.picture),
                pixels(stimulus, stimulus.mask).mean(axis=2) > 127.5,
            )
            for region, values in regions.items():
                found.setdefault(stimulus.id, {}).update(_numbers(asdict(values), f"{region}."))
    return found


def visibility_estimates(
    rows: Sequence[Row],
    measures: Mapping[str, Mapping[str, float]],
    *,
    question: str,
    seed: int,
    resamples: int = 2000,
) -> Values | None:
    """For every altered arm and measure: rank correlation with the share of readers who found the picture,
    and the points.
    """
    answers: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        if (
            row["trial_type"] == question
            and row["role"] == "main"
            and row["altered"]
            and not row["excluded"]
            and row["stim_id"] in measures
        ):
            answers[row["arm"]][row["stim_id"]].append(row["correct"])
    values: Values = {}
    for arm, own in sorted(answers.items()):
        names = sorted({name for picture in own for name in measures[picture]})
        points = [
            {"stim_id": picture, "found": sum(said), "of": len(said), **measures[picture]}
            for picture, said in sorted(own.items())
        ]
        values[arm] = {
            "pictures": points,
            "measures": {name: rank_correlation(points, name, seed, resamples) for name in names},
        }
    return values or None


def rank_correlation(
    points: Sequence[Mapping[str, Any]], name: str, seed: int, resamples: int
) -> Values | None:
    """Spearman's correlation over pictures with an interval from drawing pictures anew; None with few or all
    alike.
    """
    kept = [point for point in points if name in point]
    x, y = (
        np.array([point[name] for point in kept]),
        np.array([point["found"] / point["of"] for point in kept]),
    )
    if len(kept) < LEAST_PICTURES or np.ptp(x) == 0 or np.ptp(y) == 0:
        return {"spearman": None, "interval": None, "pictures": len(kept)}
    estimate = float(stats.spearmanr(x, y).statistic)
    low, high = bootstrap_correlation(x, y, np.random.default_rng([seed, 11]), resamples)
    return {"spearman": estimate, "interval": [low, high], "pictures": len(kept)}


def bootstrap_correlation(
    x: Floats, y: Floats, generator: np.random.Generator, resamples: int
) -> tuple[float, float]:
    """Interval of Spearman's correlation: Fisher's z with the bootstrap's standard error and Student's
    deviate.
    """
    drawn = generator.integers(0, len(x), (resamples, len(x)))
    ranks = [stats.rankdata(values[drawn], axis=1) for values in (x, y)]
    ranks = [rank - rank.mean(1, keepdims=True) for rank in ranks]
    with np.errstate(invalid="ignore", divide="ignore"):
        found = (ranks[0] * ranks[1]).sum(1) / np.sqrt((ranks[0] ** 2).sum(1) * (ranks[1] ** 2).sum(1))
    error = float(np.nanstd(np.arctanh(np.clip(found, -0.999, 0.999)), ddof=1))
    middle = float(np.arctanh(np.clip(stats.spearmanr(x, y).statistic, -0.999, 0.999)))
    half = float(stats.t.ppf(0.975, len(x) - 2)) * error
    return math.tanh(middle - half), math.tanh(middle + half)
