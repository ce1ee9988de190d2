"""What a patch is made of: how a point of the unit box becomes the colours of the masked pixels.

``free`` lets every pixel have a colour of its own; ``retouch`` keeps what the slide shows there and makes its
stains a little stronger or weaker, smoothly; ``nucleus`` paints a nucleus into each cell as a generator makes
them.
"""

from typing import Protocol

import numpy as np
import torch

from snapgui.engine.attack.gamut import Gamut, fit_gamut
from snapgui.engine.attack.nucleus import PaintedNuclei
from snapgui.engine.attack.packing import Packed, flatten, pack
from snapgui.engine.attack.stained import divide, inner_share
from snapgui.engine.attack.starts import start_colours
from snapgui.engine.settings import AttackSettings


class Texture(Protocol):
    """Colours of the masked pixels of a pool of images, as the optimiser moves them.

    ``rows`` int64 ``(R,)`` names the image of each row of a position, ``sites`` int64 ``(R,)`` what it is of
    that image: which pixel, node of the grid or cell, counted from 0. ``pixels`` are the masked pixels.
    """

    rows: torch.Tensor
    sites: torch.Tensor
    pixels: Packed

    def start(self, round_number: int) -> torch.Tensor:
        """Where a round begins: a position ``(R, D)`` in [0, 1]; rounds after the first begin at random."""

    def reference(self) -> torch.Tensor:
        """Colours ``(P, 3)`` from which change is counted where it has a price."""

    def colours(self, position: torch.Tensor, rows: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
        """Colours ``(p, 3)`` in [0, 1] of the pixels int64 ``chosen`` ``(p,)``, differentiable by the
        position ``(r, D)`` of int64 ``rows`` ``(r,)``; rows and pixels are all of the same images.
        """


def fit_texture(settings: AttackSettings, images: torch.Tensor, masks: torch.Tensor) -> Texture:
    """The texture that settings name, of images ``(N, 3, H, W)`` in [0, 1] and masks ``(N, 1, H, W)``."""
    if settings.texture == "retouch":
        return Retouch(images, masks, bound=settings.bound, grid_px=settings.grid_px, seed=settings.seed)
    if settings.texture == "nucleus":
        return PaintedNuclei(images, masks, bound=settings.bound, seed=settings.seed)
    gamut = fit_gamut(settings.gamut, images, settings.stains)
    start = start_colours(settings.start, images, masks, gamut, seed=settings.seed)
    return FreeTexture(gamut, images, masks, start, seed=settings.seed)


class FreeTexture:
    """Every masked pixel by itself, anywhere in a gamut: the paper's patch.

    Args:
        gamut: fitted to these images.
        images, masks: the pool.
        first: colours ``(P, 3)`` in the order of `pack`, drawn into the gamut: where the first round begins.
        seed: of the random colours, one a cell, where later rounds begin.
    """

    def __init__(
        self, gamut: Gamut, images: torch.Tensor, masks: torch.Tensor, first: torch.Tensor, *, seed: int = 0
    ) -> None:
        self.pixels = pack(masks)
        self.rows = self.pixels.rows
        self.sites = self.pixels.places - self.rows * masks[0].numel()
        self._gamut, self._images, self._masks, self._first, self._seed = gamut, images, masks, first, seed

    def start(self, round_number: int) -> torch.Tensor:
        colours = self._first
        if round_number:
            seed = self._seed + round_number
            colours = start_colours("random", self._images, self._masks, self._gamut, seed=seed)
        return self._gamut.coordinates(colours, self.pixels)

    def reference(self) -> torch.Tensor:
        return flatten(self._images)[self.pixels.places]

    def colours(self, position: torch.Tensor, rows: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
        return self._gamut.colours(position, self.pixels[chosen])


class Retouch:
    """The image's own pixels with their two stains made stronger or weaker by a smooth field.

    The field lies on a grid of nodes ``grid_px`` apart and is bilinear between them; it multiplies each
    stain's amount by 1 - ``bound`` to 1 + ``bound``, and fades to nothing over the outermost pixels of a
    cell. Stain vectors are the image's own, see `stains.fit_stains`; what they do not explain of a pixel
    stays as it is.
    """

    def __init__(
        self,
        images: torch.Tensor,
        masks: torch.Tensor,
        *,
        bound: float,
        grid_px: float,
        seed: int = 0,
    ) -> None:
        self.pixels = pack(masks)
        self._bound, self._seed = bound, seed
        self._images, self._stained = images, divide(images, self.pixels)
        inner = torch.from_numpy(np.stack([inner_share(mask[0].cpu().numpy()) for mask in masks]))
        self._share = bound * inner.flatten().to(images)[self.pixels.places, None]
        self.rows, self.sites, self._corners, self._weights = _nodes(self.pixels, images.shape, grid_px)

    def start(self, round_number: int) -> torch.Tensor:
        position = self._weights.new_full((len(self.rows), 2), 0.5)
        if round_number:
            for row in self.rows.unique().tolist():
                own = self.rows == row
                generator = torch.Generator().manual_seed(self._seed + round_number)
                position[own] = torch.rand(int(own.sum()), 2, generator=generator).to(position)
        return position

    def reference(self) -> torch.Tensor:
        return flatten(self._images)[self.pixels.places]

    def colours(self, position: torch.Tensor, rows: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
        among = torch.full_like(self.rows, -1)
        among[rows] = torch.arange(len(rows), device=rows.device)
        corners = (2 * position - 1)[among[self._corners[chosen]]]
        field = (self._weights[chosen][:, :, None] * corners).sum(1) * self._share[chosen]
        return self._stained.colours(self._stained.amounts[chosen] * (1 + field), chosen)


def grid_shape(shape: tuple[int, int], grid_px: float) -> tuple[int, int]:
    """Rows and columns of the nodes ``grid_px`` apart over a picture ``(H, W)``."""
    return int(shape[0] / grid_px) + 2, int(shape[1] / grid_px) + 2


def _nodes(
    pixels: Packed, shape: torch.Size, grid_px: float
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """The grid's nodes about masked pixels: the image of each ``(R,)`` and which of its grid it is ``(R,)``,
    and for each pixel its four corners ``(P, 4)`` among them with their bilinear weights ``(P, 4)``.
    """
    height, width = shape[2], shape[3]
    within = pixels.places - pixels.rows * height * width
    across, down = (within % width) / grid_px, (within // width) / grid_px
    left, top = across.floor().long(), down.floor().long()
    x, y = across - left, down - top
    lines, columns = grid_shape((height, width), grid_px)
    first = (pixels.rows * lines + top) * columns + left
    corners = torch.stack([first, first + 1, first + columns, first + columns + 1], dim=1)
    weights = torch.stack([(1 - x) * (1 - y), x * (1 - y), (1 - x) * y, x * y], dim=1)
    nodes, among = corners.unique(return_inverse=True)
    rows = nodes // (lines * columns)
    return rows, nodes - rows * (lines * columns), among, weights
