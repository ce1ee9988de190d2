"""The conditions of which `naturalness.py` tells how natural they are: where they change an image, and how.

A further one is a line of `CONDITIONS`.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.patches import TARGET, PatchBatch
from benchmarks.perceptual import STEPS, perc_al
from snapgui.audit.plan import donor_textures
from snapgui.data.datasets import PatchSet
from snapgui.engine.attack.objectives import Targeted
from snapgui.engine.attack.packing import compose
from snapgui.engine.attack.texture import fit_texture
from snapgui.engine.cells.outlines import Mask, draw_mask
from snapgui.engine.cells.placement import place_in_each
from snapgui.engine.controls import Alteration, attack_steps, paste_nuclei, square_mask
from snapgui.engine.detector.cases import Case
from snapgui.engine.images import round_to_8_bits, to_image, to_pixels
from snapgui.engine.presets import PRESETS
from snapgui.engine.settings import AttackSettings, CellSettings
from snapgui.engine.sham import Source, make_sham
from snapgui.engine.victim.victim import Victim
from snapgui.errors import MaskError, SettingsError

Pixels = NDArray[np.uint8]
Family = Literal["SNAP", "peer", "control"]
# ART's own number of steps.
ART_STEPS = 100


@dataclass(frozen=True)
class Work:
    """Some images that a condition alters.

    Attributes:
        masks: where it may; None where there is no room.
        natural: of each image its case of `natural`, for conditions that are made from it.
    """

    victim: Victim
    donors: PatchSet
    cells: CellSettings
    attack: AttackSettings
    names: Sequence[str]
    pixels: Sequence[Pixels]
    masks: Sequence[Mask | None] = ()
    natural: Sequence[Case | None] = ()

    def with_room(self) -> tuple["Work", list[int]]:
        """The images that have room, and their places."""
        room = [i for i, mask in enumerate(self.masks) if mask is not None]
        parts = {
            name: [getattr(self, name)[i] for i in room]
            for name in ("names", "pixels", "masks", "natural")
            if getattr(self, name)
        }
        return replace(self, **parts), room

    def batch(self) -> PatchBatch:
        """Images and masks as tensors."""
        device = self.victim.mean.device
        images = torch.stack([to_image(picture) for picture in self.pixels]).to(device)
        masks = torch.from_numpy(np.stack([mask for mask in self.masks if mask is not None]))[:, None]
        return PatchBatch(tuple(self.names), images, masks.to(device))


def seed_of(name: str) -> int:
    """A seed of its own for each image."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:6], "big")


# Where a condition changes an image.


def in_cells(work: Work) -> list[Mask | None]:
    """In the cells that its settings place."""
    settings = [replace(work.cells, seed=seed_of(name)) for name in work.names]
    found = place_in_each(work.victim, work.pixels, settings, Targeted(TARGET), work.attack)
    return [
        None if isinstance(cells, MaskError) else draw_mask(cells, picture.shape[:2])
        for cells, picture in zip(found, work.pixels, strict=True)
    ]


def in_a_square(work: Work) -> list[Mask | None]:
    """In one square of just as many pixels as the cells have."""
    return [
        None if cells is None else _square(picture, int(cells.sum()), work.cells, name)
        for picture, cells, name in zip(work.pixels, in_cells(work), work.names, strict=True)
    ]


def _square(pixels: Pixels, area_px: int, cells: CellSettings, name: str) -> Mask | None:
    try:
        return square_mask(pixels, area_px, cells.centre, np.random.default_rng(seed_of(name)))
    except MaskError:
        return None


def everywhere(work: Work) -> list[Mask | None]:
    """In every pixel."""
    return [np.ones(picture.shape[:2], dtype=bool) for picture in work.pixels]


# How it changes it.


def by_attack(work: Work, kind: Literal["attack", "whole"] = "attack") -> list[Pixels | None]:
    """By its attack."""
    batch = work.batch()
    alteration = Alteration(kind, work.attack)
    for step in attack_steps(work.victim, batch.images, batch.masks, alteration, objective=Targeted(TARGET)):
        last = step
    return [to_pixels(image) for image in last.best_images]


def by_little(work: Work) -> list[Pixels | None]:
    """By its attack, every pixel by 2/255."""
    return by_attack(work, "whole")


def by_art(work: Work) -> list[Pixels | None]:
    """By ART's masked PGD as users get it: any colour, its own steps, the last of its iterates."""
    try:
        from benchmarks.peers import ArtPgd, ArtRule
    except ImportError as error:
        raise SettingsError(
            f"ART cannot be used ({error}). Run “pip install -r benchmarks/requirements.txt”, or leave its "
            "condition out with --only."
        ) from error
    found = ArtPgd(work.victim, work.batch())(ART_STEPS, ArtRule())
    return [to_pixels(image) for image in found]


def by_perc_al(work: Work) -> list[Pixels | None]:
    """By PerC-AL: any colour, least CIEDE2000 once flipped."""
    batch = work.batch()
    return [to_pixels(image) for image in perc_al(work.victim, batch.images, batch.masks, TARGET)]


def by_nothing(work: Work) -> list[Pixels | None]:
    """Not at all."""
    return list(work.pixels)


def by_pasting(work: Work) -> list[Pixels | None]:
    """By nuclei of normal patches."""
    textures = donor_textures(work.donors)
    return [
        paste_nuclei(picture, mask, textures, np.random.default_rng(seed_of(name)))
        for picture, mask, name in zip(work.pixels, work.masks, work.names, strict=True)
        if mask is not None
    ]


def by_draws(work: Work) -> list[Pixels | None]:
    """By a random draw of its texture."""
    return [
        draw_texture(picture, mask, work.attack, seed=seed_of(name), share=1.0)
        for picture, mask, name in zip(work.pixels, work.masks, work.names, strict=True)
        if mask is not None
    ]


def by_calm_draws(work: Work) -> list[Pixels | None]:
    """By a random draw that changes as much as `natural` did."""
    return [None if case is None else calm_draw(case, work.attack) for case in work.natural]


def by_sham(work: Work) -> list[Pixels | None]:
    """By the sham of what `natural` did."""
    return [None if case is None else _sham(case, work) for case in work.natural]


def _sham(case: Case, work: Work) -> Pixels:
    source = Source(case.name, case.original, case.altered, case.mask, texture=work.attack.texture)
    return make_sham(source, seed=0, victim=work.victim).pixels


def draw_texture(pixels: Pixels, mask: Mask, settings: AttackSettings, *, seed: int, share: float) -> Pixels:
    """A picture with a random draw of a texture, drawn together to ``share`` of its bound."""
    images, masks = to_image(pixels)[None], torch.from_numpy(mask)[None, None]
    texture = fit_texture(replace(settings, seed=seed), images, masks)
    position = 0.5 + share * (texture.start(1) - 0.5)
    everything = torch.arange(len(position)), torch.arange(len(texture.pixels.places))
    colours = texture.colours(position, *everything).clamp(0, 1)
    return to_pixels(compose(images, texture.pixels.places, round_to_8_bits(colours))[0])


def calm_draw(natural: Case, settings: AttackSettings) -> Pixels:
    """A random draw in the same cells whose mean absolute change is that of the attack, as far as the bound
    lets it.
    """

    def change(picture: Pixels) -> float:
        return float(np.abs(picture.astype(int) - natural.original)[natural.mask].mean())

    wanted, low, high = change(natural.altered), 0.0, 1.0
    for _ in range(8):
        middle = (low + high) / 2
        drawn = draw_texture(
            natural.original, natural.mask, settings, seed=seed_of(natural.name), share=middle
        )
        low, high = (middle, high) if change(drawn) < wanted else (low, middle)
    return drawn


@dataclass(frozen=True)
class Condition:
    """One way to alter images.

    Attributes:
        words: for people, in a table; ``short`` in a figure.
        cells, attack: its settings; of controls, those of what they stand beside.
        place, make: where and how.
        family: of marks in the figure.
        rules: what else decides its pictures.
        from_natural: whether it is made from the cases of `natural`.
    """

    words: str
    short: str
    cells: CellSettings
    attack: AttackSettings
    place: Callable[[Work], list[Mask | None]] = in_cells
    make: Callable[[Work], list[Pixels | None]] = by_attack
    family: Family = "SNAP"
    rules: str = ""
    from_natural: bool = False


def _cells(preset: str, **changed: object) -> CellSettings:
    return replace(PRESETS[preset].cells, **changed)  # type: ignore[index, arg-type]


def _attack(preset: str, **changed: object) -> AttackSettings:
    return replace(PRESETS[preset].attack, target=TARGET, **changed)  # type: ignore[index, arg-type]


NATURAL = _cells("natural"), _attack("natural")
FEW = _cells("few"), _attack("few")
PAPER = _cells("paper"), _attack("paper")
# Counted up when the rules of painted nuclei change, which settings do not tell.
PAINTED = "painted nuclei 4"
CONDITIONS = {
    "natural": Condition("`natural`", "natural", *NATURAL),
    "natural excluded": Condition(
        "`natural`, centre excluded", "centre excluded", _cells("natural", centre="excluded"), NATURAL[1]
    ),
    "few": Condition("`few` (painted nuclei, trimmed)", "few", *FEW, rules=PAINTED),
    "few excluded": Condition(
        "`few`, centre excluded",
        "few, centre excluded",
        _cells("few", centre="excluded"),
        FEW[1],
        rules=PAINTED,
    ),
    "few draws": Condition(
        "random draws of `few`'s texture", "few, draws", *FEW, in_cells, by_draws, "control", PAINTED
    ),
    "paper": Condition("`paper` (range, free)", "paper", *PAPER),
    "strong": Condition("`strong` (range, free, trimmed)", "strong", _cells("strong"), _attack("strong")),
    "stain": Condition("stain, free, scattered", "stain", PAPER[0], _attack("paper", gamut="stain")),
    "square": Condition(
        "one square (range, free)", "square", *PAPER, in_a_square, by_attack, "peer", "square"
    ),
    "art": Condition(
        f"ART's masked PGD, cells of `paper`, any colour, {ART_STEPS} steps",
        "ART PGD",
        *PAPER,
        in_cells,
        by_art,
        "peer",
        f"ART, {ART_STEPS} steps",
    ),
    "perc-al": Condition(
        f"PerC-AL, cells of `natural`, any colour, {STEPS} steps",
        "PerC-AL",
        *NATURAL,
        in_cells,
        by_perc_al,
        "peer",
        f"PerC-AL, {STEPS} steps",
    ),
    "whole": Condition("whole image by 2/255", "whole image", *PAPER, everywhere, by_little, "peer"),
    "sham": Condition(
        "sham of `natural`", "sham", *NATURAL, in_cells, by_sham, "control", "of its texture", True
    ),
    "draws": Condition(
        "random draws of `natural`'s texture, full bound", "draws", *NATURAL, in_cells, by_draws, "control"
    ),
    "calm draws": Condition(
        "random draws of it, as much change as `natural`",
        "calm draws",
        *NATURAL,
        in_cells,
        by_calm_draws,
        "control",
        "",
        True,
    ),
    "pasted": Condition(
        "real nuclei pasted into scattered cells", "pasted nuclei", *PAPER, in_cells, by_pasting, "control"
    ),
    "places": Condition(
        "scattered cells, nothing changed", "unchanged", *PAPER, in_cells, by_nothing, "control"
    ),
}
