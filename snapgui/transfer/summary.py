"""A transfer matrix in numbers: what each source does to each model, beside its controls, and differences on
the very same images.
"""

from typing import Any

import numpy as np
import pandas as pd

from snapgui.statistics import paired_difference, share


def summarise(
    rows: pd.DataFrame, models: list[str], sources: list[str], presets: list[str]
) -> dict[str, Any]:
    """Numbers of a table of rows, see `shard.run_shard`.

    Returns:
        ``cells``: of each preset, kind, source and target the share of images called normal with its Wilson
        interval, and medians of area and CIEDE2000. ``beyond_controls``: of each preset, source and target
        the difference between SNAP and its sham. ``architectures``: of each preset and pair of models, both
        attacked on themselves, the difference of success. Differences are paired by image, with Newcombe's
        95 % interval.
    """
    measured = rows[rows["kind"] != "no room"]
    cells = []
    for (preset, kind, source, target), part in measured.groupby(
        ["preset", "kind", "source", "target"], sort=False
    ):
        cells.append(
            {
                "preset": preset,
                "kind": kind,
                "source": source,
                "target": target,
                "flipped": share(int(part["flipped"].sum()), len(part)),
                "area": float(part["area"].median()),
                "mean_de00_mask": float(part["mean_de00_mask"].median()),
                "centre_open": share(int((part["centre"] == "open").sum()), len(part)),
            }
        )
    flips = measured.pivot_table(
        index="id", columns=["preset", "kind", "source", "target"], values="flipped", aggfunc="first"
    )
    beyond, between = [], []
    for preset in presets:
        for source in sources:
            for target in models:
                found = _difference(flips, (preset, "SNAP", source, target), (preset, "sham", source, target))
                if found:
                    beyond.append({"preset": preset, "source": source, "target": target, **found})
        for n, first in enumerate(models):
            for second in models[n + 1 :]:
                found = _difference(flips, (preset, "SNAP", first, first), (preset, "SNAP", second, second))
                if found:
                    between.append({"preset": preset, "first": first, "second": second, **found})
    no_room = rows[rows["kind"] == "no room"].groupby(["preset", "source"], sort=False)["id"].count()
    return {
        "models": models,
        "sources": sources,
        "presets": presets,
        "cells": cells,
        "beyond_controls": beyond,
        "architectures": between,
        "no_room": [
            {"preset": preset, "source": source, "images": int(count)}
            for (preset, source), count in no_room.items()
        ],
    }


def _difference(
    flips: pd.DataFrame, first: tuple[str, ...], second: tuple[str, ...]
) -> dict[str, Any] | None:
    if first not in flips.columns or second not in flips.columns:
        return None
    both = flips[[first, second]].dropna()
    if both.empty:
        return None
    a, b = (both[key].to_numpy(np.bool_) for key in (first, second))
    found = paired_difference(a, b)
    return {"difference": found["value"], "interval": found["interval"], "images": found["of"]}
