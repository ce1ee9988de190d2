"""Votes over pictures of which parts are hidden."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from snapgui.engine.cells.outlines import draw_mask
from snapgui.engine.defences.defended import mean_vote
from snapgui.engine.images import to_pixels
from snapgui.engine.nuclei import find_nuclei
from snapgui.engine.victim.victim import Victim


@dataclass(frozen=True)
class NucleiDropout:
    """Random subsets of the nuclei are hidden, and the answers are averaged.

    A patch on nuclei is torn by every draw that hides some of them; tissue says the same with half of its
    nuclei. Hidden nuclei take the mean colour of what lies between all of them. Nuclei are found anew in each
    picture; which pixels they have is taken as given where the gradient is asked.

    Attributes:
        share: of the nuclei that a draw hides.
        votes: draws of one answer.
    """

    share: float = 0.5
    votes: int = 8

    @property
    def draws(self) -> int:
        return self.votes

    @property
    def name(self) -> str:
        return f"nuclei dropout {self.share * 100:g} %, {self.votes} votes"

    def __call__(self, victim: Victim, images: torch.Tensor, chance: torch.Generator) -> torch.Tensor:
        hidden, ground = zip(*(self._cells(image, chance) for image in images.detach()), strict=True)
        masks = torch.from_numpy(np.stack(hidden)).to(images.device)
        colours = torch.stack(ground)
        answers = []
        for vote in range(self.votes):
            covered = masks[:, vote, None]
            answers.append(victim(torch.where(covered, colours, images)))
        return mean_vote(torch.stack(answers))

    def _cells(self, image: torch.Tensor, chance: torch.Generator) -> tuple[NDArray[np.bool_], torch.Tensor]:
        """For each vote the pixels that are hidden, ``(V, H, W)``, and the colour ``(3, 1, 1)`` they take."""
        pixels = to_pixels(image)
        shape = (pixels.shape[0], pixels.shape[1])
        nuclei = find_nuclei(pixels)
        between = ~draw_mask(nuclei, shape) if nuclei else np.ones(shape, dtype=bool)
        ground = image[:, torch.from_numpy(between).to(image.device)]
        colour = ground.mean(1) if ground.numel() else image.mean((1, 2))
        masks = np.zeros((self.votes, *shape), dtype=bool)
        for vote in range(self.votes):
            drawn = torch.rand(len(nuclei), generator=chance).tolist()
            chosen = [cell for cell, luck in zip(nuclei, drawn, strict=True) if luck < self.share]
            if chosen:
                masks[vote] = draw_mask(chosen, shape)
        return masks, colour[:, None, None]


@dataclass(frozen=True)
class PatchCleanser:
    """Double masking against one patch (Xiang, Mahloujifar and Mittal, arXiv 2108.09135).

    ``side`` x ``side`` masks, each large enough that one of them covers any square patch of ``patch_share``
    of the picture's side, are tried one after another. If the answers agree, that is the answer; else a mask
    whose dissenting answer holds under every second mask is taken to have covered the patch. It was made for
    one patch: a dozen scattered ones are never under one mask. Where the gradient is asked, the mean of the
    answers under the first masks stands for it.
    """

    side: int = 4
    patch_share: float = 0.25
    draws: ClassVar[int] = 0

    @property
    def name(self) -> str:
        return f"PatchCleanser {self.side} x {self.side}"

    def __call__(self, victim: Victim, images: torch.Tensor, chance: torch.Generator) -> torch.Tensor:
        masks = self.masks(images.shape[-1]).to(images.device)
        first = torch.stack([victim(torch.where(mask, images.new_tensor(0.5), images)) for mask in masks])
        mean = mean_vote(first)
        if torch.is_grad_enabled() and images.requires_grad:
            return mean
        labels = first.argmax(-1)
        answer = mean.clone()
        for n in range(images.shape[0]):
            own = labels[:, n]
            majority = int(own.float().mean().round())
            decided = majority
            for k in torch.nonzero(own != majority).flatten().tolist():
                once = torch.where(masks[k], images.new_tensor(0.5), images[n : n + 1])
                twice = torch.cat([torch.where(mask, images.new_tensor(0.5), once) for mask in masks])
                if bool((victim(twice).argmax(1) == own[k]).all()):
                    decided = int(own[k])
                    break
            if int(answer[n].argmax()) != decided:
                # The decision is a class; its confidence is that of the mean, turned to its side.
                answer[n] = answer[n].flip(0)
        return answer

    def masks(self, size: int) -> torch.Tensor:
        """Bool ``(side ** 2, 1, size, size)``: pixels hidden by each mask; any patch lies under one whole."""
        patch = round(size * self.patch_share)
        stride = -(-(size - patch + 1) // self.side)
        width = patch + stride - 1
        starts = [min(k * stride, size - width) for k in range(self.side)]
        masks = torch.zeros(len(starts) ** 2, 1, size, size, dtype=torch.bool)
        for n, (top, left) in enumerate((t, left) for t in starts for left in starts):
            masks[n, :, top : top + width, left : left + width] = True
        return masks
