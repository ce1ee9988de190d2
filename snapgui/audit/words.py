"""An audit in sentences and tables, as a pathologist reads them: the app and the reports tell the same."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from snapgui.audit.choose import Numbers, goal_reached, measured_rows, numbers_of
from snapgui.audit.read import FinishedAudit
from snapgui.audit.rows import UNTOUCHED
from snapgui.audit.settings import AREAS, SNAP, AuditSettings, Condition, conditions_of
from snapgui.audit.summary import area_interval, image_means
from snapgui.engine.settings import AttackSettings, CellSettings, colours_words
from snapgui.words import (
    CENTRE_WORDS,
    GAMUT_WORDS,
    NONE,
    PLACEMENT_WORDS,
    as_set,
    below_chance,
    counted,
    number,
    per_cent,
    with_count,
    with_interval,
)

Columns = dict[str, list[str]]
GROUP_WORDS = {
    "area": f"Areas {as_set(min(AREAS))} to {as_set(max(AREAS))}",
    "cells": "Numbers of cells",
    "gamut": "Colours allowed",
    "placement": "Places of the cells",
}
# Of each true class that can be attacked: who was attacked, and what it means to be fooled.
_ATTACKED = {
    "metastasis": ("metastases", "call {} recognised metastases normal"),
    "normal": ("normal patches", "call {} recognised normal patches metastasis"),
    "both": ("patches", "give the wrong class for {} patches that it had classified correctly"),
}
_CENTRE = {
    "open": "Cells were allowed in the central 32 px, on which the true class rests, so some patches may "
    "have changed the truth itself",
    "excluded": "Cells were kept out of the central 32 px, on which the true class rests",
}
CONDITIONS_HELP = (
    "SNAP: the colours of the cells are optimised. Median colour, random colours, retouch or nuclei, real "
    "nuclei: controls, the same cells filled without optimisation; random ones are drawn five times for each"
    " image, and the interval counts images, not draws. Best of 50 draws: of so many random ones the one "
    "that helps most, since SNAP too keeps the best of its steps. Sham: what SNAP made of each cell, "
    "mirrored within it, so that all but the place of each change agrees. One square: one square of the same"
    " area, to the pixel, is optimised instead of cells. Any colour: without the limit to the image's own "
    "colours. Whole image, 2/255: every pixel is changed, each by at most 2 of 255 levels. No room: images "
    "on which the cells found no place."
)
EVERYBODY = "The model on all images, with the altered ones in their place"
ONE_CLASS = (
    "Since only one class is attacked, accuracy cannot fall below the share of the other; how often the "
    "model was fooled says more."
)
COST_HELP = (
    "Medians over the images, with the 95 % interval of the median from its order statistics (none below six "
    "images); the time is a mean over the attacked images. Colour difference: CIEDE2000, below 1 invisible, "
    "above 5 plain at a glance. Similarity: SSIM, 1 is the same. Steps: until the goal was reached, of the "
    "images that reached it. Measures predict what readers see; only a reader study shows it."
)
DOTS_CAPTION = "How often the model was fooled; bars are 95 % intervals."
AREA_CAPTION = (
    "How often the model was fooled, by area; bars are 95 % intervals, drawn a little apart where they would "
    "hide each other."
)


def settings_words(cells: CellSettings, attack: AttackSettings) -> str:
    """Settings of cells and attack on one line."""
    colours = colours_words(attack)
    every = cells.placement == "all_nuclei"
    number = "" if every else f"{counted(cells.count, 'cell')}, "
    return (
        f"{number}{'at most ' if every else ''}{as_set(cells.area)} of the pixels, "
        f"{PLACEMENT_WORDS[cells.placement].lower()}, {CENTRE_WORDS[cells.centre]}, "
        f"{colours}, {counted(attack.steps, 'step')}, "
        f"goal {as_set(attack.confidence)}"
    )


def condition_names(settings: AuditSettings) -> dict[str, str]:
    """What people read for each condition of an audit, by its name in the table."""
    return {UNTOUCHED: "untouched images"} | {
        condition.name: _name(condition) for condition in conditions_of(settings)
    }


def _name(condition: Condition) -> str:
    centre = CENTRE_WORDS[condition.cells.centre]
    if condition.name.startswith(SNAP):
        return f"{SNAP}, {centre}"
    if condition.group == "area":
        return f"area {as_set(condition.cells.area)}, {centre}"
    if condition.group == "gamut":
        return GAMUT_WORDS[condition.attack.gamut]
    if condition.group == "placement":
        return f"{PLACEMENT_WORDS[condition.cells.placement]}, {centre}"
    return f"{condition.name} (control)" if condition.kind in ("fill", "sham") else condition.name


def headline(audit: FinishedAudit) -> str:
    """What came out, in one sentence with its count and its interval."""
    snap = numbers_of(audit, SNAP)
    attacked, answer = _ATTACKED[audit.settings.source]
    if snap is None or not snap["flipped"]["of"]:
        return (
            f"No image could be attacked: the model recognised none of the {attacked}, or the cells found no "
            "room on them."
        )
    fooled = snap["flipped"]
    count = f"{fooled['count']:,} of {fooled['of']:,}"
    return f"SNAP made the model {answer.format(count)}: {with_interval(fooled)}."


def beside(audit: FinishedAudit) -> str:
    """What the headline needs beside it: a control, accuracy before and after, doubts about the model."""
    snap, median = numbers_of(audit, SNAP), numbers_of(audit, "median colour")
    before = audit.summary["before"]["accuracy"]
    told = []
    if snap is not None and snap["flipped"]["of"]:
        if median:
            told.append(
                f"The same cells in the median colour, not optimised: {with_count(median['flipped'])}."
            )
        told.append(
            f"Accuracy {with_interval(before)} before, {with_interval(snap['accuracy'])} with the attacked "
            "images in their place."
        )
    return " ".join(filter(None, [*told, below_chance(before)]))


def verdict(audit: FinishedAudit) -> str:
    """What came out, each share with its count and interval, and the control beside it."""
    return f"{headline(audit)} {beside(audit)}".strip()


def area_and_centre(audit: FinishedAudit) -> str:
    """The area that the cells covered, whether they could lie in the centre, and what it is otherwise."""
    rows, asked = measured_rows(audit, SNAP), audit.settings.cells.centre
    area = median_words(rows["area"] * 100, "{:.1f}", " %")
    covered = f"The cells covered {area} of the pixels (median). " if len(rows) else ""
    other = "excluded" if asked == "open" else "open"
    elsewhere = numbers_of(audit, f"{SNAP}, centre {other}")
    against = (
        f"; with {CENTRE_WORDS[other]}, SNAP fooled the model on {with_count(elsewhere['flipped'])}"
        if elsewhere and elsewhere["flipped"]["of"]
        else ""
    )
    return f"{covered}{_CENTRE[asked]}{against}."


def naturalness(audit: FinishedAudit) -> str:
    """How natural SNAP's pictures are; empty without any, and in audits of before it was measured."""
    rows = measured_rows(audit, SNAP)
    if "picked_out" not in rows or rows["picked_out"].isna().all():
        return ""
    picked, before = (rows[name] / rows["cells"] for name in ("picked_out", "picked_out_before"))
    beyond = rows["beyond_stains"] - rows["own_beyond_stains"]
    return (
        "How natural SNAP's pictures are (medians over the images): colour differs by "
        f"{median_words(rows['mean_de00_mask'], '{:.1f}')} CIEDE2000 in the mask; the shipped detector picks "
        f"out {median_words(picked * 100, '{:.1f}', ' %')} of the cells, "
        f"{median_words(before * 100, '{:.1f}', ' %')} at the same places before; changed colours beyond the "
        f"image's stains: {median_words(beyond * 100, '{:+.1f}', ' points')} against its own."
    )


def counts(audit: FinishedAudit) -> str:
    """How many images were attacked, and why others were not."""
    before, snap = audit.summary["before"], numbers_of(audit, SNAP)
    no_room = f", {snap['no_room']:,} without room for the cells" if snap and snap["no_room"] else ""
    return (
        f"{before['images']:,} images: {before['attacked']:,} attacked (recognised and of the class "
        f"attacked){no_room}, {before['unreadable']:,} unreadable. Brackets are 95 % intervals; all was "
        "measured on the saved 8-bit PNGs."
    )


def paper_words(audit: FinishedAudit) -> str:
    """What the SNAP paper reports, to compare with; empty in summaries without it."""
    paper = audit.summary.get("paper")
    if not paper:
        return ""
    return (
        f"The SNAP paper, on its training patches: accuracy {per_cent(paper['accuracy_before'])} before, "
        f"{per_cent(paper['accuracy_after'])} after; it gives no area, no steps and no interval."
    )


def paper_area_words(audit: FinishedAudit) -> str:
    """At which area accuracy falls to what the paper reports; empty where that was not asked."""
    found = audit.summary.get("area_of_paper")
    if not found or "paper" not in audit.summary:
        return ""
    where = [
        f"{as_set(area) if area else 'none'} with {CENTRE_WORDS[centre]}" for centre, area in found.items()
    ]
    level = audit.summary["paper"]["accuracy_after"]
    between = [
        f"{interval_words(area_interval(audit.rows, centre, level))} with {CENTRE_WORDS[centre]}"
        for centre, area in found.items()
        if area
    ]
    read = f" Read between the areas asked: {', '.join(between)}." if between else ""
    return (
        f"Smallest area at which accuracy falls to the paper's {per_cent(level)}: {', '.join(where)}.{read}"
    )


def interval_words(area: tuple[float, float, float]) -> str:
    """An area of `area_interval`, such as ``3.2 % (95 % interval 2.4 % to more than asked)``."""
    middle, low, high = ("more than asked" if math.isinf(end) else per_cent(end) for end in area)
    return f"{middle} (95 % interval {low} to {high})"


def goal_caption(audit: FinishedAudit) -> str:
    """What the curves of `goal_curves` show."""
    goal = as_set(audit.settings.attack.confidence)
    if goal_reached(audit):
        return f"How soon: share of the attacked images for which the wrong class had {goal} or more."
    return (
        "How soon: share of the attacked images of which the model changed its class; none reached the goal "
        f"of {goal}. The step is that of the picture that was kept."
    )


def effect_table(audit: FinishedAudit, names: Sequence[str]) -> Columns:
    """How often each condition fooled the model."""
    titles = (
        "Condition",
        "Model fooled (95 % interval)",
        f"Goal of {as_set(audit.settings.attack.confidence)} reached",
        "Fooled, a cell in the centre",
        "Fooled, no cell in the centre",
        "No room",
    )
    return _columns(
        titles,
        (
            (
                name,
                with_count(row["flipped"]),
                with_interval(row["reached_goal"]),
                with_interval(row["flipped_by_centre"]["open"]),
                with_interval(row["flipped_by_centre"]["excluded"]),
                f"{row['no_room']:,}",
            )
            for name, row in _named(audit, names)
        ),
    )


def accuracy_table(audit: FinishedAudit, names: Sequence[str]) -> Columns:
    """What that does to the model on all images; the untouched ones first."""
    parts = ("accuracy", "sensitivity", "specificity")
    rows = [(condition_names(audit.settings)[UNTOUCHED], audit.summary["before"]), *_named(audit, names)]
    return _columns(
        ("Condition", *map(str.capitalize, parts)),
        ((name, *(with_interval(row[part]) for part in parts)) for name, row in rows),
    )


def cost_table(audit: FinishedAudit, names: Sequence[str]) -> Columns:
    """What each condition took: area, steps, seconds, and how visible it is."""
    titles = (
        "Condition",
        "Area, per cent",
        "Colour difference in the cells",
        "95th percentile",
        "Similarity (SSIM), whole image",
        "Step kept" if audit.settings.attack.least_change else "Steps to the goal",
        "Time per image",
    )
    rows = []
    for name, row in _named(audit, names):
        part = measured_rows(audit, row["condition"])
        reached = part[part["reached_goal"].astype(bool)]
        rows.append(
            (
                name,
                median_words(image_means(part, "area") * 100, "{:.1f}"),
                median_words(image_means(part, "mean_de00_mask"), "{:.1f}"),
                median_words(image_means(part, "p95_de00_mask"), "{:.1f}"),
                median_words(image_means(part, "ssim_whole"), "{:.3f}"),
                median_words(reached["best_step"], "{:.0f}"),
                number(row.get("seconds_per_image"), "{:.2f} s"),
            )
        )
    return _columns(titles, rows)


def median_words(values: pd.Series, form: str, unit: str = "") -> str:
    """A median with the exact interval of its order statistics, such as ``4.9 (4.7 to 5.2)``."""
    from scipy.stats import binom

    ordered = sorted(float(value) for value in values.dropna() if math.isfinite(value))
    if not ordered:
        return NONE
    middle = form.format(float(pd.Series(ordered).median())) + unit
    rank = int(binom.ppf(0.025, len(ordered), 0.5))
    return f"{middle} ({form.format(ordered[rank - 1])} to {form.format(ordered[-rank])})" if rank else middle


def table_text(audit: FinishedAudit) -> str:
    """The audit for a terminal: the conditions in plain columns, and what came out."""
    titles = ("condition", "fooled", "goal", "accuracy", "sens.", "spec.", "area", "steps", "dE00", "no room")
    before = audit.summary["before"]
    rows: list[tuple[str, ...]] = [
        titles,
        ("untouched images", NONE, NONE, *_shares(before), NONE, NONE, NONE, NONE),
    ]
    for name, row in _named(audit, condition_names(audit.settings)):
        area, steps = row["medians"]["area"], row["median_steps_to_goal"]
        rows.append(
            (
                name,
                with_interval(row["flipped"]),
                _share(row["reached_goal"]),
                *_shares(row),
                NONE if area is None else per_cent(area),
                number(steps, "{:.0f}"),
                number(row["medians"]["mean_de00_mask"], "{:.1f}"),
                f"{row['no_room']:,}",
            )
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows]
    told = (verdict, area_and_centre, naturalness, counts, paper_area_words, paper_words)
    return "\n".join([*lines, *filter(None, (words(audit) for words in told))])


def _shares(row: Numbers) -> tuple[str, ...]:
    return tuple(_share(row[part]) for part in ("accuracy", "sensitivity", "specificity"))


def _share(proportion: Numbers) -> str:
    return NONE if proportion["share"] is None else per_cent(proportion["share"])


def _named(audit: FinishedAudit, names: Iterable[str]) -> list[tuple[str, Numbers]]:
    words = condition_names(audit.settings)
    found = ((words.get(name, name), numbers_of(audit, name)) for name in names)
    return [(name, row) for name, row in found if row is not None]


def _columns(titles: Sequence[str], rows: Iterable[Sequence[Any]]) -> Columns:
    listed = list(rows)
    return {title: [str(row[place]) for row in listed] for place, title in enumerate(titles)}
