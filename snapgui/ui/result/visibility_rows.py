"""Every visibility number as a row, and the rows as tables and as CSV: plain functions from a panel."""

import csv
import io
import math
from dataclasses import dataclass

from snapgui.engine.visibility.figures import RegionMeasures, Spread, VisibilityPanel
from snapgui.engine.visibility.gamut_shares import GamutShares
from snapgui.engine.visibility.nucleus_scores import TRAITS, NucleusScores, z_over_cells
from snapgui.ui.result.visibility_words import REGION_WORDS, decibels, number
from snapgui.words import per_cent

SPREADS = {"FLIP": 3, "CIEDE2000": 2, "SSIM": 3}
_FLIP = "How far the two differ when they take turns on this screen (FLIP): 0 the same, 1 the most."
_DE00 = "Colour difference; about 1 is the least that is seen side by side."
_SSIM = "Structural similarity; 1 is the same."
_TRAIT_WORDS = {
    "area_px": "Area",
    "solidity": "Solidity (area over that of the convex hull)",
    "eccentricity": "Eccentricity (0 round, 1 a line)",
    "haematoxylin": "Mean haematoxylin",
    "eosin": "Mean eosin",
    "rim_gradient": "Step of colour at the rim",
}


@dataclass(frozen=True)
class PanelRow:
    """One number.

    Attributes:
        measure: what was measured, ``FLIP mean`` or so.
        region: ``mask``, ``ring``, ``whole``, ``changed pixels``, ``cells`` or ``nuclei``.
        value: None where it cannot be had, which the words explain; infinite PSNR where nothing differs.
        unit: empty for a plain number.
        words: what it means.
    """

    measure: str
    region: str
    value: float | None
    unit: str
    words: str


def panel_rows(panel: VisibilityPanel) -> list[PanelRow]:
    """All numbers of a panel; the first rows say for which screen."""
    rows = [
        PanelRow(
            "Screen", "whole", panel.display.pixels_per_degree, "pixels per degree", panel.display.sentence
        ),
        PanelRow(
            "Width of the ring", "ring", panel.ring_px, "px", "Pixels outside the mask, this near to it."
        ),
    ]
    for region, figures in panel.regions.items():
        rows += _region_rows(region, figures)
    rows.append(
        PanelRow(
            "Changed outside the mask",
            "whole",
            panel.changed_outside_mask_px,
            "px",
            "0 unless something else than the patch was changed.",
        )
    )
    rows += _gamut_rows(panel.gamut)
    rows += _nucleus_rows(panel.nuclei)
    rows += [
        PanelRow(learned.measure, "whole", learned.value, learned.unit, learned.words)
        for learned in panel.learned
    ]
    return rows


def _region_rows(region: str, figures: RegionMeasures) -> list[PanelRow]:
    same = " Infinite: no pixel here differs." if math.isinf(figures.psnr_db) else ""
    return [
        *_spread_rows("FLIP", region, figures.flip, _FLIP, ("95th percentile", "maximum")),
        *_spread_rows("CIEDE2000", region, figures.de00, _DE00, ("95th percentile", "maximum")),
        *_spread_rows("SSIM", region, figures.ssim, _SSIM, ("5th percentile", "minimum")),
        PanelRow(
            "PSNR", region, figures.psnr_db, "dB", f"Peak signal-to-noise ratio; more is more alike.{same}"
        ),
        PanelRow(
            "L-infinity", region, figures.linf_levels, "levels of 255", "Greatest change of any channel."
        ),
        PanelRow("L2", region, figures.l2, "", "Root of the summed squared changes, for values from 0 to 1."),
    ]


def _spread_rows(
    measure: str, region: str, spread: Spread, words: str, ends: tuple[str, str]
) -> list[PanelRow]:
    values = zip(("mean", *ends), (spread.mean, spread.tail, spread.worst), strict=True)
    return [PanelRow(f"{measure} {name}", region, value, "", words) for name, value in values]


def _gamut_rows(shares: GamutShares) -> list[PanelRow]:
    none = " No pixel changed." if shares.changed_px == 0 else ""
    return [
        PanelRow("Changed pixels", "whole", shares.changed_px, "px", "Pixels that differ in any channel."),
        PanelRow(
            "Outside the image's range",
            "changed pixels",
            shares.outside_range,
            "share",
            f"Beyond the original's least or greatest value of a channel.{none}",
        ),
        PanelRow(
            "Outside the image's stains",
            "changed pixels",
            shares.outside_stain,
            "share",
            "Beyond the original's 1st to 99th percentile of haematoxylin or eosin; of the "
            f"original itself {per_cent(shares.own_outside_stain)}.{none}",
        ),
    ]


def _nucleus_rows(scores: NucleusScores) -> list[PanelRow]:
    why = f" {scores.sentence}" if scores.sentence else ""
    rows = [
        PanelRow("Nuclei found", "nuclei", scores.nuclei, "", f"The image's own, to compare with.{why}"),
        PanelRow(
            "Cells",
            "cells",
            len(scores.cells),
            "",
            "Connected parts of the mask; cells that touch count as one.",
        ),
        PanelRow(
            "Rim gradient over the nuclei's",
            "cells",
            scores.rim_ratio,
            "ratio",
            f"1: the cells' rims are as sharp as those of the nuclei.{why}",
        ),
    ]
    for trait in TRAITS:
        middle, farthest = z_over_cells(scores, trait)
        words = f"{_TRAIT_WORDS[trait]}, in robust deviations from the nuclei's median."
        if trait in scores.own_beyond_3:
            words += f" Of the nuclei themselves {per_cent(scores.own_beyond_3[trait])} lie beyond 3."
        reason = why or (" The nuclei are all alike in this, or no cell has it." if middle is None else "")
        rows.append(PanelRow(f"{trait} z, median cell", "cells", middle, "deviations", words + reason))
        rows.append(PanelRow(f"{trait} z, farthest cell", "cells", farthest, "deviations", words + reason))
    return rows


def spread_table(panel: VisibilityPanel) -> dict[str, list[str]]:
    """Mean, 95th percentile and maximum of each measure, a column for each region; of SSIM, where less is
    worse, the 5th and the minimum.
    """
    regions = list(panel.regions)
    values = {(row.measure, row.region): row.value for row in panel_rows(panel)}
    names = [
        f"{measure} {part}"
        for measure in SPREADS
        for part in (
            ("mean", "5th percentile", "minimum")
            if measure == "SSIM"
            else ("mean", "95th percentile", "maximum")
        )
    ]
    table = {"Measure": [*names, "PSNR", "L-infinity, levels of 255", "L2", "Pixels"]}
    for region in regions:
        figures = panel.regions[region]
        table[REGION_WORDS[region]] = [
            *(number(values[name, region] or 0.0, SPREADS[name.split()[0]]) for name in names),
            *_others(figures),
        ]
    return table


def _others(figures: RegionMeasures) -> list[str]:
    return [decibels(figures.psnr_db), str(figures.linf_levels), number(figures.l2, 3), f"{figures.pixels:,}"]


def other_table(panel: VisibilityPanel) -> dict[str, list[str]]:
    """Gamut, nuclei and learned measures: value and meaning."""
    rows = [
        row
        for row in panel_rows(panel)
        if row.region not in REGION_WORDS
        or row.measure in ("Changed pixels", "Changed outside the mask", "Width of the ring")
    ]
    rows += [
        row for row in panel_rows(panel) if row.measure in {learned.measure for learned in panel.learned}
    ]
    return {
        "Measure": [row.measure for row in rows],
        "Value": ["none" if row.value is None else _value(row.value, row.unit) for row in rows],
        "What it says": [row.words for row in rows],
    }


def _value(value: float, unit: str) -> str:
    if unit == "share":
        return per_cent(value)
    text = (
        f"{value:.0f}"
        if float(value).is_integer() and unit not in ("deviations", "ratio")
        else f"{value:.2f}"
    )
    return f"{text} {unit}" if unit in ("px", "JOD") else text


def panel_csv(panel: VisibilityPanel) -> str:
    """Every number, one row each: ``measure,region,value,unit,words``."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["measure", "region", "value", "unit", "words"])
    for row in panel_rows(panel):
        writer.writerow(
            [row.measure, row.region, "" if row.value is None else row.value, row.unit, row.words]
        )
    return stream.getvalue()
