"""SNAP in the loop: part of each batch is attacked on the network as it stands, and learned with its true
label.

Adversarial training (Madry et al., arXiv 1706.06083) with this tool's own attack: random cells, textures,
gamuts and areas, both classes attacked away from their labels.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import nn

from snapgui.engine.attack.loop import run_attack
from snapgui.engine.attack.objectives import Untargeted
from snapgui.engine.attack.texture import fit_texture
from snapgui.engine.cells.outlines import Mask, draw_mask
from snapgui.engine.cells.proposals import propose_cells
from snapgui.engine.images import to_pixels
from snapgui.engine.settings import GAMUTS, AttackSettings, CellSettings
from snapgui.engine.victim.victim import IMAGENET_MEAN, IMAGENET_STD, ModelCard, Victim
from snapgui.errors import MaskError

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


def attack_batch(
    network: nn.Module,
    images: torch.Tensor,
    labels: torch.Tensor,
    *,
    size_px: int,
    steps: int,
    rng: np.random.Generator,
) -> torch.Tensor:
    """Images ``(N, 3, H, W)`` in [0, 1] after an attack on ``network`` away from int64 labels ``(N,)``.

    The network answers as it would after training (its normalisations fixed) and is left in training. An
    image without room for cells stays as it is.
    """
    drawn = draw_attack(steps, rng)
    masks: list[Mask] = []
    rows: list[int] = []
    for row, image in enumerate(images):
        pixels = to_pixels(image)
        try:
            outlines = propose_cells(pixels, replace(drawn.cells, seed=int(rng.integers(2**31))))
        except MaskError:
            continue
        masks.append(draw_mask(outlines, (pixels.shape[0], pixels.shape[1])))
        rows.append(row)
    if not rows:
        return images
    some = images[rows]
    stacked = torch.from_numpy(np.stack(masks))[:, None].to(images.device)
    was_training = network.training
    network.eval()
    try:
        victim = _AsItStands(network, size_px, images.device).eval()
        *_, last = run_attack(
            victim,
            some,
            stacked,
            objective=Untargeted(labels[rows]),
            texture=fit_texture(drawn.attack, some, stacked),
            settings=drawn.attack,
        )
    finally:
        network.train(was_training)
    attacked = images.clone()
    attacked[rows] = last.best_images.detach()
    return attacked
