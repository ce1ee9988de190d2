"""SNAP in the loop: part of each batch is attacked on the network as it stands, and learned with its true
label.

Adversarial training (Madry et al., arXiv 1706.06083) with this tool's own attack: random cells, textures,
gamuts and areas, both classes attacked away from their labels. What is attacked is the view that is learned:
a picture that is turned or enlarged afterwards is interpolated, which takes most of a patch away.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import nn
from torch.utils.data import default_collate

from snapgui.engine.attack.loop import run_attack
from snapgui.engine.attack.objectives import Untargeted
from snapgui.engine.attack.texture import fit_texture
from snapgui.engine.cells.outlines import Mask, draw_mask
from snapgui.engine.cells.proposals import propose_cells
from snapgui.engine.settings import GAMUTS, AttackSettings, CellSettings
from snapgui.engine.victim.victim import IMAGENET_MEAN, IMAGENET_STD, ModelCard, Victim
from snapgui.errors import MaskError
from snapgui.training.augment import random_views

AREAS = (0.02, 0.10)
COUNTS = (6, 24)


class _AsItStands(Victim):
    """A network in training, seen as a victim: the weights are its own, not a copy."""

    def __init__(self, network: nn.Module, size_px: int, device: torch.device) -> None:
        nn.Module.__init__(self)
        self.network = network
        self.card = ModelCard("in training", "", input_size_px=size_px)
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN, device=device).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(IMAGENET_STD, device=device).view(1, 3, 1, 1))
        self._mixed = torch.is_autocast_enabled(device.type)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits in the precision of the training; all else of an attack needs float32."""
        with torch.autocast(images.device.type, torch.bfloat16, enabled=self._mixed):
            return super().forward(images)


@dataclass(frozen=True)
class Drawn:
    """How one batch is attacked."""

    attack: AttackSettings
    cells: CellSettings


def draw_attack(steps: int, rng: np.random.Generator) -> Drawn:
    """An attack at random: one of three textures, as the presets use them, with other cells each time."""
    seed = int(rng.integers(2**31))
    kind = int(rng.integers(3))
    area = float(rng.uniform(*AREAS))
    count = int(rng.integers(COUNTS[0], COUNTS[1] + 1))
    cells = CellSettings(count=count, area=area, placement="scattered", seed=seed)
    attack = AttackSettings(steps=steps, confidence=0.95, seed=seed)
    if kind == 0:
        gamut = GAMUTS[int(rng.integers(len(GAMUTS)))]
        return Drawn(replace(attack, texture="free", gamut=gamut, start="random"), cells)
    if kind == 1:
        bound = float(rng.uniform(0.4, 0.9))
        every = CellSettings(placement="all_nuclei", area=float(rng.uniform(0.15, 0.3)), seed=seed)
        return Drawn(replace(attack, texture="retouch", bound=bound, grid_px=1.0, gamut="stain"), every)
    bound = float(rng.uniform(1.5, 3.0))
    return Drawn(
        replace(attack, texture="nucleus", bound=bound, gamut="stain"), replace(cells, placement="nuclei")
    )


def batch_with_cells(
    samples: Sequence[tuple[torch.Tensor, int]], *, steps: int, share: float, stain: float
) -> list[torch.Tensor]:
    """A loader's batch with the cells of its first part: pixels, labels, the seed of its attack, the rows
    that are attacked, and their masks, bool ``(n, 1, H, W)``.

    The first part is flipped, turned by quarters and stained at random; nothing of it is interpolated.
    Cells are found by the loader's processes, which costs more than the attack's steps on a GPU. Chance comes
    from the patches themselves: who makes a batch, and when, does not matter. An image without room for cells
    is not attacked.
    """
    pixels, labels = default_collate(list(samples))
    seed = zlib.crc32(pixels.numpy().tobytes())
    rng = np.random.default_rng(seed)
    cells = draw_attack(steps, rng).cells
    first = round(len(pixels) * share)
    pixels[:first] = _turned(pixels[:first], seed=seed, stain=stain)
    shape = (pixels.shape[2], pixels.shape[3])
    rows: list[int] = []
    masks: list[Mask] = []
    for row in range(first):
        own = replace(cells, seed=int(rng.integers(2**31)))
        try:
            outlines = propose_cells(np.ascontiguousarray(pixels[row].permute(1, 2, 0).numpy()), own)
        except MaskError:
            continue
        rows.append(row)
        masks.append(draw_mask(outlines, shape))
    stacked = np.stack(masks) if masks else np.zeros((0, *shape), dtype=bool)
    return [
        pixels,
        labels,
        torch.tensor(seed),
        torch.tensor(rows, dtype=torch.long),
        torch.from_numpy(stacked)[:, None],
    ]


def _turned(pixels: torch.Tensor, *, seed: int, stain: float) -> torch.Tensor:
    views = random_views(
        pixels.float() / 255,
        size_px=pixels.shape[2],
        generator=torch.Generator().manual_seed(seed),
        stain=stain,
        scale=0.0,
        rotation_deg=0.0,
    )
    return (views * 255).round().to(pixels.dtype)


def attack_batch(
    network: nn.Module,
    images: torch.Tensor,
    labels: torch.Tensor,
    masks: torch.Tensor,
    *,
    size_px: int,
    steps: int,
    seed: int,
) -> torch.Tensor:
    """Images ``(N, 3, H, W)`` in [0, 1] after the attack of this seed inside bool ``masks`` ``(N, 1, H, W)``
    on ``network``, away from int64 labels ``(N,)``.

    The network answers as it would after training (its normalisations fixed) and is left in training.
    """
    if not len(images):
        return images
    attack = draw_attack(steps, np.random.default_rng(seed)).attack
    was_training = network.training
    network.eval()
    try:
        victim = _AsItStands(network, size_px, images.device).eval()
        with torch.autocast(images.device.type, enabled=False):
            *_, last = run_attack(
                victim,
                images,
                masks,
                objective=Untargeted(labels),
                texture=fit_texture(attack, images, masks),
                settings=attack,
            )
    finally:
        network.train(was_training)
    return last.best_images.detach()
