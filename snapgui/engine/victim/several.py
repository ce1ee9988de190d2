"""Several victims as one, so that a patch can be made on all of them at once."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import nn

from snapgui.engine.victim.victim import Victim
from snapgui.errors import ModelError

Together = Literal["mean", "worst"]


class Several(Victim):
    """Victims that are attacked together on images of metastases.

    ``mean`` answers with the mean of their logits, so that a patch may win on some what it lacks on others;
    ``worst`` with those of the model that is surest of metastasis, of each image, so that success means that
    all are fooled (the worst-case loss over an ensemble).

    Raises:
        ModelError: fewer than two, or of other classes than normal and metastasis.
    """

    def __init__(self, victims: Sequence[Victim], together: Together) -> None:
        nn.Module.__init__(self)
        if len(victims) < 2:
            raise ModelError("Several models at once need two or more; give further ones.")
        self.victims = nn.ModuleList(victims)
        self.together = together
        self.card = victims[0].card
        self.register_buffer("mean", victims[0].mean)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits ``(N, 2)`` of images ``(N, 3, H, W)`` in [0, 1]."""
        logits = torch.stack([victim(images).float().log_softmax(1) for victim in self.victims])
        if self.together == "mean":
            return logits.mean(0)
        surest = (logits[..., 1] - logits[..., 0]).argmax(0)
        return logits[surest, torch.arange(len(images), device=logits.device)]
