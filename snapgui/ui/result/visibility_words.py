"""The visibility measures in a pathologist's words: plain functions from a panel to sentences and tables."""

import math

from snapgui.engine.visibility.figures import Spread, VisibilityPanel
from snapgui.engine.visibility.nucleus_scores import z_over_cells
from snapgui.words import counted, listed, per_cent

PREDICT = (
    "Measures predict, readers decide: whether a person would notice is found out in a blinded reader study."
)
REGION_WORDS = {"mask": "Inside the mask", "ring": "Ring around it", "whole": "Whole image"}
# From where on a colour difference is called what, with the original beside it.
DE00_STEPS = (
    (1, "invisible"),
    (2, "seen on a close look"),
    (5, "seen when looked for"),
    (math.inf, "plain at a glance"),
)
HEADLINE = {
    "Colour difference, mean (CIEDE2000)": (
        lambda region: difference(region.de00.mean),
        "below 1 invisible, above 5 plain at a glance",
    ),
    "Colour difference, strongest 5 %": (
        lambda region: difference(region.de00.tail),
        "95 of 100 pixels differ by less",
    ),
    "On your screen, mean (FLIP)": (
        lambda region: number(region.flip.mean, 3),
        "0 the same, 1 the most; for the screen below",
    ),
    "Structure, mean (SSIM)": (lambda region: number(region.ssim.mean, 3), "1 is the same structure"),
    "Noise (PSNR)": (lambda region: decibels(region.psnr_db), "above 40 dB hardly anyone sees a change"),
}
TRAIT_NAMES = {
    "area_px": "area",
    "solidity": "smoothness of outline",
    "eccentricity": "elongation",
    "haematoxylin": "haematoxylin",
    "eosin": "eosin",
    "rim_gradient": "sharpness of rim",
}

# By how far, more than 2 or more than 5 times the nuclei's own spread, and in which direction.
_AMOUNTS = (("less", "more"), ("far less", "far more"))


def number(value: float, digits: int) -> str:
    """A number for a table; a small one that is not 0 is never printed as 0."""
    least = 10.0**-digits
    return f"< {least:.{digits}f}" if 0 < value < least / 2 else f"{value:.{digits}f}"


def difference(value: float) -> str:
    """A colour difference for people: 0.96 must not be read as 1.0, above which it may be seen."""
    return number(value, 1 if value >= 9.95 else 2)


def decibels(value: float) -> str:
    """PSNR for people: infinite where nothing differs."""
    return f"{value:.1f} dB" if math.isfinite(value) else "no change"


def headline_table(panel: VisibilityPanel) -> dict[str, list[str]]:
    """The few numbers that matter, a column for each region."""
    columns = {
        REGION_WORDS[region]: [read(figures) for read, _ in HEADLINE.values()]
        for region, figures in panel.regions.items()
    }
    return {"Measure": list(HEADLINE), **columns, "How to read it": [words for _, words in HEADLINE.values()]}


def headline_sentence(panel: VisibilityPanel) -> str:
    """What the colour differences say, in one sentence."""
    inside, whole = panel.regions["mask"].de00, panel.regions["whole"].de00
    if whole.worst == 0:
        return "The two pictures are the same, pixel by pixel."
    return (
        f"Where pixels could change, colours differ by {difference(inside.mean)} on average: "
        f"{de00_words(inside)} with the original beside it. "
        f"{per_cent(panel.gamut.changed_px / panel.regions['whole'].pixels)} of the image's pixels changed."
    )


def de00_words(spread: Spread) -> str:
    """A mean colour difference in words."""
    return next(words for limit, words in DE00_STEPS if spread.mean < limit)


def nucleus_sentences(panel: VisibilityPanel) -> list[str]:
    """The cells beside the image's own nuclei, and colours that the image does not have."""
    return _like_nuclei(panel) + _colours_and_places(panel)


def _like_nuclei(panel: VisibilityPanel) -> list[str]:
    scores, found = panel.nuclei, []
    if "ring" not in panel.regions:
        return ["Every pixel could change, so there are no cells to set beside the image's nuclei."]
    if scores.rim_ratio is not None:
        found.append(
            f"Rims of the cells are {scores.rim_ratio:.1f} times as sharp as those of the image's "
            f"own {scores.nuclei} nuclei (1 is alike)."
        )
    far = [
        (abs(middle), f"{_AMOUNTS[abs(middle) > 5][middle > 0]} {TRAIT_NAMES[trait]}")
        for trait in TRAIT_NAMES
        if (middle := z_over_cells(scores, trait)[0]) is not None and abs(middle) > 2
    ]
    if scores.sentence:
        found.append(scores.sentence)
    elif far:
        parts = [words for _, words in sorted(far, reverse=True)]
        found.append(f"Beside these nuclei the typical cell has {listed(parts)}.")
    else:
        found.append("In shape, stain and rim the typical cell lies within 2 deviations of these nuclei.")
    return found


def _colours_and_places(panel: VisibilityPanel) -> list[str]:
    gamut, found = panel.gamut, []
    if gamut.outside_range is not None and gamut.outside_stain is not None:
        found.append(
            f"Of the changed pixels {per_cent(gamut.outside_range)} have colours beyond the image's "
            f"range, and {per_cent(gamut.outside_stain)} "
            f"beyond its two stains (of the untouched image {per_cent(gamut.own_outside_stain)})."
        )
    if panel.changed_outside_mask_px:
        found.append(
            f"{counted(panel.changed_outside_mask_px, 'pixel')} changed outside the mask: something else "
            "than the patch was altered."
        )
    return found
