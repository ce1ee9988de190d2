"""The honest comparisons: the same mask filled without looking at the victim, and one square in the place of
many cells.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from snapgui.engine.attack.gamut import Gamut, fit_gamut, free_gamut, near_gamut
from snapgui.engine.attack.loop import run_attack
from snapgui.engine.attack.objectives import Objective
from snapgui.engine.attack.packing import compose, flatten, pack
from snapgui.engine.attack.pool import Step
from snapgui.engine.attack.starts import start_colours
from snapgui.engine.attack.texture import FreeTexture, Texture, fit_texture
from snapgui.engine.cells.outlines import Mask, centre_mask
from snapgui.engine.images import round_to_8_bits
from snapgui.engine.nuclei import find_nuclei, tissue_mask
from snapgui.engine.settings import AttackSettings, Centre, Start
from snapgui.engine.victim.victim import Victim
from snapgui.errors import MaskError

# Of a donor nucleus, the middle part alone: its corners are background.
INNER_SHARE = 0.7


def control_images(
    images: torch.Tensor, masks: torch.Tensor, gamut: Gamut, *, seed: int = 0
) -> dict[str, torch.Tensor]:
    """Images ``(N, 3, H, W)`` whose masked pixels are filled without looking at the victim, rounded to 8
    bits.

    ``median colour`` is the image's own median, ``random colours`` one random colour of the gamut for each
    cell. What these change, a patch would change by mere occlusion.
    """
    places = pack(masks).places
    fills = {
        "median colour": start_colours("median", images, masks, gamut),
        "random colours": start_colours("random", images, masks, gamut, seed=seed),
    }
    return {name: compose(images, places, round_to_8_bits(colours)) for name, colours in fills.items()}


def nucleus_textures(pictures: Sequence[NDArray[np.uint8]], *, least_px: int = 5) -> list[NDArray[np.uint8]]:
    """The inner parts of the nuclei of donor pictures uint8 ``(H, W, 3)``, at least ``least_px`` wide each
    way.
    """
    textures = []
    for picture in pictures:
        for outline in find_nuclei(picture):
            middle, half = outline.mean(axis=0), np.ptp(outline, axis=0) / 2 * INNER_SHARE
            left, top = np.maximum(np.rint(middle - half), 0).astype(int)
            right, bottom = np.rint(middle + half).astype(int) + 1
            texture = picture[top:bottom, left:right]
            if min(texture.shape[:2]) >= least_px:
                textures.append(texture)
    return textures


def paste_nuclei(
    pixels: NDArray[np.uint8], mask: Mask, textures: Sequence[NDArray[np.uint8]], rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Each cell of a mask bool ``(H, W)`` filled with the texture of a real nucleus, stretched to it: uint8
    ``(H, W, 3)``.

    Raises:
        MaskError: no textures.
    """
    if not textures:
        raise MaskError("No nuclei were found in the donor patches. Give normal patches that show nuclei.")
    filled = pixels.copy()
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
    for cell in range(1, count):
        left, top, width, height = boxes[cell, :4]
        texture = textures[int(rng.integers(len(textures)))]
        stretched = cv2.resize(texture, (int(width), int(height)), interpolation=cv2.INTER_LINEAR).reshape(
            height, width, 3
        )
        place = np.s_[top : top + height, left : left + width]
        inside = labels[place] == cell
        filled[place][inside] = stretched[inside]
    return filled


def square_mask(pixels: NDArray[np.uint8], area_px: int, centre: Centre, rng: np.random.Generator) -> Mask:
    """One square of about ``area_px`` pixels on tissue, anywhere that the centre's rule allows: bool ``(H,
    W)``.

    Raises:
        MaskError: no room for it.
    """
    shape = (pixels.shape[0], pixels.shape[1])
    side = max(1, round(area_px**0.5))
    blocked = ~tissue_mask(pixels)
    if centre == "excluded":
        blocked |= centre_mask(shape)
    hits = cv2.integral(blocked.astype(np.uint8))
    inside = hits[side:, side:] - hits[:-side, side:] - hits[side:, :-side] + hits[:-side, :-side]
    free = np.argwhere(inside == 0) if side <= min(shape) else np.empty((0, 2), int)
    if not len(free):
        raise MaskError(
            f"A square of {side} x {side} px finds no room on tissue, centre {centre}. Lower the "
            "area or open the centre."
        )
    top, left = free[rng.integers(len(free))]
    mask = np.zeros(shape, dtype=bool)
    mask[top : top + side, left : left + side] = True
    return mask


Kind = Literal["attack", "fill", "square", "whole"]


@dataclass(frozen=True)
class Alteration:
    """One way to alter the masked pixels of an image; the same code makes them all.

    Attributes:
        kind: ``attack`` optimises the cells, ``square`` one square, ``whole`` every pixel by a little;
            ``fill`` does not look at the victim.
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
    colours = start_colours(
        start, images, masks, allowed_colours(alteration, images), seed=alteration.attack.seed
    )
    return compose(images, pack(masks).places, round_to_8_bits(colours))


def attack_steps(
    victim: Victim,
    images: torch.Tensor,
    masks: torch.Tensor,
    alteration: Alteration,
    *,
    objective: Objective,
    batch_size: int | None = None,
) -> Iterator[Step]:
    """The steps of an alteration that is optimised, as `run_attack` gives them; ``whole`` starts from the
    images themselves.
    """
    settings = alteration.attack
    if alteration.kind == "whole":
        start = flatten(images)
        texture: Texture = FreeTexture(allowed_colours(alteration, images), images, masks, start)
    elif alteration.free:
        gamut = allowed_colours(alteration, images)
        start = start_colours(settings.start, images, masks, gamut, seed=settings.seed)
        texture = FreeTexture(gamut, images, masks, start, seed=settings.seed)
    else:
        texture = fit_texture(settings, images, masks)
    return run_attack(
        victim,
        images,
        masks,
        objective=objective,
        texture=texture,
        settings=settings,
        batch_size=batch_size,
    )
