"""The masked pixels of a batch in one row: what an attack changes, and nothing else."""

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Packed:
    """Pixels of a batch of images ``(N, 3, H, W)``.

    ``rows`` int64 ``(P,)`` names the image of each pixel, ``places`` int64 ``(P,)`` its index in the batch
    laid out as ``(N, H, W)``.
    """

    rows: torch.Tensor
    places: torch.Tensor

    def __getitem__(self, chosen: torch.Tensor) -> "Packed":
        """The pixels that bool or int64 ``chosen`` names."""
        return Packed(self.rows[chosen], self.places[chosen])


def pack(masks: torch.Tensor) -> Packed:
    """The masked pixels of bool ``(N, 1, H, W)``."""
    places = masks.flatten().nonzero()[:, 0]
    return Packed(places // masks[0].numel(), places)


def flatten(images: torch.Tensor) -> torch.Tensor:
    """Colours ``(N * H * W, 3)`` of images ``(N, 3, H, W)``, in the order that ``places`` count."""
    return images.permute(0, 2, 3, 1).reshape(-1, 3)


def compose(images: torch.Tensor, places: torch.Tensor, colours: torch.Tensor) -> torch.Tensor:
    """Images ``(N, 3, H, W)`` with colours ``(P, 3)`` laid over the pixels at ``places``; all else is
    bit-identical.
    """
    count, _, height, width = images.shape
    flat = flatten(images).index_put((places,), colours)
    return flat.view(count, height, width, 3).permute(0, 3, 1, 2)


def round_through(colours: torch.Tensor) -> torch.Tensor:
    """Colours rounded to 8 bits, with the gradient of the identity: the victim sees what the file will
    hold.
    """
    return colours + (colours.mul(255).round().div(255) - colours).detach()


def mean_of_each(values: torch.Tensor, rows: torch.Tensor, count: int) -> torch.Tensor:
    """Mean of values ``(P,)`` over the pixels of each of ``count`` images, ``(count,)``; 0 for an image
    without any.
    """
    total = values.new_zeros(count).index_add_(0, rows, values)
    pixels = values.new_zeros(count).index_add_(0, rows, torch.ones_like(values))
    return total / pixels.clamp_min(1)
