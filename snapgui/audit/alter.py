"""How a condition alters the images of a shard: its masks, and its pictures."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from snapgui.audit.settings import SMALL_CHANGE, Condition, draw_seed, seed_of
from snapgui.engine.attack.objectives import Untargeted
from snapgui.engine.cells.outlines import Mask, draw_mask
from snapgui.engine.cells.placement import place_in_each
from snapgui.engine.controls import (
    Alteration,
    attack_steps,
    best_of_draws,
    fill_images,
    paste_nuclei,
    square_mask,
)
from snapgui.engine.images import to_image, to_pixels
from snapgui.engine.settings import AttackSettings, CellSettings
from snapgui.engine.sham import Source, make_sham
from snapgui.engine.victim.victim import Victim
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
            [self.positions[i] for i in rows],
            [self.ids[i] for i in rows],
            self.labels[list(rows)],
            [self.pixels[i] for i in rows],
            self.p[list(rows)],
        )


@dataclass(frozen=True)
class Altered:
    """Pictures uint8 ``(H, W, 3)`` after a condition, with the step of each and the gradient steps it took
    (none for a filling).
    """

    pixels: list[NDArray[np.uint8]]
    best_step: list[int | None]
    steps: list[int | None]


def masks_for(
    victim: Victim, subjects: Subjects, condition: Condition, cache: MaskCache
) -> list[Mask | MaskError]:
    """The mask of each subject under a condition, or why there is none.

    Conditions with the same cells share their masks.
    """
    shape = (subjects.pixels[0].shape[0], subjects.pixels[0].shape[1])
    if condition.kind == "whole":
        return [np.ones(shape, dtype=bool) for _ in subjects.ids]
    key = (condition.cells, condition.attack)
    if key not in cache:
        settings = [_with_seed(condition.cells, name) for name in subjects.ids]
        cells = place_in_each(
            victim, subjects.pixels, settings, _objective(victim, subjects), condition.attack
        )
        cache[key] = [
            outlines if isinstance(outlines, MaskError) else draw_mask(outlines, shape) for outlines in cells
        ]
    masks = cache[key]
    if condition.kind == "square":
        return [_square(subjects, i, mask, condition) for i, mask in enumerate(masks)]
    return masks


def alter(
    victim: Victim,
    subjects: Subjects,
    masks: Sequence[Mask],
    condition: Condition,
    textures: Sequence[NDArray[np.uint8]],
    *,
    batch_size: int,
    draw: int = 0,
    snap: Sequence[NDArray[np.uint8]] | None = None,
) -> Altered:
    """The subjects under a condition; ``draw`` counts the times that it is drawn anew. A sham is made of what
    SNAP made of them, the first that there is, whether it fools the victim or not.

    Raises:
        MaskError: nuclei are to be pasted and there are no textures.
    """
    if condition.fill == "nuclei":
        pictures = [
            paste_nuclei(pixels, mask, textures, np.random.default_rng(seed_of(condition.cells.seed, name)))
            for pixels, mask, name in zip(subjects.pixels, masks, subjects.ids, strict=True)
        ]
        return _not_optimised(pictures)
    if condition.kind == "sham":
        assert snap is not None, "a sham is made of SNAP's pictures"
        sources = map(Source, subjects.ids, subjects.pixels, snap, masks)
        texture = condition.attack.texture
        made = [make_sham(replace(source, texture=texture), seed=condition.attack.seed) for source in sources]
        return _not_optimised([sham.pixels for sham in made])
    images = torch.stack([to_image(pixels) for pixels in subjects.pixels]).to(victim.mean.device)
    stacked = torch.from_numpy(np.stack(masks))[:, None].to(images.device)
    alteration = Alteration(condition.kind, condition.attack, condition.fill, condition.free, SMALL_CHANGE)
    if condition.kind == "fill":
        pictures = []
        for i, name in enumerate(subjects.ids):
            one = images[i : i + 1], stacked[i : i + 1]
            own = replace(condition.attack, seed=draw_seed(condition.attack.seed, name, draw))
            if condition.fill == "best":
                away = _away_from(int(subjects.labels[i]))
                filled, _ = best_of_draws(victim, *one, own, away, batch_size=batch_size)
            else:
                filled = fill_images(*one, replace(alteration, attack=own))
            pictures.append(to_pixels(filled[0]))
        return _not_optimised(pictures)
    for step in attack_steps(
        victim, images, stacked, alteration, objective=_objective(victim, subjects), batch_size=batch_size
    ):
        last = step
    return Altered(
        [to_pixels(image) for image in last.best_images], last.best_step.tolist(), last.taken.tolist()
    )


def _not_optimised(pictures: list[NDArray[np.uint8]]) -> Altered:
    nothing: list[int | None] = [None] * len(pictures)
    return Altered(pictures, nothing, nothing)


def _away_from(label: int) -> Callable[[torch.Tensor], torch.Tensor]:
    return lambda p: 1 - p[:, label]


def _objective(victim: Victim, subjects: Subjects) -> Untargeted:
    return Untargeted(torch.from_numpy(subjects.labels).to(victim.mean.device))


def _with_seed(cells: CellSettings, name: str) -> CellSettings:
    return replace(cells, seed=seed_of(cells.seed, name))


def _square(subjects: Subjects, i: int, mask: Mask | MaskError, condition: Condition) -> Mask | MaskError:
    if isinstance(mask, MaskError):
        return mask
    rng = np.random.default_rng(seed_of(condition.cells.seed, subjects.ids[i]))
    try:
        return square_mask(subjects.pixels[i], int(mask.sum()), condition.cells.centre, rng)
    except MaskError as error:
        return error
