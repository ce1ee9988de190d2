"""Terms that make a patch look more like tissue: a soft rim, and no more roughness than its image has."""

from collections.abc import Callable

import torch
import torch.nn.functional as F

from snapgui.engine.attack.packing import Packed, flatten, mean_of_each

# Colour variance below which tissue counts as flat: about one level of 8 bits.
_FLAT = (1 / 255) ** 2
# Root mean square of the difference of two independent values of deviation 1.
_OF_NOISE = 2**0.5


class SoftEdge:
    """Half of the image's own colour in the outermost pixel of each cell, as an anti-aliased edge has."""

    def __init__(self, images: torch.Tensor, masks: torch.Tensor, packed: Packed) -> None:
        outside = 1 - F.pad(masks.float(), (1, 1, 1, 1))
        touching = (
            outside[..., :-2, 1:-1]
            + outside[..., 2:, 1:-1]
            + outside[..., 1:-1, :-2]
            + outside[..., 1:-1, 2:]
        )
        rim = (touching > 0).flatten()[packed.places]
        self._own = flatten(images)[packed.places]
        self._share = torch.where(rim, 0.5, 1.0)[:, None].to(images)

    def soften(self, colours: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
        """Colours of the chosen pixels as they are shown, ``(p, 3)``."""
        return torch.lerp(self._own[chosen], colours, self._share[chosen])


def fit_roughness(
    images: torch.Tensor, packed: Packed
) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """A measure of how much rougher a patch is than its image.

    It takes colours ``(p, 3)`` of the pixels that int64 ``chosen`` ``(p,)`` names and gives ``(N,)``: steps
    of colour between neighbours inside the mask over the standard deviation of the image in the 5 x 5 px
    around them, as far as they exceed what noise of that deviation has on average, averaged (the ratio is
    DorPatch's, NDSS 2024). 0 for one flat colour.
    """
    count, _, height, width = images.shape
    order = torch.full((count * height * width,), -1, dtype=torch.long, device=images.device)
    order[packed.places] = torch.arange(len(packed.places), device=images.device)
    grid = order.view(count, height, width)
    right = torch.stack([grid[:, :, :-1].flatten(), grid[:, :, 1:].flatten()])
    down = torch.stack([grid[:, :-1].flatten(), grid[:, 1:].flatten()])
    pairs = torch.cat([right, down], dim=1)
    pairs = pairs[:, (pairs >= 0).all(0)]
    padded = F.pad(images, (2, 2, 2, 2), mode="reflect")
    mean, square = F.avg_pool2d(padded, 5, 1), F.avg_pool2d(padded**2, 5, 1)
    deviation = (flatten((square - mean**2).clamp_min(0)).mean(1)[packed.places] + _FLAT).sqrt()

    def roughness(colours: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
        rank = torch.full_like(packed.rows, -1)
        rank[chosen] = torch.arange(len(chosen), device=chosen.device)
        first, second = pairs[:, rank[pairs[0]] >= 0]
        squared = (colours[rank[first]] - colours[rank[second]]).pow(2).mean(1)
        steps = (squared + 1e-12).sqrt() / deviation[first]
        return mean_of_each((steps - _OF_NOISE).clamp(min=0), packed.rows[first], count)

    return roughness
