"""An audit in words and tables: plain functions from figures to what a pathologist reads. No Streamlit in
here.
"""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from snapgui.audit.rows import UNTOUCHED
from snapgui.audit.settings import SNAP, AuditSettings, Condition, conditions_of
from snapgui.engine.settings import AttackSettings, CellSettings
from snapgui.ui.parts.words import GAMUT_WORDS, PLACEMENT_WORDS
from snapgui.words import per_cent

Figures = dict[str, Any]
NONE = "–"
CONDITIONS_HELP = (
    "SNAP: the colours of the cells are optimised. Median colour, random colours, real nuclei: the same "
    "cells, filled without optimisation. One square: one square of the same area is optimised instead of "
    "cells. Any colour: without the limit to the image's own colours. Whole image, 2/255: every pixel is "
    "changed, each by at most 2 of 255 levels."
)
COST_HELP = (
    "Medians over the images. Colour difference inside the cells: CIEDE2000, below 1 invisible, above 5 "
    "plain at a glance. Likeness of the whole image: SSIM, 1 is the same. Steps: until the goal was "
    "reached, counting the images that reached it. No room: images on which the cells did not find place."
)


def attack_words(cells: CellSettings, attack: AttackSettings) -> str:
    """Settings of cells and attack on one line."""
    return (
        f"{cells.count} cell{'' if cells.count == 1 else 's'}, {cells.area * 100:g} % of the pixels, "
        f"{PLACEMENT_WORDS[cells.placement].lower()}, centre {cells.centre}, "
        f"{GAMUT_WORDS[attack.gamut].lower()}, {attack.steps} steps, goal {attack.confidence * 100:g} %"
    )


def share_words(one: Figures) -> str:
    """A share with its interval, such as ``79.2 % (72 to 85)``."""
    if one["share"] is None:
        return NONE
    low, high = one["interval"]
    return f"{per_cent(one['share'])} ({low * 100:.0f} to {high * 100:.0f})"


def only_share(one: Figures) -> str:
    """A share without its interval."""
    return NONE if one["share"] is None else per_cent(one["share"])


def find_condition(summary: Figures, name: str) -> Figures | None:
    """The figures of one condition, None where it was not measured."""
    return next((one for one in summary["conditions"] if one["condition"] == name), None)


def verdict(summary: Figures, settings: AuditSettings) -> str:
    """What the audit found, in two sentences."""
    snap, median = find_condition(summary, SNAP), find_condition(summary, "median colour")
    people, answer = {
        "metastasis": ("metastases that the model recognised", "made it call {} normal"),
        "normal": ("normal patches that the model recognised", "made it call {} metastasis"),
        "both": ("patches that the model classified correctly", "made it say the wrong class for {}"),
    }[settings.source]
    if snap is None or not snap["flipped"]["of"]:
        return f"No image could be attacked: there were no {people}, or the cells found no room on them."
    of = snap["flipped"]["of"]
    control = f"; the same cells in the median colour {only_share(median['flipped'])}" if median else ""
    return (
        f"Of {of:,} {people}, SNAP {answer.format(share_words(snap['flipped']))}{control}. "
        f"Accuracy {only_share(summary['before']['accuracy'])} → {only_share(snap['accuracy'])}."
    )


def circumstances(summary: Figures, settings: AuditSettings) -> str:
    """Area, centre and what was measured, beside the verdict."""
    snap = find_condition(summary, SNAP)
    area = snap["medians"].get("area") if snap else None
    covered = "" if area is None else f"The cells covered {per_cent(area)} of the pixels (median). "
    other = "excluded" if settings.cells.centre == "open" else "open"
    beside = find_condition(summary, f"{SNAP}, centre {other}")
    centre = (
        "The centre was open: cells may lie in the central 32 px, where the true class is decided"
        if settings.cells.centre == "open"
        else "The centre was excluded: no cell lies in the central 32 px, where the true class is decided"
    )
    against = (
        f"; with the centre {other}, SNAP fooled the model on {share_words(beside['flipped'])}"
        if beside
        else ""
    )
    no_room = (
        f" On {snap['no_room']:,} further images the cells found no room." if snap and snap["no_room"] else ""
    )
    unreadable = summary["before"]["unreadable"]
    unread = f" {unreadable:,} images could not be read." if unreadable else ""
    return (
        f"{covered}{centre}{against}. Brackets: 95 % interval. Everything was measured on the saved "
        f"PNGs.{no_room}{unread}"
    )


def paper_area_words(summary: Figures) -> str:
    """At which area accuracy falls to what the paper reports; empty where that was not asked."""
    found = summary.get("area_of_paper")
    if not found or "paper" not in summary:
        return ""
    where = [
        f"{area * 100:g} % with the centre {centre}" if area else f"none with the centre {centre}"
        for centre, area in found.items()
    ]
    return (
        "Smallest area at which accuracy falls to the paper's "
        f"{summary['paper']['accuracy_after'] * 100:.1f} %: {', '.join(where)}."
    )


def effect_table(
    summary: Figures, settings: AuditSettings, names: Sequence[str], *, paper: bool
) -> dict[str, list[str]]:
    """How often the model was fooled and what that does to its figures; the untouched images first, the
    paper's row last.
    """
    before = summary["before"]
    words = names_of(settings)
    rows = [
        (
            words[UNTOUCHED],
            NONE,
            NONE,
            NONE,
            *(only_share(before[name]) for name in ("accuracy", "sensitivity", "specificity")),
        )
    ]
    asked = {condition.name: condition for condition in conditions_of(settings)}
    for name in names:
        one = find_condition(summary, name)
        if one is not None:
            rows.append(
                (
                    words.get(name, name),
                    centre_of(asked.get(name)),
                    share_words(one["flipped"]),
                    only_share(one["reached_goal"]),
                    f"{only_share(before['accuracy'])} → {only_share(one['accuracy'])}",
                    only_share(one["sensitivity"]),
                    only_share(one["specificity"]),
                )
            )
    printed = summary.get("paper")
    if paper and printed:
        accuracy = f"{printed['accuracy_before'] * 100:.2f} % → {printed['accuracy_after'] * 100:.1f} %"
        rows.append(
            (
                "*the paper's SNAP, on its training patches*",
                *("*not given*",) * 3,
                f"*{accuracy}*",
                *("*not given*",) * 2,
            )
        )
    titles = (
        "Condition",
        "Centre",
        "Model fooled (95 % interval)",
        "Goal reached",
        "Accuracy",
        "Sensitivity",
        "Specificity",
    )
    return dict(zip(titles, map(list, zip(*rows, strict=True)), strict=True))


def cost_table(summary: Figures, settings: AuditSettings, names: Sequence[str]) -> dict[str, list[str]]:
    """What each condition took: area, steps, seconds, and how visible it is."""
    rows, words = [], names_of(settings)
    for one in filter(None, (find_condition(summary, name) for name in names)):
        medians = one["medians"]
        rows.append(
            (
                words.get(one["condition"], one["condition"]),
                number(medians.get("area"), "{:.1%}").replace("%", " %"),
                number(medians.get("mean_de00_mask"), "{:.1f}"),
                number(medians.get("ssim_whole"), "{:.3f}"),
                number(one.get("median_steps_to_goal"), "{:.0f}"),
                number(one.get("seconds_per_image"), "{:.2f} s"),
                f"{one['no_room']:,}",
            )
        )
    titles = (
        "Condition",
        "Area",
        "Colour difference in the cells",
        "Likeness of the whole image",
        "Steps to the goal",
        "Time an image",
        "No room",
    )
    return dict(zip(titles, map(list, zip(*rows, strict=True)), strict=True)) if rows else {}


def centre_of(condition: Condition | None) -> str:
    """Whether a condition leaves the centre open, as it was asked."""
    if condition is None:
        return NONE
    return "open" if condition.kind == "whole" else condition.cells.centre


def number(value: float | None, form: str) -> str:
    """A figure, or a dash where there is none."""
    return NONE if value is None else form.format(value)


def surest_and_hardest(rows: pd.DataFrame, count: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """SNAP's pictures that fool the model most surely, and those that came nearest to holding, ``count`` each
    at most, none twice.
    """
    snap = rows[
        (rows["condition"] == SNAP) & (rows["status"] == "measured") & rows["picture"].notna()
    ].sort_values("p_label_after", kind="stable")
    fooled = snap[snap["flipped"].astype(bool)].head(count)
    rest = snap[~snap["position"].isin(fooled["position"])]
    return fooled, rest.iloc[::-1].head(count)


def names_of(settings: AuditSettings) -> dict[str, str]:
    """What people read for each condition of an audit, by its name in the table."""
    return {UNTOUCHED: "untouched images"} | {
        condition.name: _name(condition) for condition in conditions_of(settings)
    }


def _name(condition: Condition) -> str:
    if condition.name == SNAP:
        return f"{SNAP}, centre {condition.cells.centre}"
    if condition.group == "gamut":
        return GAMUT_WORDS[condition.attack.gamut]
    if condition.group == "placement":
        return f"{PLACEMENT_WORDS[condition.cells.placement]}, centre {condition.cells.centre}"
    return condition.name
