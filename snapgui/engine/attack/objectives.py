"""What counts as success, and how near an image is to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch


class Objective(Protocol):
    """The aim of an attack on a batch of images."""

    def margin(self, logits: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """Logit margin ``(N,)`` of images ``rows`` with logits ``(N, K)``: it grows towards success, 0 flips
        the class.
        """

    def confidence(self, logits: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """Probability ``(N,)`` that the attack wants high."""

    def of(self, rows: Sequence[int]) -> "Objective":
        """The same aim for some images of the batch, counted anew."""


@dataclass(frozen=True)
class Targeted:
    """The image is to be taken for class ``target``."""

    target: int

    def margin(self, logits: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        return _margin_of(logits, torch.full_like(rows, self.target))

    def confidence(self, logits: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        return logits.float().softmax(1)[:, self.target]

    def of(self, rows: Sequence[int]) -> "Targeted":
        return self


@dataclass(frozen=True)
class Untargeted:
    """The image is to be taken for anything but its label; ``labels`` is int64 ``(N,)`` for the whole
    batch.
    """

    labels: torch.Tensor

    def margin(self, logits: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        return -_margin_of(logits, self.labels[rows])

    def confidence(self, logits: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        return 1 - logits.float().softmax(1).gather(1, self.labels[rows, None])[:, 0]

    def of(self, rows: Sequence[int]) -> "Untargeted":
        return Untargeted(self.labels[list(rows)])


def _margin_of(logits: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
    """Logit of a class less the highest other logit, ``(N,)``."""
    own = logits.gather(1, classes[:, None])[:, 0]
    others = logits.scatter(1, classes[:, None], -torch.inf).amax(1)
    return own - others
