"""A victim behind a defence: still a victim, so that everything that attacks or scores one takes it."""

import hashlib
import math
from dataclasses import replace
from typing import Protocol, runtime_checkable

import torch
from torch import nn

from snapgui.engine.victim.victim import Victim
from snapgui.errors import ModelError


class Defence(Protocol):
    """A way to answer that is harder to fool."""

    @property
    def name(self) -> str:
        """For people; names all settings."""

    @property
    def draws(self) -> int:
        """Draws of chance of which one answer is the mean; 0 where two answers to one image never differ."""

    def __call__(self, victim: Victim, images: torch.Tensor, chance: torch.Generator) -> torch.Tensor:
        """Logits ``(N, 2)`` of the defended prediction of images ``(N, 3, H, W)`` in [0, 1].

        They have a gradient by the images. A step that has none of use is passed straight through (BPDA:
        Athalye, Carlini and Wagner, arXiv 1802.00420), so that an attacker who knows the defence attacks
        through it.
        """


@runtime_checkable
class AlarmingDefence(Defence, Protocol):
    """A trained defence that can tell whether it did anything to a picture: alarms on untouched ones are part
    of its price.
    """

    def alarms(self, victim: Victim, images: torch.Tensor) -> torch.Tensor:
        """Of images ``(N, 3, H, W)`` in [0, 1] whether each raises an alarm, bool ``(N,)`` on the CPU."""

    def sha256(self) -> str:
        """Of the file with its weights; raises ModelError where it cannot be read."""


class Defended(Victim):
    """A victim that answers through a defence.

    Chance begins anew with every prediction, so that a saved picture is scored the same each time; inside an
    attack every pass draws afresh, from another seed, and with ``expectation`` answers with the mean over at
    least so many of the defence's draws, in whole answers (Athalye et al., arXiv 1707.07397).
    """

    def __init__(self, victim: Victim, defence: Defence, *, expectation: int = 0, seed: int = 0) -> None:
        nn.Module.__init__(self)
        self.victim, self.defence = victim, defence
        self.answers = max(1, math.ceil(expectation / defence.draws)) if defence.draws else 1
        told = f"{victim.card.sha256}:{defence.name}:{self.answers}"
        if isinstance(defence, AlarmingDefence):
            told += f":{defence.sha256()}"
        averaged = f", mean of {self.answers * defence.draws} draws" if self.answers > 1 else ""
        digest = hashlib.sha256(told.encode()).hexdigest()
        self.card = replace(victim.card, name=defence.name + averaged, sha256=digest)
        self.register_buffer("mean", victim.mean)
        self._seed = seed
        self._chance = torch.Generator().manual_seed(seed + 1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits ``(N, 2)``; raises ModelError for a defence that answers in another shape."""
        logits = [self.defence(self.victim, images, self._chance) for _ in range(self.answers)]
        for answer in logits:
            if answer.shape != (len(images), len(self.card.classes)):
                raise ModelError(
                    f"The defence {self.defence.name} answered {tuple(answer.shape)} for {len(images)} "
                    f"images, where {(len(images), len(self.card.classes))} is needed: logits of each class."
                )
        return logits[0] if self.answers == 1 else mean_vote(torch.stack(logits))

    @torch.no_grad()
    def predict(self, images: torch.Tensor) -> torch.Tensor:
        """Probabilities ``(N, K)`` in float32; every image with the same chance, whoever is beside it."""
        answers = []
        for image in images.to(self.mean.device).split(1):
            chance = torch.Generator().manual_seed(self._seed)
            answers.append(self.defence(self.victim, image, chance).float().softmax(1))
        return torch.cat(answers)


def mean_vote(logits: torch.Tensor) -> torch.Tensor:
    """The logits ``(N, K)`` of the mean probabilities of several answers ``(V, N, K)``."""
    votes = logits.float().log_softmax(-1)
    return votes.logsumexp(0) - torch.log(torch.tensor(float(len(logits))))


def straight_through(images: torch.Tensor, changed: torch.Tensor) -> torch.Tensor:
    """``changed`` with the gradient of ``images``: BPDA with the identity."""
    return images + (changed - images).detach()
