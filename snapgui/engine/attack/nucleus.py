"""Painted nuclei: what lies under each cell gives way to a nucleus of the generator, as codes say."""

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from snapgui.engine.attack.packing import pack
from snapgui.engine.attack.stained import divide, inner_share
from snapgui.engine.generator.files import load_generator
from snapgui.engine.generator.flow import CODES, Generator
from snapgui.engine.generator.grids import (
    GRID,
    box_of,
    nuclei_range,
    relative_amounts,
    sample_grid,
    stain_range,
)
from snapgui.engine.images import to_pixels

# The likeliest nuclei have codes near 0, and hardly any further from it than this in every code: what lies
# under a cell is drawn so far towards them before any change is counted.
LIKELY = 1.0
# All codes of a cell together lie at most this far from 0, as those of nearly every random draw and of nine
# in ten real nuclei do (the generator's card); farther off there are black and white spots.
FARTHEST = 1.2 * CODES**0.5


class PaintedNuclei:
    """Each cell painted with a nucleus of the generator, in the image's own stains and strengths.

    A row of the position is a cell, its values the codes from -``bound`` to ``bound`` deviations, together at
    most `FARTHEST`. The codes of what lies there are known; the difference between the two nuclei is laid
    over the pixels, less over the outermost ones, so that grain and what the stains do not explain stay. No
    pixel gets more or less of a stain than the image's own nuclei have, or than it had. Change is counted
    from the likely nucleus next to what lies there, not from that itself: a cell on bare stroma is to look
    like a nucleus.
    """

    def __init__(
        self,
        images: torch.Tensor,
        masks: torch.Tensor,
        *,
        bound: float,
        seed: int = 0,
        generator: Generator | None = None,
    ) -> None:
        self.pixels = pack(masks)
        self._bound, self._seed = bound, seed
        self._stained = divide(images, self.pixels)
        rows: list[int] = []
        sites: list[int] = []
        areas: list[int] = []
        grids, corners, weights, scales, lowest, highest = [], [], [], [], [], []
        for row, (image, mask) in enumerate(zip(images, masks, strict=True)):
            picture, own_mask = to_pixels(image), mask[0].cpu().numpy()
            own = stain_range(picture)
            amounts = relative_amounts(picture, own)
            inner = inner_share(own_mask)[own_mask]
            scales.append(inner[:, None] * (own.high - own.low)[None])
            nuclei = nuclei_range(picture, own)
            lowest.append(np.broadcast_to(nuclei.low, scales[-1].shape))
            highest.append(np.broadcast_to(nuclei.high, scales[-1].shape))
            count, labels = _label_cells(own_mask)
            of_pixel = labels[own_mask]
            corner, weight = np.zeros((len(of_pixel), 4), np.int64), np.zeros((len(of_pixel), 4), np.float32)
            for cell in range(1, count + 1):
                box = box_of(labels == cell)
                corner[of_pixel == cell], weight[of_pixel == cell] = _nodes(labels == cell, box)
                corner[of_pixel == cell] += len(rows) * GRID * GRID
                rows.append(row)
                sites.append(cell - 1)
                areas.append(int((of_pixel == cell).sum()))
                grids.append(sample_grid(amounts, box))
            corners.append(corner)
            weights.append(weight)
        device = images.device
        self.rows, self.sites = torch.tensor(rows, device=device), torch.tensor(sites, device=device)
        self._areas = torch.tensor(areas, device=device).to(images)
        self._corners = torch.from_numpy(np.concatenate(corners)).to(device)
        self._weights = torch.from_numpy(np.concatenate(weights)).to(images)
        self._scales = _as_tensor(scales, images)
        self._least = torch.minimum(self._stained.amounts, _as_tensor(lowest, images))
        self._most = torch.maximum(self._stained.amounts, _as_tensor(highest, images))
        self._generator = (generator or load_generator()[0]).to(device)
        own_codes = self._generator.encode(torch.from_numpy(np.stack(grids)).to(images), self._areas)
        self._own_grids = self._generator.decode(own_codes, self._areas)
        self._likely = own_codes.clamp(-LIKELY, LIKELY)

    def start(self, round_number: int) -> torch.Tensor:
        if not round_number:
            return self._position_of(self._likely)
        # As nuclei are drawn by nature, not evenly up to the bound.
        drawn = torch.zeros_like(self._likely)
        for row in self.rows.unique().tolist():
            own = self.rows == row
            shuffler = torch.Generator().manual_seed(self._seed + round_number)
            drawn[own] = torch.randn(int(own.sum()), drawn.shape[1], generator=shuffler).to(drawn)
        return self._position_of(drawn)

    def reference(self) -> torch.Tensor:
        rows = torch.arange(len(self.rows), device=self.rows.device)
        chosen = torch.arange(len(self.pixels.rows), device=self.rows.device)
        return self.colours(self._position_of(self._likely), rows, chosen)

    def colours(self, position: torch.Tensor, rows: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
        among = torch.full_like(self.rows, -1)
        among[rows] = torch.arange(len(rows), device=rows.device)
        codes = (2 * position - 1) * self._bound
        codes = codes * (FARTHEST / codes.norm(dim=1, keepdim=True).clamp_min(FARTHEST))
        painted = self._generator.decode(codes, self._areas[rows])
        nodes = (painted - self._own_grids[rows]).view(-1, 2)
        corners = self._corners[chosen]
        within = among[corners // (GRID * GRID)] * (GRID * GRID) + corners % (GRID * GRID)
        change = (self._weights[chosen][:, :, None] * nodes[within]).sum(1) * self._scales[chosen]
        amounts = (self._stained.amounts[chosen] + change).clamp(self._least[chosen], self._most[chosen])
        return self._stained.colours(amounts, chosen).clamp(max=1)

    def _position_of(self, codes: torch.Tensor) -> torch.Tensor:
        return ((codes / self._bound + 1) / 2).clamp(0, 1)


def _as_tensor(parts: list[NDArray[np.float64]], like: torch.Tensor) -> torch.Tensor:
    """Parts of arrays ``(p, 2)``, one an image, together ``(P, 2)``."""
    return torch.from_numpy(np.concatenate(parts).astype(np.float32)).to(like)


def count_cells(masks: torch.Tensor) -> int:
    """The most cells that any of the masks bool ``(N, 1, H, W)`` has."""
    return max(_label_cells(mask[0].cpu().numpy())[0] for mask in masks)


def _label_cells(mask: NDArray[np.bool_]) -> tuple[int, NDArray[np.int32]]:
    """How many cells a mask ``(H, W)`` has, and the number of each pixel's cell from 1."""
    count, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)
    return count - 1, np.asarray(labels, np.int32)


def _nodes(
    cell: NDArray[np.bool_], box: tuple[int, int, int, int]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """For each pixel of a cell the four nodes about it ``(p, 4)`` and their bilinear weights ``(p, 4)``."""
    left, right, top, bottom = box
    y, x = np.nonzero(cell)
    across = (x - left) / max(right - left, 1) * (GRID - 1)
    down = (y - top) / max(bottom - top, 1) * (GRID - 1)
    first_x = np.minimum(across.astype(int), GRID - 2)
    first_y = np.minimum(down.astype(int), GRID - 2)
    u, v = across - first_x, down - first_y
    first = first_y * GRID + first_x
    nodes = np.stack([first, first + 1, first + GRID, first + GRID + 1], axis=1)
    weights = np.stack([(1 - u) * (1 - v), u * (1 - v), (1 - u) * v, u * v], axis=1)
    return nodes, weights.astype(np.float32)
