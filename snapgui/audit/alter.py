"""How a condition alters the images of a shard: its masks, and its pictures."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from snapgui.audit.settings import SMALL_CHANGE, Condition, seed_of
from snapgui.engine.attack import run_attack
from snapgui.engine.cells import Mask, draw_mask
from snapgui.engine.controls import paste_nuclei, square_mask
from snapgui.engine.gamut import Gamut, fit_gamut, free_gamut, near_gamut
from snapgui.engine.images import round_to_8_bits, to_image, to_pixels
from snapgui.engine.objectives import Untargeted
from snapgui.engine.packing import compose, flatten, pack
from snapgui.engine.placement import place_in_each
from snapgui.engine.settings import AttackSettings, CellSettings
from snapgui.engine.starts import start_colours
from snapgui.engine.victim import Victim
from snapgui.errors import MaskError

MaskCache = dict[tuple[CellSettings, AttackSettings], list[Mask | MaskError]]


@dataclass(frozen=True)
class Subjects:
    """Correctly classified images that are attacked away from their label.

    Attributes:
        positions: among the audited patches.
        ids: their names.
        labels: int64 ``(N,)``.
        pixels: uint8 ``(H, W, 3)`` each, all of one size.
        p: probabilities ``(N, K)`` before.
    """

    positions: list[int]
    ids: list[str]
    labels: NDArray[np.int64]
    pixels: list[NDArray[np.uint8]]
    p: NDArray[np.float64]

    def of(self, rows: Sequence[int]) -> "Subjects":
        """Some of them."""
        return Subjects(
            [self.positions[i] for i in rows], [self.ids[i] for i in rows], self.labels[list(rows)],
            [self.pixels[i] for i in rows], self.p[list(rows)],
        )


@dataclass(frozen=True)
class Altered:
    """Pictures uint8 ``(H, W, 3)`` after a condition, with the step of each and the gradient steps it took (none for a filling)."""

    pixels: list[NDArray[np.uint8]]
    best_step: list[int | None]
    steps: list[int | None]


def masks_for(victim: Victim, subjects: Subjects, condition: Condition, cache: MaskCache) -> list[Mask | MaskError]:
    """The mask of each subject under a condition, or why there is none. Conditions with the same cells share their masks."""
    shape = (subjects.pixels[0].shape[0], subjects.pixels[0].shape[1])
    if condition.kind == "whole":
        return [np.ones(shape, dtype=bool) for _ in subjects.ids]
    key = (condition.cells, condition.attack)
    if key not in cache:
        settings = [_with_seed(condition.cells, name) for name in subjects.ids]
        cells = place_in_each(victim, subjects.pixels, settings, _objective(victim, subjects), condition.attack)
        cache[key] = [one if isinstance(one, MaskError) else draw_mask(one, shape) for one in cells]
    masks = cache[key]
    if condition.kind == "square":
        return [_square(subjects, i, mask, condition) for i, mask in enumerate(masks)]
    return masks


def alter(
    victim: Victim, subjects: Subjects, masks: Sequence[Mask], condition: Condition, textures: Sequence[NDArray[np.uint8]],
    *, batch_size: int,
) -> Altered:
    """The subjects under a condition.

    Raises:
        MaskError: nuclei are to be pasted and there are no textures.
    """
    if condition.fill == "nuclei":
        pictures = [
            paste_nuclei(pixels, mask, textures, np.random.default_rng(seed_of(condition.cells.seed, name)))
            for pixels, mask, name in zip(subjects.pixels, masks, subjects.ids, strict=True)
        ]
        return _not_optimised(pictures)
    images = torch.stack([to_image(pixels) for pixels in subjects.pixels]).to(victim.mean.device)
    stacked = torch.from_numpy(np.stack(masks))[:, None].to(images.device)
    settings = condition.attack
    gamut = _gamut(condition, images)
    if condition.kind == "fill":
        colours = start_colours("median" if condition.fill == "median" else "random", images, stacked, gamut, seed=settings.seed)
        filled = compose(images, pack(stacked).places, round_to_8_bits(colours))
        return _not_optimised([to_pixels(image) for image in filled])
    whole = condition.kind == "whole"
    start_from = flatten(images) if whole else start_colours(settings.start, images, stacked, gamut, seed=settings.seed)
    for step in run_attack(
        victim, images, stacked, objective=_objective(victim, subjects), gamut=gamut, start=start_from, settings=settings,
        batch_size=batch_size,
    ):
        last = step
    return Altered([to_pixels(image) for image in last.best_images], last.best_step.tolist(), last.taken.tolist())


def _not_optimised(pictures: list[NDArray[np.uint8]]) -> Altered:
    nothing: list[int | None] = [None] * len(pictures)
    return Altered(pictures, nothing, nothing)


def _gamut(condition: Condition, images: torch.Tensor) -> Gamut:
    if condition.kind == "whole":
        return near_gamut(images, SMALL_CHANGE)
    return free_gamut(images) if condition.free else fit_gamut(condition.attack.gamut, images)


def _objective(victim: Victim, subjects: Subjects) -> Untargeted:
    return Untargeted(torch.from_numpy(subjects.labels).to(victim.mean.device))


def _with_seed(cells: CellSettings, name: str) -> CellSettings:
    return CellSettings(**{**cells.to_json(), "seed": seed_of(cells.seed, name)})


def _square(subjects: Subjects, i: int, mask: Mask | MaskError, condition: Condition) -> Mask | MaskError:
    if isinstance(mask, MaskError):
        return mask
    rng = np.random.default_rng(seed_of(condition.cells.seed, subjects.ids[i]))
    try:
        return square_mask(subjects.pixels[i], int(mask.sum()), condition.cells.centre, rng)
    except MaskError as error:
        return error
