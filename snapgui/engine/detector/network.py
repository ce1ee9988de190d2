"""A small convolutional network that tells altered crops from real ones."""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

EPOCHS = 10
LEAST_STEPS = 300
BATCH = 64
RATE = 3e-3


class DetectorNetwork(nn.Module):
    """Crops to one logit each, above 0 for altered; 11,785 weights."""

    def __init__(self, width: int = 24) -> None:
        super().__init__()
        self.first = nn.Conv2d(6, width, 3)
        self.second = nn.Conv2d(width, width, 3)
        self.third = nn.Conv2d(width, width, 3)
        self.last = nn.Linear(2 * width, 1)

    def forward(self, seen: torch.Tensor) -> torch.Tensor:
        """Logits ``(N,)`` of what `seen_of` makes of crops."""
        seen = functional.relu(self.first(seen))
        # Pooled at once: what is fine has been seen, and the rest costs a third.
        seen = functional.relu(self.second(functional.avg_pool2d(seen, 2)))
        seen = functional.relu(self.third(seen))
        pooled = torch.cat([seen.mean(dim=(2, 3)), seen.amax(dim=(2, 3))], dim=1)
        return self.last(functional.dropout(pooled, 0.2, self.training))[:, 0]


def seen_of(crops: NDArray[np.uint8]) -> torch.Tensor:
    """Crops uint8 ``(N, S, S, 3)`` as the network takes them, float32 ``(N, 6, S, S)``.

    The optical density of each channel, and what a small blur leaves of it: there a texture that was added
    pixel by pixel stands first.
    """
    colours = torch.from_numpy(crops).permute(0, 3, 1, 2).float() / 255
    density = -torch.log(colours.clamp_min(1 / 255))
    around = functional.avg_pool2d(functional.pad(density, (1, 1, 1, 1), mode="reflect"), 3, stride=1)
    return torch.cat([density - 0.5, 8 * (density - around)], dim=1)


def fit_network(
    crops: NDArray[np.uint8], labels: NDArray[np.int64], *, seed: int, least_steps: int = LEAST_STEPS
) -> DetectorNetwork:
    """Train on crops uint8 ``(N, S, S, 3)``, label 1 for altered; the same seed gives the same network on one
    thread.

    Each crop is seen ten times, few crops more often; they are turned and mirrored; classes weigh the same.
    The caller's random state is left alone.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = DetectorNetwork()
        seen = seen_of(crops)
        truth = torch.from_numpy(labels).float()
        weight = torch.where(truth > 0, 0.5 / truth.mean(), 0.5 / (1 - truth).mean())
        steps = max(math.ceil(len(crops) / BATCH) * EPOCHS, least_steps)
        optimiser = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=0.01)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps)
        order = torch.empty(0, dtype=torch.int64)
        for _ in range(steps):
            if len(order) < min(BATCH, len(crops)):
                order = torch.randperm(len(crops))
            chosen, order = order[:BATCH], order[BATCH:]
            loss = functional.binary_cross_entropy_with_logits(
                network(_turned(seen[chosen])), truth[chosen], weight=weight[chosen]
            )
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    return network.eval()


@torch.no_grad()
def score_crops(network: DetectorNetwork, crops: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Logits ``(N,)`` of crops uint8 ``(N, S, S, 3)``."""
    parts = [network(seen_of(crops[first : first + 1024])) for first in range(0, len(crops), 1024)]
    return torch.cat(parts).double().numpy() if parts else np.empty(0)


def _turned(images: torch.Tensor) -> torch.Tensor:
    """A batch of squares in one of their eight positions, at random."""
    position = int(torch.randint(8, (1,)))
    images = torch.rot90(images, position % 4, dims=(2, 3))
    return images.flip(3) if position >= 4 else images
