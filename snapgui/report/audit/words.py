"""An audit in sentences, and the figures that they are made of."""

import math
from typing import Any

import pandas as pd

from snapgui.audit.settings import SNAP, conditions_of
from snapgui.report.audit.files import AuditFiles
from snapgui.runs.picture_text import audit_text
from snapgui.words import NONE, with_interval

PEOPLE = {
    "metastasis": "metastases that the model recognised",
    "normal": "normal patches that the model recognised",
    "both": "patches that the model classified correctly",
}
CENTRE_WORDS = {
    "open": (
        "The centre was open: cells may lie in the central 32 px, on which the true class rests, so "
        "some patches may have changed the truth itself"
    ),
    "excluded": "The centre was excluded: no cell lies in the central 32 px, on which the true class rests",
}


def audit_verdict(audit: AuditFiles) -> str:
    """What came out, each share with its interval and the control beside it."""
    snap, median = find(audit, SNAP), find(audit, "median colour")
    people = PEOPLE[audit.settings.source]
    if snap is None or not snap["flipped"]["of"]:
        return f"No image could be attacked: there were no {people}, or the cells found no room on them."
    control = (
        f"; the same cells in the median colour, not optimised, {with_interval(median['flipped'])}"
        if median
        else ""
    )
    return (
        f"Of {snap['flipped']['of']:,} {people}, SNAP made the model say the other class for "
        f"{with_interval(snap['flipped'])}{control}. "
        f"Accuracy {with_interval(audit.summary['before']['accuracy'])} before, "
        f"{with_interval(snap['accuracy'])} with the attacked images in their place."
    )


def area_and_centre(audit: AuditFiles) -> str:
    """The area that the cells covered, and whether they could lie in the centre."""
    snap = find(audit, SNAP)
    area = (
        median_words(measured_rows(audit, SNAP)["area"] * 100, "{:.2f}")
        if snap and snap["flipped"]["of"]
        else NONE
    )
    return (
        f"Area of the cells in per cent of the pixels, median (95 % interval): {area}. "
        f"{CENTRE_WORDS[audit.settings.cells.centre]}."
    )


def find(audit: AuditFiles, name: str) -> dict[str, Any] | None:
    """The figures of one condition, None where it was not measured."""
    return next((one for one in audit.summary["conditions"] if one["condition"] == name), None)


def condition_words(audit: AuditFiles) -> dict[str, str]:
    """What is read for each condition, by its name in the table."""
    return {
        one.name: f"{SNAP}, centre {one.cells.centre}"
        if one.name == SNAP
        else f"{one.name} (control)"
        if one.kind == "fill"
        else one.name
        for one in conditions_of(audit.settings)
    }


def measured_rows(audit: AuditFiles, name: str) -> pd.DataFrame:
    """Rows of the images that a condition altered."""
    return audit.rows[(audit.rows["condition"] == name) & (audit.rows["status"] == "measured")]


def median_words(values: pd.Series, form: str) -> str:
    """A median with the exact interval of its order statistics, such as ``4.9 (4.7 to 5.2)``."""
    from scipy.stats import binom

    ordered = sorted(float(value) for value in values.dropna() if math.isfinite(value))
    if not ordered:
        return NONE
    middle = form.format(float(pd.Series(ordered).median()))
    rank = int(binom.ppf(0.025, len(ordered), 0.5))
    return f"{middle} ({form.format(ordered[rank - 1])} to {form.format(ordered[-rank])})" if rank else middle


def provenance(audit: AuditFiles, comment: str) -> dict[str, str]:
    """Texts for the pictures and files that leave the tool."""
    return audit_text(audit.about, audit.folder.name, comment)
