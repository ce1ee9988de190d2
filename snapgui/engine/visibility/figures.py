"""The record of every visibility measure of one patch, with JSON there and back."""

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, Self

from snapgui.engine.visibility.display import Display
from snapgui.engine.visibility.gamut_shares import GamutShares
from snapgui.engine.visibility.learned import Learned
from snapgui.engine.visibility.nucleus_scores import CellScore, NucleusScores


@dataclass(frozen=True)
class Spread:
    """A measure over the pixels of a region.

    The tail is the 95th percentile, of SSIM the 5th; the worst its maximum, of SSIM its minimum.
    """

    mean: float
    tail: float
    worst: float


@dataclass(frozen=True)
class RegionMeasures:
    """How different two pictures look over one region.

    Attributes:
        pixels: its pixels on the native grid.
        flip: FLIP of the raster as displayed, 0 to 1.
        de00: CIEDE2000 colour difference.
        ssim: structural similarity, 1 for the same.
        psnr_db: peak signal-to-noise ratio; infinite for the same.
        linf_levels: greatest change of a channel, in levels of 255.
        l2: root of the summed squared changes of the channels, for values in [0, 1].
    """

    pixels: int
    flip: Spread
    de00: Spread
    ssim: Spread
    psnr_db: float
    linf_levels: int
    l2: float


@dataclass(frozen=True)
class VisibilityPanel:
    """The measures of one patch.

    Attributes:
        display: the screen that FLIP assumes.
        regions: by name, ``mask``, ``ring`` and ``whole``; a region without pixels is absent.
        ring_px: width of the ring on the native grid.
        changed_outside_mask_px: pixels changed where the mask does not allow it; 0 for any honest attack.
        gamut: shares of changed pixels with colours that the image does not have.
        nuclei: the cells against the image's own nuclei.
        learned: LPIPS and ColorVideoVDP, where they were asked for.
    """

    display: Display
    regions: dict[str, RegionMeasures]
    ring_px: int
    changed_outside_mask_px: int
    gamut: GamutShares
    nuclei: NucleusScores
    learned: tuple[Learned, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; an infinite PSNR becomes null, and so does FLIP where it was not measured."""
        values = dataclasses.asdict(self)
        for region in values["regions"].values():
            region["flip"] = {
                name: value if math.isfinite(value) else None for name, value in region["flip"].items()
            }
            region["psnr_db"] = region["psnr_db"] if math.isfinite(region["psnr_db"]) else None
        return values

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """What `to_json` wrote."""
        nuclei = values["nuclei"]
        return cls(
            **{
                **values,
                "display": Display.from_json(values["display"]),
                "regions": {name: _read_region(region) for name, region in values["regions"].items()},
                "gamut": GamutShares(**values["gamut"]),
                "nuclei": NucleusScores(
                    **{**nuclei, "cells": tuple(CellScore(**cell) for cell in nuclei["cells"])}
                ),
                "learned": tuple(Learned(**measure) for measure in values["learned"]),
            }
        )


def _read_region(values: dict[str, Any]) -> RegionMeasures:
    spreads = {name: Spread(**values[name]) for name in ("de00", "ssim")}
    flip = {name: math.nan if value is None else value for name, value in values["flip"].items()}
    spreads["flip"] = Spread(**flip)
    return RegionMeasures(
        **{**values, **spreads, "psnr_db": math.inf if values["psnr_db"] is None else values["psnr_db"]}
    )
