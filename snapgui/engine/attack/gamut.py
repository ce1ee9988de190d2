"""The colours that a patch may use.

Every gamut is a box in coordinates of its own, with a smooth map from the unit box to colours: an optimiser
that stays in [0, 1] stays inside, and projection is a clamp.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from skimage.color import rgb_from_hed

from snapgui.engine.attack.packing import Packed, flatten
from snapgui.engine.images import to_pixels
from snapgui.engine.settings import GamutName, StainsName
from snapgui.engine.stains import fit_stains

# As single precision has them.
LEAST, MOST = (float(np.float32(share)) for share in (0.01, 0.99))

_TINY = 1e-6


class Gamut(Protocol):
    """Colours of a batch of images; ``pixels`` says for each of P pixels to which image it belongs, and where
    it lies.
    """

    @property
    def dimensions(self) -> int:
        """Coordinates per pixel, D."""

    def coordinates(self, colours: torch.Tensor, pixels: Packed) -> torch.Tensor:
        """Coordinates ``(P, D)`` in [0, 1] of the allowed colours next to these ``(P, 3)``."""

    def colours(self, coordinates: torch.Tensor, pixels: Packed) -> torch.Tensor:
        """Colours ``(P, 3)`` in [0, 1]; differentiable."""


def project(gamut: Gamut, colours: torch.Tensor, pixels: Packed) -> torch.Tensor:
    """The allowed colours next to these: ``(P, 3)``; colours already allowed stay as they are."""
    return gamut.colours(gamut.coordinates(colours, pixels), pixels)


@dataclass(frozen=True)
class RangeGamut:
    """A box in RGB: ``low`` and ``high`` are ``(N, 3)``."""

    low: torch.Tensor
    high: torch.Tensor
    dimensions: int = 3

    def coordinates(self, colours: torch.Tensor, pixels: Packed) -> torch.Tensor:
        low, high = self.low[pixels.rows], self.high[pixels.rows]
        return ((colours - low) / (high - low).clamp_min(_TINY)).clamp(0, 1)

    def colours(self, coordinates: torch.Tensor, pixels: Packed) -> torch.Tensor:
        return torch.lerp(self.low[pixels.rows], self.high[pixels.rows], coordinates)


@dataclass(frozen=True)
class PrincipalGamut:
    """A box along the image's principal colour axes, within RGB's own cube.

    ``centre`` is ``(N, 3)``, ``axes`` ``(N, 3, 3)`` with one axis a row, ``low`` and ``high`` ``(N, 3)``
    along them.
    """

    centre: torch.Tensor
    axes: torch.Tensor
    low: torch.Tensor
    high: torch.Tensor
    dimensions: int = 3

    def coordinates(self, colours: torch.Tensor, pixels: Packed) -> torch.Tensor:
        along = torch.einsum("pij,pj->pi", self.axes[pixels.rows], colours - self.centre[pixels.rows])
        low, high = self.low[pixels.rows], self.high[pixels.rows]
        return ((along - low) / (high - low).clamp_min(_TINY)).clamp(0, 1)

    def colours(self, coordinates: torch.Tensor, pixels: Packed) -> torch.Tensor:
        along = torch.lerp(self.low[pixels.rows], self.high[pixels.rows], coordinates)
        offset = torch.einsum("pij,pi->pj", self.axes[pixels.rows], along)
        centre = self.centre[pixels.rows]
        # A corner of the box may stick out of the cube. Both are convex and hold the centre, so drawing a
        # colour towards the centre until it lies in the cube keeps it in the box.
        room = torch.where(offset > 0, 1 - centre, centre)
        share = (room / offset.abs().clamp_min(_TINY)).amin(dim=1, keepdim=True).clamp(max=1)
        return (centre + offset * share).clamp(0, 1)


@dataclass(frozen=True)
class StainGamut:
    """Colours that haematoxylin and eosin can make: ``low`` and ``high`` concentrations are ``(N, 2)``, at
    least 0.

    Colour is exp(-concentration x stain vector); ``stains`` are the vectors of each image ``(N, 2, 3)``, or
    ``(2, 3)`` for all.
    """

    low: torch.Tensor
    high: torch.Tensor
    stains: torch.Tensor
    dimensions: int = 2

    def coordinates(self, colours: torch.Tensor, pixels: Packed) -> torch.Tensor:
        low, high = self.low[pixels.rows], self.high[pixels.rows]
        amount = concentrations(colours, self.stains, pixels.rows)
        return ((amount - low) / (high - low).clamp_min(_TINY)).clamp(0, 1)

    def colours(self, coordinates: torch.Tensor, pixels: Packed) -> torch.Tensor:
        amount = torch.lerp(self.low[pixels.rows], self.high[pixels.rows], coordinates)
        return torch.exp(-_of_each(amount, self.stains, pixels.rows))


@dataclass(frozen=True)
class NearGamut:
    """Colours within ``epsilon`` of each pixel's own: no gamut of the image, but the small change of a
    classical attack.

    ``own`` is ``(N * H * W, 3)``.
    """

    own: torch.Tensor
    epsilon: float
    dimensions: int = 3

    def _box(self, pixels: Packed) -> tuple[torch.Tensor, torch.Tensor]:
        own = self.own[pixels.places]
        return (own - self.epsilon).clamp(min=0), (own + self.epsilon).clamp(max=1)

    def coordinates(self, colours: torch.Tensor, pixels: Packed) -> torch.Tensor:
        low, high = self._box(pixels)
        return ((colours - low) / (high - low).clamp_min(_TINY)).clamp(0, 1)

    def colours(self, coordinates: torch.Tensor, pixels: Packed) -> torch.Tensor:
        low, high = self._box(pixels)
        return torch.lerp(low, high, coordinates)


def free_gamut(images: torch.Tensor) -> Gamut:
    """Every colour, whatever the image ``(N, 3, H, W)``: what a patch without a gamut may use."""
    low = images.new_zeros(len(images), 3)
    return RangeGamut(low, torch.ones_like(low))


def near_gamut(images: torch.Tensor, epsilon: float) -> Gamut:
    """Colours within ``epsilon`` (in [0, 1]) of each pixel's own in images ``(N, 3, H, W)``."""
    return NearGamut(flatten(images), epsilon)


def stain_vectors(name: StainsName, images: torch.Tensor) -> torch.Tensor:
    """Haematoxylin and eosin of images ``(N, 3, H, W)``: ``own`` vectors ``(N, 2, 3)`` of each, see
    `stains.fit_stains`, or the ``fixed`` ones of Ruifrok and Johnston 2001 ``(2, 3)``.
    """
    if name == "fixed":
        return torch.from_numpy(rgb_from_hed[:2].astype(np.float32)).to(images)
    own = np.stack([fit_stains(to_pixels(image)) for image in images])
    return torch.from_numpy(own.astype(np.float32)).to(images)


def concentrations(colours: torch.Tensor, stains: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """Haematoxylin and eosin ``(P, 2)`` that explain colours ``(P, 3)`` best in optical density; vectors
    as `StainGamut` has them, ``rows`` int64 ``(P,)`` name the image of each colour.
    """
    density = -torch.log(colours.clamp(1 / 256, 1))
    return _of_each(density, torch.linalg.pinv(stains), rows)


def _of_each(values: torch.Tensor, matrices: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """Values ``(P, A)`` times the matrix ``(A, B)``, or times that of their image ``(N, A, B)``."""
    if matrices.dim() == 2:
        return values @ matrices
    return torch.einsum("pa,pab->pb", values, matrices[rows])


def fit_gamut(name: GamutName, images: torch.Tensor, stains: StainsName = "own") -> Gamut:
    """The gamut of each of a batch of images ``(N, 3, H, W)`` in [0, 1].

    ``range`` is the per-channel minimum to maximum (the paper's), ``percentile`` the 1st to 99th percentile,
    ``pca`` the 1-99 box along principal axes, ``stain`` the 1-99 box of haematoxylin and eosin, whose vectors
    ``stains`` names.
    """
    pixels = images.flatten(2).transpose(1, 2)
    if name == "range":
        return RangeGamut(pixels.amin(1), pixels.amax(1))
    if name == "percentile":
        # Levels of the file, rounded inwards, so that an 8-bit colour inside stays inside.
        low, high = _percentiles(pixels)
        low, high = torch.ceil(low * 255 - 1e-3) / 255, torch.floor(high * 255 + 1e-3) / 255
        return RangeGamut(low, torch.maximum(low, high))
    if name == "pca":
        centre = pixels.mean(1)
        spread = pixels - centre[:, None]
        _, axes = torch.linalg.eigh(spread.transpose(1, 2) @ spread / pixels.shape[1])
        axes = axes.transpose(1, 2)
        low, high = _percentiles(spread @ axes.transpose(1, 2))
        # The centre itself must lie in the box, also where an axis is very lopsided.
        return PrincipalGamut(centre, axes, low.clamp(max=0), high.clamp(min=0))
    vectors = stain_vectors(stains, images)
    rows = torch.arange(len(images), device=images.device).repeat_interleave(pixels.shape[1])
    amounts = concentrations(pixels.reshape(-1, 3), vectors, rows).view(len(images), -1, 2)
    low, high = _percentiles(amounts)
    return StainGamut(low.clamp(min=0), high.clamp(min=0), vectors)


def _percentiles(values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """1st and 99th percentile over the second dimension of ``(N, P, D)``."""
    # `torch.quantile` reckons in double precision, which not every device has.
    ordered, last = values.float().sort(dim=1).values, values.shape[1] - 1
    ends = []
    for share in LEAST, MOST:
        place = share * last
        below = ordered[:, int(place)]
        ends.append(below.lerp(ordered[:, min(int(place) + 1, last)], place - int(place)))
    return ends[0], ends[1]
