"""What counts as success, and how near an image is to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch


class Objective(Protocol):
    """The aim of an attack on a batch of N images.

    The confidence is a method beside the margin, since with three classes one does not follow from the other.
    """

    def margin(self, logits: torch.Tensor) -> torch.Tensor:
        """Logit margin ``(N,)`` of logits ``(N, K)``: it grows towards success, 0 flips the class."""

    def confidence(self, logits: torch.Tensor) -> torch.Tensor:
        """Probability ``(N,)`` that the attack wants high."""

    def __getitem__(self, images: torch.Tensor | Sequence[int]) -> "Objective":
        """The same aim for some of the images."""


@dataclass(frozen=True)
class Targeted:
    """Each image is to be taken for class ``target``."""

    target: int

    def margin(self, logits: torch.Tensor) -> torch.Tensor:
        return _margin_of(logits, torch.full_like(logits[:, 0], self.target, dtype=torch.long))

    def confidence(self, logits: torch.Tensor) -> torch.Tensor:
        return logits.float().softmax(1)[:, self.target]

    def __getitem__(self, images: torch.Tensor | Sequence[int]) -> "Targeted":
        return self


@dataclass(frozen=True)
class Untargeted:
    """Each image is to be taken for anything but its label; ``labels`` is int64 ``(N,)``."""

    labels: torch.Tensor

    def margin(self, logits: torch.Tensor) -> torch.Tensor:
        return -_margin_of(logits, self.labels)

    def confidence(self, logits: torch.Tensor) -> torch.Tensor:
        return 1 - logits.float().softmax(1).gather(1, self.labels[:, None])[:, 0]

    def __getitem__(self, images: torch.Tensor | Sequence[int]) -> "Untargeted":
        return Untargeted(self.labels[images])


def _margin_of(logits: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
    """Logit of a class less the highest other logit, ``(N,)``."""
    own = logits.gather(1, classes[:, None])[:, 0]
    others = logits.scatter(1, classes[:, None], -torch.inf).amax(1)
    return own - others
