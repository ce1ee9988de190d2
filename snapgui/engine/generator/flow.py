"""The generator: principal components of nuclei, made independent by a normalising flow.

A flow can be run both ways: what lies under a cell has a code of its own, and every code is a nucleus. Affine
couplings are those of Dinh, Sohl-Dickstein and Bengio (Real NVP, ICLR 2017).
"""

import torch
from torch import nn

from snapgui.engine.generator.grids import VALUES

CODES = 128
LAYERS = 8
HIDDEN = 192
# A cell of this area, in px, has the condition 0.
USUAL_AREA_PX = 46.0


class Coupling(nn.Module):
    """Half of the values moved and stretched by what the other half and the condition say."""

    kept: torch.Tensor

    def __init__(self, first: int) -> None:
        super().__init__()
        kept = torch.zeros(CODES)
        kept[first::2] = 1
        self.register_buffer("kept", kept, persistent=False)
        self.net = nn.Sequential(
            nn.Linear(CODES + 1, HIDDEN),
            nn.SiLU(),
            nn.Linear(HIDDEN, HIDDEN),
            nn.SiLU(),
            nn.Linear(HIDDEN, 2 * CODES),
        )
        last = self.net[-1]
        assert isinstance(last, nn.Linear)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)

    def _stretch_and_shift(
        self, values: torch.Tensor, condition: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        stretch, shift = self.net(torch.cat([values * self.kept, condition], 1)).chunk(2, 1)
        moved = 1 - self.kept
        return 0.8 * torch.tanh(stretch) * moved, shift * moved

    def forward(self, values: torch.Tensor, condition: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Towards codes: values ``(K, CODES)`` and the logarithm of the determinant ``(K,)``."""
        stretch, shift = self._stretch_and_shift(values, condition)
        return values * stretch.exp() + shift, stretch.sum(1)

    def inverse(self, values: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        """Towards nuclei: ``(K, CODES)``."""
        stretch, shift = self._stretch_and_shift(values, condition)
        return (values - shift) * (-stretch).exp()


class Generator(nn.Module):
    """Grids of stain amounts ``(K, VALUES)``, see `grids`, from codes ``(K, CODES)`` and back.

    Codes of real nuclei are about normal with deviation 1. ``areas`` ``(K,)`` in px are those of the cells:
    a small nucleus shows less than a large one.
    """

    mean: torch.Tensor
    axes: torch.Tensor
    deviations: torch.Tensor
    orders: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(VALUES))
        self.register_buffer("axes", torch.zeros(CODES, VALUES))
        self.register_buffer("deviations", torch.ones(CODES))
        shuffler = torch.Generator().manual_seed(1)
        orders = [torch.randperm(CODES, generator=shuffler) for _ in range(LAYERS)]
        self.register_buffer("orders", torch.stack(orders))
        self.layers = nn.ModuleList(Coupling(layer % 2) for layer in range(LAYERS))

    def fit_components(self, grids: torch.Tensor) -> float:
        """Take mean and principal components of grids ``(K, VALUES)``; returns the share of the variance that
        these explain.
        """
        self.mean = grids.mean(0)
        _, spread, axes = torch.linalg.svd(grids - self.mean, full_matrices=False)
        self.axes = axes[:CODES].contiguous()
        self.deviations = spread[:CODES] / len(grids) ** 0.5
        return float((spread[:CODES] ** 2).sum() / (spread**2).sum())

    def components_of(self, grids: torch.Tensor) -> torch.Tensor:
        """Principal components ``(K, CODES)`` of grids, in deviations."""
        return ((grids - self.mean) @ self.axes.T) / self.deviations

    def from_components(self, components: torch.Tensor) -> torch.Tensor:
        """Grids ``(K, VALUES)`` of principal components ``(K, CODES)``."""
        return self.mean + (components * self.deviations) @ self.axes

    def flow(self, components: torch.Tensor, areas: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Codes ``(K, CODES)`` of principal components, and the logarithm of the determinant ``(K,)``."""
        condition = _condition(areas)
        values, total = components, components.new_zeros(len(components))
        for order, layer in zip(self.orders, self.layers, strict=True):
            values, determinant = layer(values[:, order], condition)
            total = total + determinant
        return values, total

    def encode(self, grids: torch.Tensor, areas: torch.Tensor) -> torch.Tensor:
        """Codes ``(K, CODES)`` of grids."""
        return self.flow(self.components_of(grids), areas)[0]

    def decode(self, codes: torch.Tensor, areas: torch.Tensor) -> torch.Tensor:
        """Grids of codes, differentiable; `encode` gives the codes back."""
        condition = _condition(areas)
        values = codes
        for order, layer in zip(reversed(self.orders), reversed(self.layers), strict=True):
            assert isinstance(layer, Coupling)
            values = layer.inverse(values, condition)[:, torch.argsort(order)]
        return self.from_components(values)


def _condition(areas: torch.Tensor) -> torch.Tensor:
    return torch.log(areas.clamp_min(1) / USUAL_AREA_PX)[:, None]
