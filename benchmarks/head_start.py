"""What it is worth to start from the victim's own universal texture instead of the image's median colour."""

import time
from collections.abc import Iterator
from dataclasses import replace

import torch

from benchmarks.measures import Reach, Row, Tracer, every_step
from benchmarks.patches import TARGET, PatchBatch, attack, margins, saved_margins
from benchmarks.reference import Reference
from snapgui.engine.attack.gamut import fit_gamut
from snapgui.engine.attack.loop import run_attack
from snapgui.engine.attack.objectives import Targeted
from snapgui.engine.attack.optimisers import Observation, SignMomentum
from snapgui.engine.attack.packing import pack
from snapgui.engine.attack.pool import Step
from snapgui.engine.attack.texture import FreeTexture
from snapgui.engine.attack.universal import train_universal
from snapgui.engine.settings import AttackSettings, UniversalSettings
from snapgui.engine.victim.victim import Victim

# Steps that the start stands for: the first ones, which throw pixels from end to end, would undo it. Chosen
# on train.
HEAD_START = 5
EPOCHS = 40


class Later(SignMomentum):
    """The engine's rule, as if it had taken `HEAD_START` steps when it begins."""

    def step(self, seen: Observation) -> None:
        super().step(replace(seen, steps=seen.steps + HEAD_START))


def make_canvas(victim: Victim, training: PatchBatch, *, epochs: int) -> torch.Tensor:
    """One colour for each place of the grid, ``(H, W, 3)`` in the gamut ``range``, that turns most images
    wherever their cells lie: each image of the training shows its own cells alone.
    """
    settings = UniversalSettings(texture="free", gamut="range", epochs=epochs)
    *_, last = train_universal(
        victim, training.images, training.masks, objective=Targeted(TARGET), settings=settings
    )
    return last.canvas


def attack_from(
    victim: Victim, batch: PatchBatch, settings: AttackSettings, canvas: torch.Tensor
) -> Iterator[Step]:
    """Our attack from a canvas, by the plain gradient: what leaks belongs to the steps that are left out."""
    gamut, pixels = fit_gamut("range", batch.images), pack(batch.masks)
    places = pixels.places - pixels.rows * batch.masks[0].numel()
    first = gamut.colours(canvas.reshape(-1, canvas.shape[-1])[places], pixels)
    return run_attack(
        victim,
        batch.images,
        batch.masks,
        objective=Targeted(TARGET),
        texture=FreeTexture(gamut, batch.images, batch.masks, first, seed=settings.seed),
        settings=replace(settings, leak=0.0),
        optimiser=Later,
    )


def measure_head_start(
    victim: Victim,
    training: PatchBatch,
    batch: PatchBatch,
    settings: AttackSettings,
    reference: Reference,
    *,
    epochs: int,
) -> list[Row]:
    """Steps to 95 % of the reference's drop from both starts, and the drop after all steps; on saved
    pictures.
    """
    begin = time.perf_counter()
    canvas = make_canvas(victim, training, epochs=epochs)
    seconds = time.perf_counter() - begin
    settings = every_step(settings)
    usual, _, usual_drop = _follow(victim, batch, reference, attack(victim, batch, settings))
    ahead, first, drop = _follow(victim, batch, reference, attack_from(victim, batch, settings, canvas))
    made = (
        f"made once for a model: {epochs} passes over {len(training)} metastases of train, {seconds:.0f} s "
        f"here; it alone, before any step, gives {first:.0%} of the reference's drop"
    )
    return [
        Row(
            "steps to 95 % of the reference's drop, median of the images, from the median colour",
            "at most 12",
            f"{usual.median:g}",
            f"{usual.text(settings.steps)}. Reference: {reference.text()}",
        ),
        Row(
            "the same from the victim's own universal texture",
            "at most 12",
            f"{ahead.median:g}",
            f"{ahead.text(settings.steps)}; {made}",
        ),
        Row(
            f"drop after {settings.steps} steps over the reference's, from either start",
            "",
            f"{usual_drop:.3f} and {drop:.3f}",
            "mean over the images",
        ),
    ]


def _follow(
    victim: Victim, batch: PatchBatch, reference: Reference, steps: Iterator[Step]
) -> tuple[Reach, float, float]:
    """When an attack gets there, and what share of the reference's mean drop it has at its start and end."""
    before = margins(victim, batch.images)
    tracer, known, found = Tracer(victim, batch, reference), False, []
    for step in steps:
        known = known or tracer.see(step.index, step.best_images)
        if not step.index:
            found.append(saved_margins(victim, step.best_images))
    found.append(saved_margins(victim, step.best_images))
    best = (reference.margins - before).mean()
    first, last = (float((one - before).mean() / best) for one in found)
    return tracer.reach, first, last
