"""Words of the controls: what a pathologist reads instead of setting names."""

import math

from snapgui.audit.settings import AREAS
from snapgui.engine.images import UM_PER_PX

GAMUT_WORDS = {
    "range": "Full range of the image",
    "percentile": "Common colours (1 to 99 %)",
    "pca": "Main colour axes",
    "stain": "Haematoxylin and eosin",
}
GAMUT_HELP = (
    "Which colours the cells may take. Full range: between the darkest and the lightest value of each "
    "colour channel (as in the SNAP paper). Common colours: the same without the rarest 1 %. Main colour "
    "axes: a box along the image's own colour spread. Haematoxylin and eosin: only mixtures of the two "
    "stains, the most natural and the hardest."
)
START_WORDS = {
    "median": "Median colour of the image",
    "nuclear": "Median colour of its nuclei",
    "random": "Random allowed colours",
}
START_HELP = "The colour that every cell has before the first step (the SNAP paper: the image's median)."
PLACEMENT_WORDS = {"scattered": "Scattered", "nuclei": "Nuclei", "gain": "Gain", "trim": "Trim"}
PLACEMENT_HELP = (
    "Scattered: cell shapes anywhere on tissue. Nuclei: over the nuclei that the image has. Gain: where the "
    "model's answer depends most on the pixels. Trim: three times as many, optimised for ten steps, of "
    "which those stay that carry most."
)
CENTRE_WORDS = {"open": "Open", "excluded": "Excluded"}
CENTRE_HELP = (
    "The true class of a patch is decided in its central 32 px (31 µm). Excluded keeps cells out of there, "
    "so that the truth cannot change; open allows them everywhere."
)
SOURCE_WORDS = {
    "proposed": "proposed",
    "drawn": "drawn by hand",
    "edited": "edited by hand",
    "imported": "loaded from a file",
}
GROUP_WORDS = {
    "area": f"Areas {min(AREAS) * 100:g} to {max(AREAS) * 100:g} %",
    "cells": "Numbers of cells",
    "gamut": "Colour gamuts",
    "placement": "Placements",
}


def per_cent(share: float, digits: int = 1) -> str:
    """A share as per cent for people; never rounded up to a full 100 or down to 0."""
    value = share * 100
    step = 10.0**-digits
    if 0 < value < step:
        return f"< {step:.{digits}f} %"
    if 100 - step < value < 100:
        return f"> {100 - step:.{digits}f} %"
    return f"{value:.{digits}f} %"


def shorten(name: str, longest: int = 24) -> str:
    """A long file name with its middle left out."""
    half = (longest - 1) // 2
    return name if len(name) <= longest else f"{name[:half]}…{name[-half:]}"


def duration(seconds: float) -> str:
    """Seconds for people."""
    if not math.isfinite(seconds):
        return "unknown"
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds >= 3600:
        return f"{seconds // 3600:.0f} h {seconds % 3600 // 60:.0f} min"
    return f"{seconds // 60:.0f} min {seconds % 60:.0f} s"


def scale_words(side_px: int | None = None) -> str:
    """The scale of an image, with its side where it is known."""
    side = f"{side_px} px = {side_px * UM_PER_PX:.0f} µm, " if side_px else ""
    return f"{side}{UM_PER_PX} µm/px"
