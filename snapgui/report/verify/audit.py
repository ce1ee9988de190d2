"""The claims of an audit's bundle, made again: its summary from its table, and a sample of its pictures by
the model.
"""

import io
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from snapgui.audit.rows import LATER, SCHEMA
from snapgui.audit.settings import SNAP
from snapgui.audit.summary import summarise
from snapgui.engine.cells.outlines import area_fraction, read_mask, touches_centre
from snapgui.engine.images import decode_pixels, to_image
from snapgui.engine.victim.victim import Victim
from snapgui.errors import SnapError
from snapgui.report.bundle.archive import BundleError
from snapgui.report.bundle.manifest import read_json
from snapgui.report.verify.checks import Check, agree, check
from snapgui.report.verify.run import SCORE_TOLERANCE
from snapgui.words import as_set, per_cent

RESCORED = 32
# What a summary says beyond its table: the time that it took.
COSTS = ("seconds_per_image", "image_steps")
Read = Callable[[str], bytes]


def check_audit_claims(
    manifest: dict[str, Any], names: list[str], read: Read, victim_of: Callable[[str], Victim | Check]
) -> Iterator[Check]:
    """Every claim of an audit that can be made again; raises BundleError where the claims cannot be read at
    all.
    """
    about, summary, rows = (
        read_json(read("audit.json"), "audit.json"),
        read_json(read("summary.json"), "summary.json"),
        _read_rows(read),
    )
    try:
        same = (
            manifest["model"]["sha256"] == about["model_sha256"]
            and manifest["fingerprint"] == about["fingerprint"]
        )
        yield check(
            same,
            "manifest.json and audit.json name the same audit and model",
            "manifest.json and audit.json speak of different audits or models",
        )
        stated = {name: value for name, value in summary.items() if name != "seconds"}
        stated["conditions"] = [
            {name: value for name, value in row.items() if name not in COSTS} for row in stated["conditions"]
        ]
        yield check(
            agree(stated, summarise(rows), 1e-9),
            f"summary.json follows from the {len(rows):,} rows of rows.parquet",
            "summary.json does not follow from rows.parquet",
        )
        yield from _rescore(rows, about, names, read, victim_of)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError) as error:
        yield Check("fails", f"audit.json and summary.json say all that they should ({error!r})")


def _read_rows(read: Read) -> pd.DataFrame:
    try:
        table = pq.read_table(io.BytesIO(read("rows.parquet")))
        there = [name for name in SCHEMA.names if name in table.column_names or name not in LATER]
        return table.select(there).to_pandas()
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        raise BundleError(f"rows.parquet is no table of an audit ({str(error)[:80]}).") from error


def _rescore(
    rows: pd.DataFrame,
    about: dict[str, Any],
    names: list[str],
    read: Read,
    victim_of: Callable[[str], Victim | Check],
) -> Iterator[Check]:
    snap = rows[(rows["condition"] == SNAP) & rows["picture"].notna()]
    packed = snap[("pictures/" + snap["picture"].astype(str)).isin(names)]
    if not len(packed):
        yield Check("unchecked", "there are no pictures to score again")
        return
    victim = victim_of(str(about["model_sha256"]))
    if isinstance(victim, Check):
        yield victim
        return
    yield Check("holds", f"the model here is the one stated: SHA-256 {victim.card.sha256[:12]}")
    at = np.unique(np.linspace(0, len(packed) - 1, min(RESCORED, len(packed))).round().astype(int))
    wrong = []
    for row in packed.iloc[at].to_dict("records"):
        try:
            reason = _why_wrong(row, read, victim)
        except SnapError as error:
            reason = str(error)
        if reason:
            wrong.append(Check("fails", f"{row['picture']}: {reason}"))
    yield from wrong
    right = len(at) - len(wrong)
    yield check(
        not wrong,
        f"{right} of {len(at)} pictures (of {len(snap):,}, evenly chosen) score here as stated "
        f"within {as_set(SCORE_TOLERANCE)}, on the area and centre stated",
    )


def _why_wrong(row: dict[str, Any], read: Read, victim: Victim) -> str:
    name = f"pictures/{row['picture']}"
    pixels = decode_pixels(read(name), name=name)
    mask = read_mask(read(name.replace(".png", "-mask.png")), shape=(pixels.shape[0], pixels.shape[1]))
    with torch.no_grad():
        p = float(victim.predict(to_image(pixels)[None])[0][int(row["label"])])
    if not agree(row["p_label_after"], p, SCORE_TOLERANCE):
        return (
            f"scored here {per_cent(p, 2)} for its true class; stated is {per_cent(row['p_label_after'], 2)}"
        )
    if not agree(row["area"], area_fraction(mask), 1e-9) or (row["centre"] == "open") != touches_centre(mask):
        return "its mask has another area or another centre than stated"
    return ""
