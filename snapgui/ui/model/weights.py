"""Where the weight of an answer lies, in numbers, words and colours: plain functions, no Streamlit."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from snapgui.engine.cells.outlines import centre_mask
from snapgui.engine.images import UM_PER_PX
from snapgui.engine.victim.sight import GRAD_CAM, share_within
from snapgui.ui.pixels import heat_colours
from snapgui.words import NONE, per_cent

# Ends of the scale, in multiples of an even spread: always the same, so that maps can be compared by eye.
TICKS = (0, 1, 2, 3, 4)
# Wider than this, a place is larger than the nucleus of a lymphocyte.
NUCLEUS_PX = 8


@dataclass(frozen=True)
class Weights:
    """Where the weight of an answer lies in one picture, or in one before and after an attack.

    Attributes:
        maps: float32 ``(N, H, W)``, as those of `engine.victim.sight.Sight`.
        method, places: of the same.
        of_class: name of the class that was followed.
        mask: altered cells, bool ``(H, W)``; None where there was no attack.
    """

    maps: NDArray[np.float32]
    method: str
    places: tuple[int, int]
    of_class: str
    mask: NDArray[np.bool_] | None = None


def sentences(weights: Weights) -> list[str]:
    """Where the weight lies, and where it went."""
    centre = centre_mask(weights.maps.shape[1:])
    whose = f"the weight for {weights.of_class}" if weights.method == GRAD_CAM else "the attention"
    speak, speaks = (f"{verb} for {weights.of_class} by this map" for verb in ("speak", "speaks"))
    if weights.mask is None:
        (share,) = _shares(weights, centre)
        if share is None:
            return [f"Nothing in this picture {speaks}."]
        return [
            f"{share} of {whose} lies in the central 32 px, on which the label rests; spread evenly it would "
            f"be {_percent(centre.mean())}."
        ]
    before, after = _shares(weights, weights.mask)
    cells = f"the cells are {_percent(weights.mask.mean())} of the picture"
    if before is None and after is None:
        return [f"Neither before nor after the attack does anything in the picture {speak}."]
    if before is None:
        return [
            f"Before the attack nothing in the picture {speaks}. After it {after} of {whose} lies on the "
            f"altered cells; {cells}."
        ]
    if after is None:
        return [
            f"After the attack nothing in the picture {speaks}. Before it {before} of {whose} lay on the "
            f"cells that were altered; {cells}."
        ]
    first, second = _shares(weights, centre)
    return [
        f"After the attack {after} of {whose} lies on the altered cells, where before it was {before}; "
        f"{cells}.",
        f"The central 32 px, on which the label rests, hold {second} of it, where before they held {first}; "
        f"they are {_percent(centre.mean())} of the picture.",
    ]


def caption(weights: Weights) -> str:
    """What such a map is, what it is not, and how fine."""
    side_px = weights.maps.shape[2] / weights.places[1]
    coarse = ", too coarse to point at a single nucleus," if side_px > NUCLEUS_PX else ""
    what = (
        "Grad-CAM on the network's last features by place: where, by the gradient of the answer, they speak "
        f"for {weights.of_class}. It shows where the answer's gradient lies, not why, and not how strongly."
        if weights.method == GRAD_CAM
        else "Attention rollout: from where the attention of all blocks together carries something into the "
        "answer, the same for every class. It shows where attention lies, not why, nor for which class it "
        "speaks; one bright place may be where the network keeps notes for itself (arXiv 2309.16588)."
    )
    return (
        f"{what} The network tells {weights.places[0]} x {weights.places[1]} places of {side_px:.0f} px "
        f"({side_px * UM_PER_PX:.0f} µm) apart{coarse} and the map is interpolated between them."
    )


def share_rows(weights: Weights) -> dict[str, list[str]]:
    """Shares of the area and of the weight, region by region; they do not overlap."""
    centre = centre_mask(weights.maps.shape[1:])
    if weights.mask is None:
        regions = {"Central 32 px": centre, "Elsewhere": ~centre}
        titles: Sequence[str] = ("Weight",)
    else:
        rest = "Rest of the central 32 px" if (centre & weights.mask).any() else "Central 32 px"
        regions = {
            "Altered cells": weights.mask,
            rest: centre & ~weights.mask,
            "Elsewhere": ~centre & ~weights.mask,
        }
        titles = ("Before", "After")
    rows = {"Where": list(regions), "Area": [_percent(mask.mean()) for mask in regions.values()]}
    shares = [_shares(weights, mask) for mask in regions.values()]
    return rows | {title: [row[i] or NONE for row in shares] for i, title in enumerate(titles)}


def overlay(
    pixels: NDArray[np.uint8],
    weights: NDArray[Any],
    zoom: int,
    *,
    opacity: float,
    mask: NDArray[np.bool_] | None = None,
) -> NDArray[np.uint8]:
    """The picture ``(H, W, 3)`` in grey and enlarged, under the colours of its map ``(H, W)``; the rim of the
    mask, where there is one, in white.
    """
    height, width = pixels.shape[0] * zoom, pixels.shape[1] * zoom
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).repeat(zoom, 0).repeat(zoom, 1)[..., None]
    relative = weights / max(float(weights.mean()), 1e-12)
    levels = cv2.resize(relative.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    colours = np.array(heat_colours())[np.rint(np.clip(levels / TICKS[-1], 0, 1) * 255).astype(int)]
    picture = np.rint((1 - opacity) * grey + opacity * colours).astype(np.uint8)
    if mask is not None:
        large = mask.astype(np.uint8).repeat(zoom, 0).repeat(zoom, 1)
        rims, _ = cv2.findContours(large, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(picture, rims, -1, (255, 255, 255), 1)
    return picture


def _legend() -> str:
    colours = heat_colours()
    stops = ", ".join("rgb({} {} {})".format(*colours[round(i * 255 / 8)]) for i in range(9))
    words = {0: "none", 1: "as if spread evenly", 2: "2 times", 3: "3 times", 4: "4 times or more"}
    marks = "".join(
        f'<span style="left:{100 * tick / TICKS[-1]:g}%;transform:translateX(-{100 * tick / TICKS[-1]:g}%)">'
        f"{words[tick]}</span>"
        for tick in TICKS
    )
    return (
        f'<div class="snap-scale"><i style="background:linear-gradient(to right, {stops})"></i>{marks}</div>'
    )


# The scale of the maps as HTML.
LEGEND = _legend()


def _shares(weights: Weights, mask: NDArray[np.bool_]) -> list[str | None]:
    found = [share_within(one, mask) for one in weights.maps]
    return [None if share is None else _percent(share) for share in found]


def _percent(share: float) -> str:
    # The maps are coarse: no digits behind the point.
    return per_cent(float(share), 0)
