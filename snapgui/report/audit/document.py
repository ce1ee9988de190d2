"""The report of an audit: every share with its count and interval, controls beside SNAP, area, centre, worst
failures, origin.
"""

from collections.abc import Sequence
from typing import Any

from snapgui.audit.settings import GROUPS, SNAP, Condition, conditions_of
from snapgui.audit.summary import goal_curve
from snapgui.report.audit.charts import area_png, dots_png, goal_png
from snapgui.report.audit.files import AuditFiles
from snapgui.report.audit.gallery import gallery_sections
from snapgui.report.audit.words import (
    area_and_centre,
    audit_verdict,
    condition_words,
    find,
    measured_rows,
    median_words,
    provenance,
)
from snapgui.report.bundle.manifest import NOTICE
from snapgui.report.pages.document import Document, Picture, Section, Table, settings_table
from snapgui.words import number, with_count, with_interval

GROUP_TITLES = {
    "area": "By area",
    "cells": "By number of cells",
    "gamut": "By gamut",
    "placement": "By placement",
}


def audit_document(audit: AuditFiles) -> Document:
    """The report of a finished audit."""
    groups = {group: [one for one in conditions_of(audit.settings) if one.group == group] for group in GROUPS}
    sections = [_standard(audit, groups["standard"])]
    sections += [
        _group(audit, group, conditions)
        for group, conditions in groups.items()
        if group != "standard" and conditions
    ]
    return Document(
        title=f"SNAP audit of {audit.about['data']}",
        verdict=audit_verdict(audit),
        beside=_beside(audit),
        sections=(*sections, _cost(audit), *gallery_sections(audit), _origin(audit)),
        text=provenance(audit, NOTICE),
    )


def _beside(audit: AuditFiles) -> tuple[str, ...]:
    before, paper = audit.summary["before"], audit.summary.get("paper")
    other = "excluded" if audit.settings.cells.centre == "open" else "open"
    snap, against = find(audit, SNAP), find(audit, f"{SNAP}, centre {other}")
    lines = [
        area_and_centre(audit)
        + (f" With the centre {other}: {with_interval(against['flipped'])}." if against else "")
        + (
            f" On {snap['no_room']:,} further images the cells found no room."
            if snap and snap["no_room"]
            else ""
        ),
        f"{before['images']:,} images, {before['attacked']:,} attacked (recognised and of the "
        f"source class), {before['unreadable']:,} unreadable. Model {audit.about['model']}; "
        f"{str(audit.about['started'])[:10]}. "
        "Brackets are 95 % Wilson intervals, in per cent; all was measured on the saved 8-bit PNGs.",
    ]
    if paper:
        lines.append(
            f"The SNAP paper, on its training patches: accuracy {paper['accuracy_before'] * 100:.1f} % "
            f"before, {paper['accuracy_after'] * 100:.1f} % after; it gives no area, no steps and no "
            "interval."
        )
    return tuple(lines)


def _standard(audit: AuditFiles, conditions: Sequence[Condition]) -> Section:
    names = [condition.name for condition in conditions]
    snaps = [condition for condition in conditions if condition.name.startswith(SNAP)]
    measured = {f"{SNAP}, centre {one.cells.centre}": measured_rows(audit, one.name) for one in snaps}
    last = max(
        [
            audit.settings.attack.steps,
            *(int(part["best_step"].max()) for part in measured.values() if len(part["best_step"].dropna())),
        ]
    )
    pictures = [
        Picture(
            _dots(audit, conditions),
            "How often the model was fooled, with 95 % intervals; controls are not optimised.",
            860,
        )
    ]
    if any(len(part) for part in measured.values()):
        curves = {
            f"{SNAP}, centre {one.cells.centre}": goal_curve(audit.rows, one.name, last) for one in snaps
        }
        counts = {name: len(part) for name, part in measured.items()}
        kept = {name: curve for name, curve in curves.items() if counts[name]}
        goal = f"{audit.settings.attack.confidence * 100:g} %"
        pictures.append(
            Picture(
                goal_png(kept, counts, provenance(audit, "Goal reached against steps")),
                f"How soon: share of the attacked images for which the wrong class had {goal} or "
                "more; bands are 95 % intervals.",
                860,
            )
        )
    return Section(
        "SNAP and its controls",
        _limits(audit),
        tuple(pictures),
        (_effects(audit, names), _right(audit, names)),
    )


def _limits(audit: AuditFiles) -> tuple[str, ...]:
    if audit.settings.source == "both":
        return ()
    return (
        (
            "Since only one class is attacked, accuracy cannot fall below the share of the other; how "
            "often the model was fooled says more."
        ),
    )


def _group(audit: AuditFiles, group: str, conditions: Sequence[Condition]) -> Section:
    if group == "area":
        series = {
            f"centre {centre}": _found(audit, [one for one in conditions if one.cells.centre == centre])
            for centre in ("open", "excluded")
        }
        series = {
            name: kept
            for name, kept in series.items()
            if any(one["flipped"]["share"] is not None for one in kept)
        }
        picture = Picture(
            area_png(series, provenance(audit, "Model fooled against area")),
            "How often the model was fooled, by area; bars are 95 % intervals, drawn a little "
            "apart where they would hide each other.",
            860,
        )
    else:
        picture = Picture(
            _dots(audit, conditions), "How often the model was fooled, with 95 % intervals.", 860
        )
    return Section(
        GROUP_TITLES.get(group, group),
        pictures=(picture,),
        tables=(_effects(audit, [one.name for one in conditions]),),
    )


def _effects(audit: AuditFiles, names: Sequence[str]) -> Table:
    words = condition_words(audit)
    rows = tuple(
        (
            words.get(one["condition"], one["condition"]),
            with_count(one["flipped"]),
            with_interval(one["reached_goal"]),
            with_interval(one["flipped_by_centre"]["open"]),
            with_interval(one["flipped_by_centre"]["excluded"]),
            f"{one['no_room']:,}",
        )
        for one in (find(audit, name) for name in names)
        if one is not None
    )
    goal = f"Goal of {audit.settings.attack.confidence * 100:g} % reached"
    columns = (
        "Condition",
        "Model fooled",
        goal,
        "Fooled, a cell in the centre",
        "Fooled, no cell in the centre",
        "No room",
    )
    return Table(columns, rows)


def _right(audit: AuditFiles, names: Sequence[str]) -> Table:
    words, before = condition_words(audit), audit.summary["before"]
    parts = ("accuracy", "sensitivity", "specificity")
    rows = [("untouched images", *(with_interval(before[part]) for part in parts))]
    rows += [
        (words.get(one["condition"], one["condition"]), *(with_interval(one[part]) for part in parts))
        for one in (find(audit, name) for name in names)
        if one
    ]
    return Table(
        ("Condition", "Accuracy", "Sensitivity", "Specificity"),
        tuple(rows),
        "The model on all images, with the attacked ones in their place",
    )


def _cost(audit: AuditFiles) -> Section:
    words, rows = condition_words(audit), []
    for one in audit.summary["conditions"]:
        part = measured_rows(audit, one["condition"])
        reached = part[part["reached_goal"].astype(bool)]
        rows.append(
            (
                words.get(one["condition"], one["condition"]),
                median_words(part["area"] * 100, "{:.1f}"),
                median_words(part["mean_de00_mask"], "{:.1f}"),
                median_words(part["p95_de00_mask"], "{:.1f}"),
                median_words(part["ssim_whole"], "{:.3f}"),
                median_words(reached["best_step"], "{:.0f}"),
                number(one.get("seconds_per_image"), "{:.2f} s"),
            )
        )
    columns = (
        "Condition",
        "Area, per cent",
        "CIEDE2000 in the mask, mean",
        "95th percentile",
        "SSIM, whole image",
        "Steps to the goal",
        "Time an image",
    )
    note = (
        "Medians over the images, with the 95 % interval of the median from its order statistics "
        "(none below six images); the time is a mean over the attacked images. "
        "CIEDE2000: colour difference, below 1 invisible, above 5 plain at a glance. Measures "
        "predict what readers see; only a reader study shows it."
    )
    return Section("How visible, and how costly", tables=(Table(columns, tuple(rows), note=note),))


def _dots(audit: AuditFiles, conditions: Sequence[Condition]) -> bytes:
    return dots_png(
        _found(audit, conditions), condition_words(audit), provenance(audit, "How often the model was fooled")
    )


def _found(audit: AuditFiles, conditions: Sequence[Condition]) -> list[dict[str, Any]]:
    return [one for one in (find(audit, condition.name) for condition in conditions) if one is not None]


def _origin(audit: AuditFiles) -> Section:
    about = audit.about
    origin = {
        "audit": audit.folder.name,
        "fingerprint": about.get("fingerprint"),
        "started": about.get("started"),
        "device": about.get("device"),
        "model": about.get("model"),
        "model SHA-256": about.get("model_sha256"),
        "data set": about.get("data"),
        "versions": ", ".join(f"{name} {one}" for name, one in about.get("versions", {}).items()),
    }
    return Section(
        "Where the figures come from",
        (
            (
                "The bundle of this audit can be checked on any computer: python -m snapgui verify "
                f"{audit.folder.name}.zip"
            ),
        ),
        tables=(settings_table("Origin", origin), settings_table("Settings", audit.settings.to_json())),
    )
