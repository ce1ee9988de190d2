"""Other ways to the same confidence: SNAP with each gamut, one square, a small change everywhere, and
fillings.

All are made for the image, the area and the goal of one finished run, and believed only as saved and
re-scored.
"""

from collections.abc import Callable, Generator, Set
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from snapgui.engine.attack.objectives import Targeted
from snapgui.engine.cells.outlines import Mask
from snapgui.engine.controls import (
    Alteration,
    attack_steps,
    fill_images,
    nucleus_textures,
    paste_nuclei,
    square_mask,
)
from snapgui.engine.images import decode_pixels, encode_png, to_image, to_pixels
from snapgui.engine.settings import GAMUTS, RANDOM_NAMES, AttackSettings, GamutName
from snapgui.engine.victim.victim import Victim
from snapgui.engine.visibility.display import Display
from snapgui.engine.visibility.figures import VisibilityPanel
from snapgui.engine.visibility.panel import panel
from snapgui.errors import MaskError, SettingsError
from snapgui.runs.records import RunResult

Family = Literal["SNAP", "same cells, any colour", "square", "whole image", "control"]
OWN_NUCLEI = "nuclei"
# Textures other than free colours, which come in gamuts.
SHORT_WORDS = {"retouch": "retouched", "nucleus": "painted nuclei"}
GAMUT_NAMES: dict[GamutName, str] = {
    "range": "full range",
    "percentile": "common colours",
    "pca": "the image's main colours",
    "stain": "haematoxylin and eosin",
}
assert tuple(GAMUT_NAMES) == GAMUTS


@dataclass(frozen=True)
class Planned:
    """An alternative that is to be made: a name for files, words for people, what it is like, and how it is
    made.
    """

    name: str
    words: str
    family: Family
    alteration: Alteration


@dataclass(frozen=True)
class Alternative:
    """One way to alter a run's image, as saved with 8 bits and scored again.

    Attributes:
        name, words, family: as in `Planned`.
        pixels: uint8 ``(H, W, 3)``.
        mask: bool ``(H, W)``, where it could change pixels.
        p: probability of each class.
        reached_goal: whether the class aimed at has the confidence that the run asked.
        steps: gradient steps taken; None for a filling.
        visibility: measured for the display of that time.
    """

    name: str
    words: str
    family: Family
    pixels: NDArray[np.uint8]
    mask: Mask
    p: tuple[float, ...]
    reached_goal: bool
    steps: int | None
    visibility: VisibilityPanel

    @property
    def area_fraction(self) -> float:
        """Masked share of the pixels."""
        return float(self.mask.mean())


@dataclass(frozen=True)
class AlternativeProgress:
    """Where the comparison stands: what is being made, its step of at most so many (0 for a filling), and
    what has just been finished, and the seconds left where they are known.
    """

    done: int
    count: int
    words: str
    step: int = 0
    steps: int = 0
    finished: Alternative | None = None
    left_s: float | None = None


def plan_alternatives(attack: AttackSettings) -> list[Planned]:
    """All alternatives to a run with these settings, in the order in which they are shown: the run's own
    texture first where it is not free colours, then free colours in each gamut.
    """
    plain = replace(attack, soft_edge=False, smoothness=0.0)

    def control(fill: str, words: str) -> Planned:
        return Planned(f"control-{fill}", words, "control", Alteration("fill", attack, fill=fill))

    free = {gamut: replace(attack, texture="free", gamut=gamut) for gamut in GAMUTS}
    short = SHORT_WORDS.get(attack.texture)
    return [
        *(
            [Planned(f"snap-{attack.texture}", f"SNAP, {short}", "SNAP", Alteration("attack", attack))]
            if short
            else []
        ),
        *(
            Planned(f"snap-{gamut}", f"SNAP, {words}", "SNAP", Alteration("attack", free[gamut]))
            for gamut, words in GAMUT_NAMES.items()
        ),
        Planned(
            "cells-any-colour",
            "Same cells, any colour",
            "same cells, any colour",
            Alteration("attack", attack, free=True),
        ),
        Planned(
            "square",
            f"One square, {short or 'colours as SNAP'}",
            "square",
            Alteration("square", attack),
        ),
        Planned(
            "square-any-colour", "One square, any colour", "square", Alteration("square", attack, free=True)
        ),
        Planned("whole-image", "Whole image, 2 levels of 255", "whole image", Alteration("whole", plain)),
        control("median", "Cells in the median colour"),
        control("random", f"Cells with {RANDOM_NAMES[attack.texture]}"),
        control(OWN_NUCLEI, "Cells filled with its own nuclei"),
    ]


def compute_alternatives(
    victim: Victim,
    result: RunResult,
    display: Display,
    *,
    have: Set[str] = frozenset(),
    stop: Callable[[], bool] = lambda: False,
) -> Generator[AlternativeProgress, None, list[str]]:
    """Make the alternatives that ``have`` does not name; returns sentences on those that cannot be made.

    Yields at each step, and once for each that is finished. After a step at which ``stop`` says True nothing
    more is made; what was being made is given up. The alternative with the run's own colours is the run.
    """
    plans = [plan for plan in plan_alternatives(result.request.attack) if plan.name not in have]
    failures = []
    for done, plan in enumerate(plans):
        yield AlternativeProgress(done, len(plans), plan.words)
        try:
            made = yield from _make(
                victim, result, plan, AlternativeProgress(done, len(plans), plan.words), stop
            )
        except (MaskError, SettingsError) as error:
            failures.append(f"{plan.words}: {error}")
            continue
        if made is None or stop():
            break
        yield AlternativeProgress(
            done + 1, len(plans), plan.words, finished=_measure(victim, result, plan, *made, display)
        )
    return failures


_Made = tuple[NDArray[np.uint8], Mask, int | None]


def _make(
    victim: Victim, result: RunResult, plan: Planned, progress: AlternativeProgress, stop: Callable[[], bool]
) -> Generator[AlternativeProgress, None, _Made | None]:
    """Pixels, mask and steps; None where it was stopped."""
    request, alteration = result.request, plan.alteration
    if plan.family == "SNAP" and alteration.attack == request.attack:
        return result.adversarial, request.mask, result.steps
    rng = np.random.default_rng(request.attack.seed)
    if alteration.fill == OWN_NUCLEI:
        return (
            paste_nuclei(request.pixels, request.mask, _own_nuclei(request.pixels), rng),
            request.mask,
            None,
        )
    mask = request.mask
    if alteration.kind == "square":
        mask = square_mask(
            request.pixels, int(mask.sum()), "open" if result.centre == "open" else "excluded", rng
        )
    elif alteration.kind == "whole":
        mask = np.ones_like(mask)
    images = to_image(request.pixels)[None].to(victim.mean.device)
    masks = torch.from_numpy(mask)[None, None].to(images.device)
    if alteration.kind == "fill":
        return to_pixels(fill_images(images, masks, alteration)[0]), mask, None
    settings = alteration.attack
    for step in attack_steps(victim, images, masks, alteration, objective=Targeted(settings.target)):
        last = step
        yield replace(progress, step=int(step.taken[0]), steps=settings.steps * (settings.restarts + 1))
        if stop():
            return None
    return to_pixels(last.best_images[0]), mask, int(last.taken[0])


def _own_nuclei(pixels: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    textures = nucleus_textures([pixels])
    if not textures:
        raise MaskError("no nuclei were found in the image, so none can be copied.")
    return textures


def _measure(
    victim: Victim,
    result: RunResult,
    plan: Planned,
    pixels: NDArray[np.uint8],
    mask: Mask,
    steps: int | None,
    display: Display,
) -> Alternative:
    saved = decode_pixels(encode_png(pixels))
    p = tuple(map(float, victim.predict(to_image(saved)[None])[0]))
    return Alternative(
        plan.name,
        plan.words,
        plan.family,
        saved,
        mask,
        p,
        p[result.target] >= result.request.attack.confidence,
        steps,
        panel(result.request.pixels, saved, mask, display),
    )
