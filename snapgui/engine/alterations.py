"""The ways to alter images that are compared with each other: attacks on cells, a square or every pixel, and fillings."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch

from snapgui.engine.attack import Step, run_attack
from snapgui.engine.gamut import Gamut, fit_gamut, free_gamut, near_gamut
from snapgui.engine.images import round_to_8_bits
from snapgui.engine.objectives import Objective
from snapgui.engine.packing import compose, flatten, pack
from snapgui.engine.settings import AttackSettings, Start
from snapgui.engine.starts import start_colours
from snapgui.engine.victim import Victim

Kind = Literal["attack", "fill", "square", "whole"]


@dataclass(frozen=True)
class Alteration:
    """One way to alter the masked pixels of an image; the same code makes them all.

    Attributes:
        kind: ``attack`` optimises the cells, ``square`` one square, ``whole`` every pixel by a little; ``fill`` does not look at
            the victim.
        attack: how it is optimised; of a filling, its gamut and seed.
        fill: ``median`` or ``random`` colours.
        free: every colour instead of the gamut.
        epsilon: the little of ``whole``, for values in [0, 1].
    """

    kind: Kind
    attack: AttackSettings
    fill: str = ""
    free: bool = False
    epsilon: float = 2 / 255


def allowed_colours(alteration: Alteration, images: torch.Tensor) -> Gamut:
    """What an alteration may use in images ``(N, 3, H, W)``."""
    if alteration.kind == "whole":
        return near_gamut(images, alteration.epsilon)
    return free_gamut(images) if alteration.free else fit_gamut(alteration.attack.gamut, images)


def fill_images(images: torch.Tensor, masks: torch.Tensor, alteration: Alteration) -> torch.Tensor:
    """Images ``(N, 3, H, W)`` filled where bool ``(N, 1, H, W)`` allows, rounded to 8 bits."""
    start: Start = "median" if alteration.fill == "median" else "random"
    colours = start_colours(start, images, masks, allowed_colours(alteration, images), seed=alteration.attack.seed)
    return compose(images, pack(masks).places, round_to_8_bits(colours))


def attack_steps(
    victim: Victim, images: torch.Tensor, masks: torch.Tensor, alteration: Alteration, *, objective: Objective, batch_size: int | None = None
) -> Iterator[Step]:
    """The steps of an alteration that is optimised, as `run_attack` gives them; ``whole`` starts from the images themselves."""
    settings, gamut = alteration.attack, allowed_colours(alteration, images)
    if alteration.kind == "whole":
        start = flatten(images)
    else:
        start = start_colours(settings.start, images, masks, gamut, seed=settings.seed)
    return run_attack(
        victim, images, masks, objective=objective, gamut=gamut, start=start, settings=settings, batch_size=batch_size,
    )
