"""The common set: the same patches, the same masks and one judge for every attack that is compared."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch

from benchmarks.optimisers import rule_of
from snapgui.data.datasets import PatchSet, open_patches
from snapgui.engine.attack.gamut import fit_gamut, free_gamut
from snapgui.engine.attack.loop import run_attack
from snapgui.engine.attack.objectives import Targeted
from snapgui.engine.attack.packing import Packed
from snapgui.engine.attack.pool import Step
from snapgui.engine.attack.starts import start_colours
from snapgui.engine.attack.texture import FreeTexture, Texture, fit_texture
from snapgui.engine.cells.outlines import draw_mask
from snapgui.engine.cells.placement import place_cells
from snapgui.engine.images import decode_pixels, encode_png, to_image, to_pixels
from snapgui.engine.settings import AttackSettings, CellSettings, GamutName
from snapgui.engine.victim.card import ModelCard, card_beside
from snapgui.engine.victim.checkpoints import decode_tensors, read_checkpoint
from snapgui.engine.victim.search import find_network
from snapgui.engine.victim.victim import Victim
from snapgui.errors import DataError, MaskError

SOURCE, TARGET = 1, 0
JUDGED_AT_ONCE = 32


@dataclass(frozen=True)
class PatchBatch:
    """Metastases that the victim finds, with the pixels that an attack may change.

    ``images`` is float32 ``(N, 3, H, W)`` in [0, 1], ``masks`` bool ``(N, 1, H, W)``; ``gamut`` names the
    colours that our attack may use: one of the engine's, or ``free`` for every colour, which is what the
    peers have.
    """

    ids: tuple[str, ...]
    images: torch.Tensor
    masks: torch.Tensor
    gamut: GamutName | Literal["free"] = "range"

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, part: slice) -> "PatchBatch":
        return replace(self, ids=self.ids[part], images=self.images[part], masks=self.masks[part])

    def take(self, places: list[int]) -> "PatchBatch":
        """The images at these places."""
        return replace(
            self, ids=tuple(self.ids[i] for i in places), images=self.images[places], masks=self.masks[places]
        )

    def chunks(self, size: int) -> Iterator["PatchBatch"]:
        """Consecutive parts of at most ``size`` images."""
        for first in range(0, len(self), size):
            yield self[first : first + size]


def find_data(folder: Path | None = None) -> Path:
    """``folder``, else the one that SNAP_HCD_DIR names."""
    named = folder or os.environ.get("SNAP_HCD_DIR")
    if not named:
        raise DataError(
            "No patches are named. Give --data, or set SNAP_HCD_DIR to the folder that holds them."
        )
    return Path(named)


def open_hcd(folder: Path | None = None) -> PatchSet:
    """The data set in ``folder``, else in the one that SNAP_HCD_DIR names."""
    return open_patches(find_data(folder))


def collect(
    patches: PatchSet, victim: Victim, *, count: int, cells: CellSettings, attack: AttackSettings
) -> PatchBatch:
    """The first ``count`` correctly classified metastases with room for the cells, in the order of the data
    set; cells that are trimmed are trimmed by ``attack``.
    """
    device = victim.mean.device
    ids: list[str] = []
    images: list[torch.Tensor] = []
    masks: list[torch.Tensor] = []
    for index in range(len(patches)):
        if len(ids) == count:
            break
        if patches.labels[index] != SOURCE:
            continue
        pixels = patches.pixels(index)
        if victim.predict(to_image(pixels)[None])[0, SOURCE] <= 0.5:
            continue
        try:
            outlines = place_cells(victim, pixels, cells, attack)
        except MaskError:
            continue
        ids.append(patches.ids[index])
        images.append(to_image(pixels))
        masks.append(torch.from_numpy(draw_mask(outlines, pixels.shape[:2]))[None])
    if len(ids) < count:
        raise DataError(
            f"Only {len(ids)} correctly classified metastases have room for the cells; {count} were "
            "asked for."
        )
    return PatchBatch(tuple(ids), torch.stack(images).to(device), torch.stack(masks).to(device))


def save_and_read(images: torch.Tensor) -> torch.Tensor:
    """The images ``(N, 3, H, W)`` as their PNG files give them back, on the same device."""
    saved = [to_image(decode_pixels(encode_png(to_pixels(image)))) for image in images]
    return torch.stack(saved).to(images.device)


@torch.no_grad()
def margins(victim: Victim, images: torch.Tensor) -> torch.Tensor:
    """How far each image ``(N, 3, H, W)`` is taken for normal: logit margin ``(N,)`` in float32, above 0 once
    the class flips.
    """
    logits = torch.cat(
        [
            victim(images[first : first + JUDGED_AT_ONCE]).float()
            for first in range(0, len(images), JUDGED_AT_ONCE)
        ]
    )
    return Targeted(TARGET).margin(logits).cpu()


def saved_margins(victim: Victim, images: torch.Tensor) -> torch.Tensor:
    """`margins` of the saved 8-bit pictures: what every attack here is judged by."""
    return margins(victim, save_and_read(images))


def attack(victim: Victim, batch: PatchBatch, settings: AttackSettings) -> Iterator[Step]:
    """Our attack from images and masks alone: fitting the texture, a free one in the batch's gamut, is part
    of its work, and of its time.
    """
    return run_attack(
        victim,
        batch.images,
        batch.masks,
        objective=Targeted(settings.target),
        texture=_fit_texture(batch, settings),
        settings=settings,
        optimiser=rule_of(settings),
    )


def _fit_texture(batch: PatchBatch, settings: AttackSettings) -> Texture:
    if settings.texture != "free":
        texture = fit_texture(settings, batch.images, batch.masks)
        return AtRandom(texture) if settings.start == "random" else texture
    gamut = free_gamut(batch.images) if batch.gamut == "free" else fit_gamut(batch.gamut, batch.images)
    start = start_colours(settings.start, batch.images, batch.masks, gamut, seed=settings.seed)
    return FreeTexture(gamut, batch.images, batch.masks, start, seed=settings.seed)


class AtRandom:
    """A texture whose first round begins where its restarts do."""

    rows: torch.Tensor
    sites: torch.Tensor
    pixels: Packed

    def __init__(self, texture: Texture) -> None:
        self._texture = texture
        self.rows, self.sites, self.pixels = texture.rows, texture.sites, texture.pixels

    def start(self, round_number: int) -> torch.Tensor:
        return self._texture.start(round_number + 1)

    def reference(self) -> torch.Tensor:
        return self._texture.reference()

    def colours(self, position: torch.Tensor, rows: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
        return self._texture.colours(position, rows, chosen)


def run_steps(victim: Victim, batch: PatchBatch, settings: AttackSettings, steps: int) -> torch.Tensor:
    """Best images after so many gradient steps of the attack; its limit stays as ``settings`` has it."""
    for step in attack(victim, batch, settings):
        if step.index == steps:
            break
    return step.best_images


def read_plain(path: Path) -> tuple[dict[str, torch.Tensor], ModelCard]:
    """A checkpoint's tensors under torchvision's names, and its card."""
    found = find_network(decode_tensors(read_checkpoint(path), path.name), path.name)
    card = card_beside(path)
    return {key: value.float() for key, value in found.state.items()}, replace(
        card, architecture=card.architecture or found.architecture
    )
