"""Whether the table of an audit contradicts itself or what was asked."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from snapgui.audit.rows import NATURALNESS, SCHEMA, UNTOUCHED
from snapgui.audit.settings import SNAP, AuditSettings, Condition, conditions_of
from snapgui.audit.shard import SOURCE_LABELS
from snapgui.report.verify.checks import Check, compare
from snapgui.words import listed

# Of two classes the likelier one has more than a half, but for rounding.
HALF, ROUNDING, NUMBER = 0.5, 1e-6, 1e-6
_ANSWERS = ("predicted_before", "p_label_before", "predicted_after", "p_label_after")
_ABOUT = ("position", "id", "split", "label", "condition", "status", "error")
# What only an edit has.
_EDITED = tuple(name for name in SCHEMA.names if name not in _ANSWERS + _ABOUT)
Rules = Iterator[tuple[str, pd.Series]]


def check_table(rows: pd.DataFrame, settings: AuditSettings, images: int) -> Iterator[Check]:
    """One line where no row contradicts another, else one for each rule that is broken."""
    rows = rows.reset_index(drop=True)
    asked = {condition.name: condition for condition in conditions_of(settings)}
    broken, count = [], 0
    for words, bad in _rules(rows, settings, asked, images):
        count += 1
        if bad.any():
            row = rows.loc[bad.idxmax()]
            broken.append(
                compare(
                    False,
                    f"rows.parquet: {words} in {int(bad.sum()):,} of its rows, the first of them image "
                    f"{str(row['id'])[:40]}, {str(row['condition'])[:40]}",
                )
            )
    yield from broken
    if not broken:
        yield compare(True, f"none of the {len(rows):,} rows contradicts itself or another, by {count} rules")
    there = list(dict.fromkeys(str(name) for name in rows["condition"]))
    unknown = [name[:40] for name in there if name not in asked and name != UNTOUCHED]
    missing = [name for name in asked if name not in there]
    for names, words in (
        (unknown, "this version knows no such conditions of these settings"),
        (missing, "the audit has no rows of these conditions, which are measured today"),
    ):
        if names and len(there) > 1:
            yield Check("stated", f"{listed(names[:20])}: {words}")


def _rules(rows: pd.DataFrame, settings: AuditSettings, asked: dict[str, Condition], images: int) -> Rules:
    """Rules in words, each with the rows that break it."""
    untouched = rows["condition"] == UNTOUCHED
    measured = ~untouched & (rows["status"] == "measured")
    first = rows[untouched].drop_duplicates("position").set_index("position")
    at = rows["position"]
    yield (
        "not every image has one row of its own",
        pd.Series(
            int(untouched.sum()) != images
            or set(rows.loc[untouched, "position"]) != set(range(int(untouched.sum()))),
            index=rows.index,
        ),
    )
    for name in ("id", "split", "label"):
        yield f"an image has more than one {name}", _differ(rows[name], at.map(first[name]))
    yield "the label is neither 0 nor 1", ~rows["label"].isin([0, 1])
    yield (
        f"the split is not {settings.split}, which was asked for",
        (rows["split"] != settings.split) if settings.split else pd.Series(False, index=rows.index),
    )
    yield (
        f"more images than the {settings.limit} asked for",
        pd.Series(bool(settings.limit) and images > (settings.limit or 0), index=rows.index),
    )
    yield from _answers(rows, untouched, measured, first, settings)
    yield from _statuses(rows, untouched, settings)
    yield from _edits(rows, measured, asked, settings)
    yield from _complete(rows, untouched, first)


def _answers(
    rows: pd.DataFrame,
    untouched: pd.Series,
    measured: pd.Series,
    first: pd.DataFrame,
    settings: AuditSettings,
) -> Rules:
    for when in ("before", "after"):
        p, predicted = rows[f"p_label_{when}"], rows[f"predicted_{when}"]
        yield f"p_label_{when} is no probability", p.notna() & ~p.between(0, 1)
        yield (
            f"predicted_{when} contradicts p_label_{when}",
            ((p > HALF + ROUNDING) & (predicted != rows["label"]))
            | ((p < HALF - ROUNDING) & (predicted != 1 - rows["label"])),
        )
        yield (
            f"predicted_{when} and p_label_{when} are not both there",
            (p.isna() != predicted.isna()) | (p.isna() & (measured | (untouched & _seen(rows)))),
        )
    for name in ("p_label", "predicted"):
        yield (
            f"{name}_after of an untouched image is not {name}_before",
            untouched & _differ(rows[f"{name}_before"], rows[f"{name}_after"]),
        )
        yield (
            f"{name}_before is not that of the untouched image",
            measured & _differ(rows[f"{name}_before"], rows["position"].map(first[f"{name}_before"])),
        )
    yield (
        "flipped or reached_goal is not there",
        measured & rows[["flipped", "reached_goal"]].isna().any(axis=1),
    )
    yield (
        "flipped contradicts predicted_after",
        measured & _differ(rows["flipped"].eq(True), rows["predicted_after"] != rows["label"]),
    )
    reached = 1 - rows["p_label_after"] >= settings.attack.confidence
    yield (
        "reached_goal contradicts p_label_after",
        measured & _differ(rows["reached_goal"].eq(True), reached),
    )


def _seen(rows: pd.DataFrame) -> pd.Series:
    return rows["status"] != "unreadable"


def _statuses(rows: pd.DataFrame, untouched: pd.Series, settings: AuditSettings) -> Rules:
    right = rows["predicted_before"] == rows["label"]
    chosen = rows["label"].isin(SOURCE_LABELS[settings.source])
    status = np.select([~right, chosen], ["wrong before", "attacked"], "other class")
    yield (
        "the status does not follow from label and answer",
        untouched & _seen(rows) & (rows["status"] != status),
    )
    yield (
        "the status is none of a condition",
        ~untouched & ~rows["status"].isin(["measured", "no room"]),
    )
    edited = rows[[name for name in _EDITED if name in rows]].notna().any(axis=1)
    answered = rows[list(_ANSWERS)].notna().any(axis=1)
    after = rows[["predicted_after", "p_label_after"]].notna().any(axis=1)
    yield "an image without room has results", (rows["status"] == "no room") & (edited | after)
    yield "an untouched image has results of an edit", untouched & edited
    yield "an unreadable image has an answer", ~_seen(rows) & answered
    yield (
        "an error is told where there was none",
        rows["error"].notna() & ~rows["status"].isin(["unreadable", "no room"]),
    )


def _edits(
    rows: pd.DataFrame, measured: pd.Series, asked: dict[str, Condition], settings: AuditSettings
) -> Rules:
    limit = settings.attack.steps * (settings.attack.restarts + 1)
    conditions = rows["condition"].map(asked)
    kind = conditions.map(lambda one: one.kind if isinstance(one, Condition) else None)
    optimised = kind.isin(["attack", "square", "whole"])
    steps, best = rows["steps"], rows["best_step"]
    yield (
        "steps and the step kept are beyond what was asked",
        measured & optimised & ~((best >= 0) & (best <= steps) & (steps <= limit)),
    )
    yield (
        "a filling has steps",
        measured & kind.isin(["fill", "sham"]) & (steps.notna() | best.notna()),
    )
    yield "the area is no share of the pixels", measured & ~rows["area"].between(0, 1, inclusive="right")
    closed = conditions.map(lambda one: isinstance(one, Condition) and one.cells.centre == "excluded")
    yield (
        "the centre is open where it was to be excluded",
        measured & closed & (kind != "whole") & (rows["centre"] != "excluded"),
    )
    yield "the centre is neither open nor excluded", measured & ~rows["centre"].isin(["open", "excluded"])
    # The controls lie in SNAP's own cells.
    snap = rows[measured & (rows["condition"] == SNAP)].drop_duplicates("position").set_index("position")
    same_cells = conditions.map(
        lambda one: (
            isinstance(one, Condition)
            and SNAP in asked
            and (one.cells, one.attack) == (asked[SNAP].cells, asked[SNAP].attack)
        )
    )
    # The square of earlier versions was a little larger or smaller.
    there = measured & same_cells & rows["position"].isin(snap.index) & ~kind.isin(["whole", "square"])
    yield (
        "the area is not that of SNAP's cells",
        there & _differ(rows["area"], rows["position"].map(snap["area"])),
    )
    yield (
        "the centre is not that of SNAP's cells",
        there & _differ(rows["centre"], rows["position"].map(snap["centre"])),
    )
    # Outside the mask nothing changes.
    spread = rows["mean_de00_mask"] * rows["area"] - rows["mean_de00_whole"]
    yield "the colour differs by more than in the mask", measured & ~(spread.abs() <= NUMBER)
    yield (
        "a measure of visibility is out of its range",
        measured
        & ~(
            rows["ssim_mask"].between(-1, 1 + NUMBER)
            & rows["ssim_whole"].between(-1, 1 + NUMBER)
            & (rows[["mean_de00_mask", "p95_de00_mask"]].min(axis=1, skipna=False) >= 0)
            & ~(rows["psnr_whole_db"] <= 0)
            # Without end where nothing changed.
            & (rows["psnr_whole_db"].notna() | (rows["mean_de00_whole"] == 0))
        ),
    )
    named = measured & (rows["condition"] == SNAP) & rows["picture"].notna()
    wanted = rows["position"].map(lambda position: f"{int(position):07d}.png")
    yield (
        "a picture is not called after its image",
        (named & (rows["picture"] != wanted)) | (~named & rows["picture"].notna()),
    )
    if set(NATURALNESS) <= set(rows):
        counts = rows[["picked_out", "picked_out_before"]].max(axis=1) > rows["cells"]
        shares = rows[["beyond_stains", "own_beyond_stains"]]
        there = rows[[name for name in NATURALNESS if name != "beyond_stains"]].notna().all(axis=1)
        yield "SNAP is not told how natural it is", measured & (rows["condition"] == SNAP) & ~there
        yield "more cells are picked out than there are", counts
        yield "a share beyond the stains is no share", ((shares < 0) | (shares > 1)).any(axis=1)
        yield (
            "naturalness is told of more than SNAP",
            rows[list(NATURALNESS)].notna().any(axis=1) & (rows["condition"] != SNAP),
        )


def _complete(rows: pd.DataFrame, untouched: pd.Series, first: pd.DataFrame) -> Rules:
    attacked = set(first.index[first["status"] == "attacked"])
    incomplete = pd.Series(False, index=rows.index)
    for name, part in rows[~untouched].groupby("condition", sort=False):
        measured = part[part["status"] == "measured"]
        times = measured["position"].value_counts()
        draws = int(times.max()) if len(times) else 1
        whole = set(part["position"]) == attacked and bool((times == draws).all())
        one = part[part["status"] != "measured"]["position"]
        if "draw" in rows and draws > 1:
            whole &= all(set(draw) == set(range(draws)) for _, draw in measured.groupby("position")["draw"])
        elif "draw" in rows:
            whole &= bool(measured["draw"].isna().all())
        if not whole or one.duplicated().any() or set(one) & set(times.index):
            incomplete |= rows["condition"] == name
    yield "a condition lacks attacked images or draws, or has others or some too often", incomplete


def _differ(one: pd.Series, other: Any) -> pd.Series:
    """Where two columns differ; two empty places do not."""
    return (one != other) & ~(one.isna() & pd.Series(other, index=one.index).isna())
