"""Rows in numbers: how often each corruption fools the model, how visible it is, and what SNAP achieves when
it is no more visible.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from snapgui.corruptions.measure import UNTOUCHED
from snapgui.engine.corruptions.catalogue import CORRUPTIONS
from snapgui.statistics import mean_of, paired_difference, share
from snapgui.words import counted

# What is counted: recognised metastases called normal, and recognised normal patches called metastasis.
OUTCOMES = {"lost": 1, "turned": 0}
# The measures of visibility, and the sign by which more is more visible.
MEASURES = {"de00": 1, "ssim": -1}
Numbers = dict[str, Any]


def summarise(rows: pd.DataFrame, curves: Sequence[str]) -> Numbers:
    """Numbers of all rows, plain JSON.

    Returns:
        ``images`` by outcome: how many, and how many of them recognised; ``accuracy`` before, of all;
        ``corruptions``: of each kind and grade ``kind``, ``grade``, ``accuracy`` of all, and by outcome what
        `_part` gives, and in ``snap`` what each curve achieves at no more CIEDE2000 and, apart from that, at
        no less SSIM, see `_match`; ``snap``: of each curve its ``scale`` from weakest to strongest, by
        outcome as well. Outcomes are ``lost`` and ``turned``; of a curve those alone that it has images of.
    """
    untouched = rows[rows["condition"] == UNTOUCHED].drop_duplicates("name").set_index("name")
    right = untouched["predicted"] == untouched["label"]
    recognised = {
        outcome: right.index[right & (untouched["label"] == label)] for outcome, label in OUTCOMES.items()
    }
    tables = {
        (condition, level): part.drop_duplicates("name").set_index("name")
        for (condition, level), part in rows.groupby(["condition", "level"])
    }
    scales = {curve: sorted(level for name, level in tables if name == curve) for curve in curves}

    def by_outcome(table: pd.DataFrame) -> Numbers:
        parts = {outcome: table[table.index.isin(names)] for outcome, names in recognised.items()}
        return {outcome: _part(part) for outcome, part in parts.items()}

    corruptions = []
    for kind in CORRUPTIONS:
        for level in sorted(level for name, level in tables if name == kind):
            table = tables[kind, level]
            found: Numbers = {"kind": kind, "grade": int(level)}
            found["accuracy"] = _share(table["predicted"] == table["label"])
            found |= by_outcome(table)
            for outcome, names in recognised.items():
                own = table[table.index.isin(names)]
                found[outcome]["snap"] = {
                    curve: {
                        measure: _match(
                            own, {scale: tables[curve, scale] for scale in scales[curve]}, measure
                        )
                        for measure in MEASURES
                    }
                    for curve in curves
                    if _has(tables, curve, scales[curve], names)
                }
            corruptions.append(found)
    return {
        "images": {
            outcome: {"of": int((untouched["label"] == label).sum()), "recognised": len(recognised[outcome])}
            for outcome, label in OUTCOMES.items()
        },
        "accuracy": _share(right),
        "corruptions": corruptions,
        "snap": {
            curve: [
                {"scale": scale}
                | {
                    outcome: part
                    for outcome, part in by_outcome(tables[curve, scale]).items()
                    if part["flipped"]["of"]
                }
                for scale in scales[curve]
            ]
            for curve in curves
        },
    }


def images_words(numbers: Numbers) -> str:
    """How many pictures of each class there were."""
    metastases, normal = (numbers["images"][outcome]["of"] for outcome in OUTCOMES)
    return (
        f"{counted(metastases, 'metastasis', 'metastases')} and "
        f"{counted(normal, 'normal patch', 'normal patches')}"
    )


def _has(tables: Mapping[Any, pd.DataFrame], curve: str, scales: Sequence[float], names: pd.Index) -> bool:
    return bool(scales) and bool(tables[curve, scales[0]].index.isin(names).any())


def _part(table: pd.DataFrame) -> Numbers:
    """Of recognised images: how many flipped, and how visible it is over the whole picture."""
    return {
        "flipped": _share(table["predicted"] != table["label"]),
        **{measure: mean_of(table[measure]) for measure in MEASURES},
    }


def _match(own: pd.DataFrame, snap: Mapping[float, pd.DataFrame], measure: str) -> Numbers | None:
    """The strongest scale of a curve that is on average no more visible than a corruption, on the images that
    both have; None where even the weakest is more visible.

    With ``scale``, ``de00`` and ``ssim`` of SNAP there, ``flipped`` of SNAP, ``corruption`` of those very
    images, and the paired ``difference`` of the two, SNAP's less the corruption's.
    """
    names = own.index.intersection(next(iter(snap.values())).index)
    if not len(names):
        return None
    own = own.loc[names]
    sign = MEASURES[measure]
    for scale in sorted(snap, reverse=True):
        table = snap[scale].loc[names]
        if sign * table[measure].mean() <= sign * own[measure].mean():
            flipped, beside = (part["predicted"] != part["label"] for part in (table, own))
            return {
                "scale": scale,
                "de00": float(table["de00"].mean()),
                "ssim": float(table["ssim"].mean()),
                "flipped": _share(flipped),
                "corruption": _share(beside),
                "difference": paired_difference(flipped, beside),
            }
    return None


def _share(values: pd.Series) -> Numbers:
    return share(int(values.sum()), len(values))
