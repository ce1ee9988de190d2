"""The honest comparisons: the same mask filled without looking at the victim, and one square in the place of
many cells.
"""

from collections.abc import Callable, Iterator, Sequence
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
from snapgui.engine.settings import BEST_OF, RANDOM_NAMES, AttackSettings, Centre, best_name
from snapgui.engine.victim.victim import Victim
from snapgui.errors import MaskError

# Of a donor nucleus, the middle part alone: its corners are background.
INNER_SHARE = 0.7


def control_images(
    images: torch.Tensor, masks: torch.Tensor, attack: AttackSettings
) -> dict[str, torch.Tensor]:
    """Images ``(N, 3, H, W)`` whose masked pixels are filled without looking at the victim, rounded to 8
    bits.

    ``median colour`` is the image's own median, the other a random draw of the attack's texture. What these
    change, a patch would change by mere occlusion.
    """
    fills = {"median colour": "median", RANDOM_NAMES[attack.texture]: "random"}
    return {
        name: fill_images(images, masks, Alteration("fill", attack, fill=fill))
        for name, fill in fills.items()
    }


def random_draws(
    images: torch.Tensor, masks: torch.Tensor, attack: AttackSettings, count: int = 1
) -> Iterator[torch.Tensor]:
    """Images ``(N, 3, H, W)`` with random patches of the attack's texture, rounded to 8 bits, ``count``
    times: one colour of the gamut for each cell, or fields drawn within the bound.
    """
    places = pack(masks).places
    if attack.texture == "free":
        gamut = fit_gamut(attack.gamut, images, attack.stains)
        for draw in range(count):
            colours = start_colours("random", images, masks, gamut, seed=attack.seed + draw)
            yield compose(images, places, round_to_8_bits(colours))
        return
    texture = fit_texture(attack, images, masks)
    rows = torch.arange(len(texture.rows), device=images.device)
    chosen = torch.arange(len(places), device=images.device)
    for draw in range(count):
        colours = texture.colours(texture.start(1 + draw), rows, chosen)
        yield compose(images, places, round_to_8_bits(colours.clamp(0, 1)))


def best_of_draws(
    victim: Victim,
    image: torch.Tensor,
    mask: torch.Tensor,
    attack: AttackSettings,
    confidence: Callable[[torch.Tensor], torch.Tensor],
    *,
    batch_size: int = 32,
) -> tuple[torch.Tensor, float]:
    """Of `BEST_OF` random patches of one image ``(1, 3, H, W)`` the one of which the victim is most
    confident as an attack wants it, and how much: as the attack keeps the best of its steps.

    ``confidence`` takes probabilities ``(n, K)`` and gives ``(n,)``.
    """
    drawn = torch.cat(list(random_draws(image, mask, attack, BEST_OF)))
    found = torch.cat([confidence(victim.predict(part)) for part in drawn.split(batch_size)])
    best = int(found.argmax())
    return drawn[best : best + 1], float(found[best])


def score_controls(
    victim: Victim, images: torch.Tensor, masks: torch.Tensor, attack: AttackSettings
) -> dict[str, float]:
    """Probability of the class aimed at under each control of one image ``(1, 3, H, W)``, by its name."""

    def aimed(p: torch.Tensor) -> torch.Tensor:
        return p[:, attack.target]

    filled = control_images(images, masks, attack)
    scores = {name: float(aimed(victim.predict(pictures))[0]) for name, pictures in filled.items()}
    _, best = best_of_draws(victim, images, masks, attack, aimed)
    return scores | {best_name(attack.texture): best}


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
    """A square of ``area_px`` pixels on tissue, anywhere that the centre's rule allows: bool ``(H, W)``.

    Where no square has just so many pixels, its last row is not full.

    Raises:
        MaskError: no room for it.
    """
    shape = (pixels.shape[0], pixels.shape[1])
    width = max(1, round(area_px**0.5))
    height = -(-area_px // width)
    blocked = ~tissue_mask(pixels)
    if centre == "excluded":
        blocked |= centre_mask(shape)
    hits = cv2.integral(blocked.astype(np.uint8))
    inside = hits[height:, width:] - hits[:-height, width:] - hits[height:, :-width] + hits[:-height, :-width]
    free = np.argwhere(inside == 0) if height <= shape[0] and width <= shape[1] else np.empty((0, 2), int)
    if not len(free):
        raise MaskError(
            f"A square of {width} x {height} px finds no room on tissue, centre {centre}. Lower the "
            "area or open the centre."
        )
    top, left = free[rng.integers(len(free))]
    mask = np.zeros(shape, dtype=bool)
    mask[top : top + height, left : left + width] = True
    mask[top + height - 1, left + width - (width * height - area_px) : left + width] = False
    return mask


Kind = Literal["attack", "fill", "square", "whole"]


@dataclass(frozen=True)
class Alteration:
    """One way to alter the masked pixels of an image; the same code makes them all.

    Attributes:
        kind: ``attack`` optimises the cells, ``square`` one square, ``whole`` every pixel by a little;
            ``fill`` does not look at the victim.
        attack: how it is optimised; of a filling, its gamut and seed.
        fill: ``median`` colour, or a ``random`` patch of the attack's texture.
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
    if alteration.free:
        return free_gamut(images)
    return fit_gamut(alteration.attack.gamut, images, alteration.attack.stains)


def fill_images(images: torch.Tensor, masks: torch.Tensor, alteration: Alteration) -> torch.Tensor:
    """Images ``(N, 3, H, W)`` filled where bool ``(N, 1, H, W)`` allows, rounded to 8 bits."""
    if alteration.fill != "median":
        return next(random_draws(images, masks, alteration.attack))
    colours = start_colours("median", images, masks, allowed_colours(alteration, images))
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
