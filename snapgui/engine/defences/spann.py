"""SpaNN's idea: what is salient to the first convolution falls into other clusters where patches lie."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import nn

from snapgui import shipped
from snapgui.engine.defences.weights import trained
from snapgui.engine.victim.victim import Victim
from snapgui.errors import ModelError

# Levels of saliency, and what is measured at each: clusters, how far their pixels lie apart on average over
# the clusters, the deviation of that, and how many pixels are salient.
LEVELS, MEASURES = 20, 4
FEATURES = LEVELS * MEASURES
# How soft a level is where its gradient is asked, as a share of the maximum.
SOFT = 0.02


class SpannNetwork(nn.Module):
    """Features of clusters to one score each, above 0 for an alarm."""

    mean: torch.Tensor
    deviation: torch.Tensor
    threshold: torch.Tensor

    def __init__(self, width: int = 24) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(FEATURES))
        self.register_buffer("deviation", torch.ones(FEATURES))
        self.register_buffer("threshold", torch.zeros(()))
        self.first, self.last = nn.Linear(FEATURES, width), nn.Linear(width, 1)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Scores ``(N,)`` of features ``(N, MEASURES, LEVELS)``."""
        seen = (features.flatten(1) - self.mean) / self.deviation
        hidden = F.dropout(F.gelu(self.first(seen.clamp(-8, 8))), 0.2, self.training)
        score: torch.Tensor = self.last(hidden)[:, 0] - self.threshold
        return score


def saliency(activation: torch.Tensor) -> torch.Tensor:
    """The map ``(N, h, w)`` of what a first convolution answers ``(N, C, h, w)``: mean over its channels of
    what a ReLU lets through, divided by its maximum.
    """
    mean = F.relu(activation.float()).mean(1)
    return mean / mean.amax((1, 2), keepdim=True).clamp_min(1e-12)


def cluster_features(maps: torch.Tensor) -> torch.Tensor:
    """Features ``(N, MEASURES, LEVELS)`` of maps ``(N, h, w)`` in [0, 1].

    Clusters are the connected salient pixels, corners counted as touching: those that DBSCAN finds with a
    reach of one pixel. How far pixels lie apart is the root mean square over pairs of them, as a share of the
    map's side. Values are those of hard levels; their gradient is that of levels `SOFT` wide with the
    clusters as they are (BPDA), so that it says how one shrinks, grows or goes.
    """
    count, height, width = maps.shape
    levels = torch.linspace(0, 1, LEVELS + 2, device=maps.device)[1:-1, None, None]
    soft = torch.sigmoid((maps[:, None] - levels) / SOFT).flatten()
    salient = maps[:, None] >= levels
    weight = salient.flatten() + (soft - soft.detach())
    names, owners = _clusters(salient.cpu().numpy())
    name, owner = torch.from_numpy(names).to(maps.device), torch.from_numpy(owners).to(maps.device)
    inside = torch.nonzero(name >= 0)[:, 0]
    name = name[inside]

    def over_clusters(values: torch.Tensor) -> torch.Tensor:
        return values.new_zeros(len(owner)).index_add(0, name, values)

    place = inside % (height * width)
    own = weight[inside]
    area = over_clusters(own)
    apart = torch.zeros_like(area)
    for where in (place // width / height, place % width / width):
        middle = over_clusters(own * where) / area
        apart = apart + 2 * over_clusters(own * (where - middle.detach()[name]) ** 2) / area
    apart = (apart + 1e-8).sqrt()
    highest = torch.zeros_like(area).scatter_reduce(0, name, soft[inside], "amax")
    there = 1 + (highest - highest.detach())

    def over_levels(values: torch.Tensor) -> torch.Tensor:
        return values.new_zeros(count * LEVELS).index_add(0, owner, values)

    clusters = over_levels(there)
    at_least_one = clusters.clamp_min(1)
    mean = over_levels(there * apart) / at_least_one
    spread = over_levels(there * (apart - mean[owner]) ** 2) / at_least_one
    share = weight.view(count * LEVELS, -1).mean(1)
    measured = [
        torch.log1p(clusters),
        mean,
        (spread + 1e-8).sqrt(),
        torch.log(share.clamp_min(0) + 1 / (height * width)),
    ]
    return torch.stack([one.view(count, LEVELS) for one in measured], 1)


def _clusters(salient: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Of bool ``(N, L, h, w)`` the cluster of every pixel, flat, -1 for none; and each cluster's map."""
    flat = salient.reshape(-1, *salient.shape[2:]).astype(np.uint8)
    names = np.empty(flat.shape, dtype=np.int64)
    owners: list[NDArray[np.int64]] = []
    before = 0
    for n, level in enumerate(flat):
        found, labels = cv2.connectedComponents(level, connectivity=8)
        names[n] = np.where(labels > 0, labels - 1 + before, -1)
        owners.append(np.full(found - 1, n, dtype=np.int64))
        before += found - 1
    return names.reshape(-1), np.concatenate(owners)


def look_and_answer(victim: Victim, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits ``(N, K)`` and the saliency ``(N, h, w)`` of one and the same pass; raises ModelError for a
    victim whose first convolution cannot be reached.
    """
    first = next(
        (module for module in victim.modules() if isinstance(module, nn.Conv2d) and module.in_channels == 3),
        None,
    )
    if first is None:
        raise ModelError(
            f"SpaNN looks at the first convolution of a model, and {victim.card.name} shows none. Leave "
            "“spann” out."
        )
    seen: list[torch.Tensor] = []
    handle = first.register_forward_hook(lambda _module, _inputs, answer: seen.append(answer))
    try:
        logits = victim(images)
    finally:
        handle.remove()
    return logits, saliency(seen[0])


def look_yourself(logits: torch.Tensor, score: torch.Tensor) -> torch.Tensor:
    """Logits ``(N, 2)`` as they are where there is no alarm, a score ``(N,)`` above 0; with an alarm the
    picture counts as metastasis, by the more the higher the score: nobody is fooled who is told to look.

    An attacker follows the score downhill, and until the model itself is fooled its logits, too.
    """
    margin = F.relu(logits[:, 1] - logits[:, 0]) + score.to(logits)
    told = torch.stack([-margin / 2, margin / 2], 1)
    return torch.where((score > 0)[:, None], told, logits)


@dataclass(frozen=True)
class Spann:
    """A detector of many patches by clusters over levels of saliency (Byrd Victorica, Dán and Sandberg,
    SaTML 2025, arXiv 2506.18591), with a small network trained on SNAP.

    An alarm says “look yourself” and counts as metastasis. It costs the same for one patch as for a hundred.
    Its gradient goes through the alarm with soft levels, so that who knows it attacks it, too. The network
    was trained on the first convolution of the shipped ResNet50; behind another model its alarms mean little
    until its false alarms there have been measured.
    """

    path: Path = shipped.DEFENCES / "spann.safetensors"
    draws: ClassVar[int] = 0

    @property
    def name(self) -> str:
        return "SpaNN"

    def __call__(self, victim: Victim, images: torch.Tensor, chance: torch.Generator) -> torch.Tensor:
        logits, maps = look_and_answer(victim, images)
        return look_yourself(logits, self._scores(maps))

    @torch.no_grad()
    def alarms(self, victim: Victim, images: torch.Tensor) -> torch.Tensor:
        """Bool ``(N,)``."""
        _, maps = look_and_answer(victim, images.to(victim.mean.device))
        return (self._scores(maps) > 0).cpu()

    def sha256(self) -> str:
        return trained(SpannNetwork, self.path)[1]

    def _scores(self, maps: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = trained(SpannNetwork, self.path)[0].to(maps.device)(cluster_features(maps))
        return scores
