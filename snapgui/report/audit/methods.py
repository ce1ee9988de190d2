"""What was done in an audit, as a paragraph for a paper."""

from snapgui.audit.choose import numbers_of
from snapgui.audit.plan import DONOR_COUNT
from snapgui.audit.read import FinishedAudit
from snapgui.audit.settings import CELL_COUNTS, DRAWS, SNAP, Group
from snapgui.corruptions.methods import corruption_methods
from snapgui.corruptions.store import has_comparison, read_audited
from snapgui.engine.images import UM_PER_PX, WINDOW_PX
from snapgui.engine.settings import RANDOM_NAMES, best_name
from snapgui.errors import SnapError
from snapgui.runs.methods import (
    DE00,
    RESCORED,
    WILSON,
    cells_words,
    goal_words,
    methods_of,
    model_words,
    optimiser_words,
    patch_words,
    references,
    software_words,
)
from snapgui.runs.methods import SNAP as SNAP_ABSTRACT
from snapgui.words import CENTRE_WORDS, as_set, counted, listed

KORN = "Korn and Graubard, Survey Methodology 24, 1998"
_CLASSES = {"metastasis": "metastasis", "normal": "normal", "both": "either class"}


def audit_methods(audit: FinishedAudit, *, input_px: int | None = None) -> str:
    """A paragraph on what was done in an audit; ``input_px`` is the side to which the model resizes, where it
    is known and is not that of the shipped one.
    """
    about, settings = audit.about, audit.settings
    model = model_words(about["model"], about["model_sha256"], input_px)
    return (
        f"We attacked {model} with SNAP, sporadic and naturalistic adversarial patches. {_pictures(audit)} "
        f"{cells_words(settings.cells, settings.attack)}; seeds were joined with each image's name. "
        f"{patch_words(settings.attack, about.get('generator_sha256'))} {optimiser_words(settings.attack)} "
        f"Each image was attacked towards the other class; {goal_words(settings.attack)} {_beside(audit)} "
        f"{RESCORED} {_statistics()} {software_words(about.get('versions', {}), about.get('device'))} "
        f"{references([SNAP_ABSTRACT, *methods_of(settings.attack, settings.cells), DE00, WILSON, KORN])}"
        f"{_corruptions(audit)}"
    )


def _corruptions(audit: FinishedAudit) -> str:
    """What was done where corruptions were measured beside SNAP; damaged numbers are told where they are
    shown.
    """
    if not has_comparison(audit):
        return ""
    try:
        return f" {corruption_methods(read_audited(audit))}"
    except SnapError:
        return ""


def _pictures(audit: FinishedAudit) -> str:
    """Which pictures, how they were chosen, and how many of them were attacked."""
    settings, before, snap = audit.settings, audit.summary["before"], numbers_of(audit, SNAP)
    split = f", split {settings.split}" if settings.split else ""
    chosen = (
        f"a fixed random choice of at most {settings.limit:,} patches" if settings.limit else "all patches"
    )
    unreadable = f", {before['unreadable']:,} of them unreadable" if before["unreadable"] else ""
    no_room = f"; the cells found no room on {snap['no_room']:,} of them" if snap and snap["no_room"] else ""
    return (
        f"The pictures were {chosen} of the data set {audit.about['data']}{split}: "
        f"{counted(before['images'], 'patch', 'patches')} stained with haematoxylin and eosin, of "
        f"{WINDOW_PX} x {WINDOW_PX} px at {UM_PER_PX} µm/px{unreadable}. Those of the class "
        f"{_CLASSES[settings.source]} that the model classified correctly were attacked, "
        f"{before['attacked']:,} in all{no_room}; all others count as they were."
    )


def _beside(audit: FinishedAudit) -> str:
    """Controls and further conditions, in sentences."""
    settings, texture = audit.settings, audit.settings.attack.texture
    random, best = RANDOM_NAMES[texture], best_name(texture)
    draws = f" ({counted(DRAWS, 'draw')} an image)" if _has_draws(audit, random) else ""
    controls = {
        "median colour": "with the image's median colour",
        random: f"with {random}{draws}",
        best: f"with the {best}, that which helped most",
        "real nuclei": f"with nuclei of up to {DONOR_COUNT} normal patches",
        "sham": "with SNAP's own change mirrored within each cell (sham)",
    }
    other = "excluded" if settings.cells.centre == "open" else "open"
    beside = {
        f"{SNAP}, centre {other}": f"SNAP with {CENTRE_WORDS[other]}",
        "one square": "one optimised square of the same area",
        "one square, any colour": "such a square with any colour",
        "same cells, any colour": "the same cells with any colour",
        "whole image, 2/255": "every pixel changed by at most 2 of 255 levels",
    }
    further: dict[Group, str] = {
        "area": f"areas of {listed([as_set(area) for area in settings.areas])} of the pixels",
        "cells": f"{listed([f'{count:,}' for count in CELL_COUNTS])} cells of the same area",
        "gamut": "other sets of colours",
        "placement": "other placements of the cells",
    }
    sentences = (
        ("As controls the same cells were filled without optimisation: {}.", _made(audit, controls)),
        ("Beside them stand {}.", _made(audit, beside)),
        ("SNAP was repeated with {}.", [further[group] for group in further if group in settings.groups]),
    )
    return " ".join(sentence.format(listed(words)) for sentence, words in sentences if words)


def _made(audit: FinishedAudit, conditions: dict[str, str]) -> list[str]:
    """Those conditions that stand in the audit's table, which may be of an earlier version."""
    return [words for name, words in conditions.items() if numbers_of(audit, name) is not None]


def _has_draws(audit: FinishedAudit, name: str) -> bool:
    found = numbers_of(audit, name)
    return found is not None and "images" in found["flipped"]


def _statistics() -> str:
    return (
        "Shares are given with Wilson's 95 % interval; where an image was drawn several times, it counts "
        "as many independent images as the variance between images is worth, so that intervals count "
        "images and not draws. Medians have the 95 % interval of their order statistics. Visibility was "
        "measured as CIEDE2000 in the mask and SSIM of the whole picture; these predict what readers see "
        "and are no reader study."
    )
