"""Teach a generator what nuclei look like: principal components at once, the flow by gradient steps."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch

from snapgui.engine.generator.flow import Generator

BATCH = 256
RATE = 1e-3
# Codes are blurred by this many deviations in training, so that single nuclei are not learned by heart.
BLUR = 0.1
# Of the images, one in so many is held out to see when learning by heart begins.
HELD_OUT = 8


@dataclass(frozen=True)
class Epoch:
    """After one pass: its number, and the mean negative logarithm of the likelihood in nats a nucleus, up to
    one constant, of those learned from and of those held out; ``normal`` is that of the held-out nuclei
    without a flow.
    """

    number: int
    train: float
    held_out: float
    normal: float


class Fitting:
    """A generator being taught on grids ``(K, VALUES)`` with areas ``(K,)`` in px; ``images`` int64 ``(K,)``
    names the image of each, and whole images are held out.

    ``state`` and ``go_on_from`` are all that a killed training needs to go on as if it had not been.
    """

    def __init__(
        self,
        grids: torch.Tensor,
        areas: torch.Tensor,
        images: torch.Tensor,
        *,
        epochs: int,
        seed: int = 0,
    ) -> None:
        self.epochs, self.epoch = epochs, 0
        held = images % HELD_OUT == 0
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.generator = Generator()
        self.explained = self.generator.fit_components(grids[~held])
        components = self.generator.components_of(grids)
        self._train, self._train_areas = components[~held], areas[~held]
        self._held, self._held_areas = components[held], areas[held]
        self._shuffler = torch.Generator().manual_seed(seed)
        self._optimiser = torch.optim.AdamW(self.generator.parameters(), lr=RATE, weight_decay=1e-3)
        self._best: tuple[float, dict[str, torch.Tensor]] = (math.inf, {})

    def state(self) -> dict[str, Any]:
        return {
            "epoch": self.epoch,
            "generator": self.generator.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "shuffler": self._shuffler.get_state(),
            "best": list(self._best),
        }

    def go_on_from(self, state: dict[str, Any]) -> None:
        self.epoch = state["epoch"]
        self.generator.load_state_dict(state["generator"])
        self._optimiser.load_state_dict(state["optimiser"])
        self._shuffler.set_state(state["shuffler"])
        least, weights = state["best"]
        self._best = (least, weights)

    def run(self) -> Iterator[Epoch]:
        """The epochs that are left; afterwards the generator is that of the epoch which says most of
        held-out nuclei.
        """
        steps = max(len(self._train) // BATCH, 1)
        normal = float(0.5 * (self._held.pow(2).sum(1).mean() + self._held.shape[1] * BLUR**2))
        while self.epoch < self.epochs:
            order = torch.randperm(len(self._train), generator=self._shuffler)
            total = 0.0
            for step, batch in enumerate(order.split(BATCH)[:steps]):
                done = (self.epoch * steps + step) / (self.epochs * steps)
                for group in self._optimiser.param_groups:
                    group["lr"] = RATE * (0.51 + 0.49 * math.cos(math.pi * done))
                loss = self._loss(self._train[batch], self._train_areas[batch])
                self._optimiser.zero_grad()
                loss.backward()
                torch.nn.utils.clip_grad_norm_(self.generator.parameters(), 5.0)
                self._optimiser.step()
                total += float(loss.detach())
            self.epoch += 1
            with torch.no_grad():
                held_out = float(self._loss(self._held, self._held_areas))
            if held_out < self._best[0]:
                weights = {name: values.clone() for name, values in self.generator.state_dict().items()}
                self._best = (held_out, weights)
            yield Epoch(self.epoch, total / steps, held_out, normal)
        if self._best[1]:
            self.generator.load_state_dict(self._best[1])
        self.generator.eval().requires_grad_(False)

    def _loss(self, components: torch.Tensor, areas: torch.Tensor) -> torch.Tensor:
        codes, determinant = self.generator.flow(self._blurred(components), areas)
        return (0.5 * codes.pow(2).sum(1) - determinant).mean()

    def _blurred(self, components: torch.Tensor) -> torch.Tensor:
        return components + BLUR * torch.randn(components.shape, generator=self._shuffler)
