"""Attacks give bit for bit what they gave before the loop was taken apart into pool and rounds.

The stored results are of commit 5891adc, by the cases below. Whole numbers are equal on any processor: sums
in the victim are exact (see `exact_victim`), and the seeds were chosen such that no colour ever comes within
0.0007 of the half between two levels and no confidence within 0.002 of the goal.
"""

from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from benchmarks.optimisers import rule_of
from snapgui.engine.attack.loop import run_attack
from snapgui.engine.attack.objectives import Objective, Targeted, Untargeted
from snapgui.engine.attack.texture import fit_texture
from snapgui.engine.settings import AttackSettings
from snapgui.engine.victim.victim import ModelCard, Victim

BEFORE = Path(__file__).parent / "data" / "attack_before.npz"

HIDDEN = 12
# Shares of the pixels that may change, one an image.
SHARES = (0.05, 0.02, 0.008, 0.03, 0.012, 0.004)


class Levels(nn.Module):
    """Values in [0, 1] as whole numbers 0 to 255; the gradient passes unchanged."""

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return _Levels.apply(values)


class _Levels(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: torch.Tensor) -> torch.Tensor:
        return values.mul(255).round()

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
        return gradient


def exact_victim(size: int, seed: int, *, classes: int = 2, lean: int = 3000) -> Victim:
    """A network of two layers whose every sum is exact in float32, in whatever order it is taken.

    Inputs are whole numbers and weights whole numbers over a power of two, small enough for 24 bits. Each
    value of a picture feeds two hidden units, by powers of two: its gradient is a sum of two terms, also
    where a rectifier leaks.
    """
    rng = np.random.default_rng(seed)
    inputs = 3 * size * size
    first = np.zeros((HIDDEN, inputs), np.float32)
    # Neighbours in a row have opposite weights, so that a plain ground weighs nothing.
    for column in range(0, inputs, 2):
        units, weights = rng.choice(HIDDEN, 2, replace=False), rng.choice([-4, -2, -1, 1, 2, 4], 2)
        first[units, column], first[units, column + 1] = weights, -weights
    second = rng.choice([-2, -1, 1, 2], (classes, HIDDEN)).astype(np.float32)
    offset = rng.integers(-500, 501, HIDDEN).astype(np.float32)
    # The last class is what a picture is before it is attacked.
    bias = np.zeros(classes, np.float32)
    bias[-1] = lean
    scale = 2.0**-10
    body, head = nn.Linear(inputs, HIDDEN), nn.Linear(HIDDEN, classes)
    with torch.no_grad():
        body.weight.copy_(torch.from_numpy(first))
        body.bias.copy_(torch.from_numpy(offset))
        head.weight.copy_(torch.from_numpy(second * scale))
        head.bias.copy_(torch.from_numpy(bias * scale))
    names = ("normal", "other", "metastasis") if classes == 3 else ("normal", "metastasis")
    card = ModelCard(
        "exact", "exact", classes=names, input_size_px=size, mean=(0.0,) * 3, std=(1.0,) * 3, sha256="0" * 64
    )
    return Victim(nn.Sequential(Levels(), nn.Flatten(), body, nn.ReLU(), head), card)


def pictures(count: int, size: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Pink and purple noise ``(N, 3, H, W)`` of 8 bits, and masks of square cells ``(N, 1, H, W)``, each of
    its own share.
    """
    rng = np.random.default_rng([seed, 1])
    dark = (rng.random((count, 1, size // 8, size // 8)) < 0.3).repeat(8, 2).repeat(8, 3)
    ground = np.where(dark, np.array([95, 60, 130])[:, None, None], np.array([215, 160, 195])[:, None, None])
    # Even levels: half of the way between two of them, where a soft edge goes, is a level too and no tie.
    images = (2 * np.round(ground / 2) + 2 * rng.integers(-4, 5, (count, 3, size, size))).astype(np.float32)
    masks = np.zeros((count, 1, size, size), bool)
    for row in range(count):
        while masks[row].mean() < SHARES[row % len(SHARES)]:
            y, x = rng.integers(1, size - 3, 2)
            masks[row, 0, y : y + rng.integers(1, 4), x : x + rng.integers(1, 4)] = True
    return torch.from_numpy(images) / 255, torch.from_numpy(masks)


@dataclass(frozen=True)
class Case:
    """One attack: pictures, victim, settings, how it is run."""

    name: str
    seed: int
    settings: AttackSettings
    count: int = 4
    size: int = 24
    classes: int = 2
    lean: int = 3000
    untargeted: bool = False
    batch_size: int | None = None
    fill_up: bool = False


_PLAIN = AttackSettings(steps=12)
CASES = (
    Case("sign-default", 124, _PLAIN, lean=5000),
    Case(
        "sign-plain-gradient-all-steps", 103, replace(_PLAIN, leak=0.0, confidence=1.0, steps=10), lean=5000
    ),
    Case("sign-restarts", 106, replace(_PLAIN, steps=7, restarts=2, start="random", seed=5), lean=8000),
    Case(
        "sign-restarts-of-a-pool", 102, replace(_PLAIN, steps=6, restarts=2), count=6, batch_size=2, lean=3000
    ),
    Case("sign-soft-edge", 102, replace(_PLAIN, soft_edge=True), size=32, lean=5000),
    Case("sign-pca", 105, replace(_PLAIN, gamut="pca", start="nuclear"), lean=5000),
    Case(
        "sign-stain-restarts",
        123,
        replace(_PLAIN, gamut="stain", steps=6, restarts=2, start="random", leak=0.0),
        lean=3000,
    ),
    Case(
        "sign-rare-looks",
        112,
        replace(_PLAIN, steps=7, restarts=2, soft_edge=True),
        count=6,
        batch_size=3,
        fill_up=True,
        lean=3000,
    ),
    Case("adam-default", 113, replace(_PLAIN, optimiser="adam"), lean=3000),
    Case(
        "adam-restarts-of-a-pool",
        101,
        replace(_PLAIN, optimiser="adam", steps=6, restarts=2, seed=3),
        count=5,
        batch_size=2,
        lean=1500,
    ),
    Case(
        "adam-stain-soft-edge",
        123,
        replace(_PLAIN, optimiser="adam", gamut="stain", soft_edge=True, confidence=1.0, steps=8),
        lean=1500,
    ),
    Case(
        "halving-stain",
        103,
        replace(_PLAIN, optimiser="halving", gamut="stain", steps=20, confidence=1.0),
        lean=8000,
    ),
    Case(
        "halving-of-a-pool-untargeted",
        106,
        replace(_PLAIN, optimiser="halving", steps=16, gamut="pca", leak=0.0),
        count=6,
        classes=3,
        untargeted=True,
        batch_size=2,
        lean=8000,
    ),
)


@pytest.fixture(scope="module")
def before() -> dict[str, np.ndarray]:
    with np.load(BEFORE) as file:
        return {name: file[name] for name in file.files}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_attack_gives_what_it_gave_before(case: Case, before: dict[str, np.ndarray]) -> None:
    victim = exact_victim(case.size, case.seed, classes=case.classes, lean=case.lean)
    images, masks = pictures(case.count, case.size, case.seed)
    settings = case.settings
    objective: Objective = Targeted(settings.target)
    if case.untargeted:
        objective = Untargeted(torch.full((case.count,), case.classes - 1))
    steps = list(
        run_attack(
            victim,
            images,
            masks,
            objective=objective,
            texture=fit_texture(settings, images, masks),
            settings=settings,
            optimiser=rule_of(settings),
            batch_size=case.batch_size,
            fill_up=case.fill_up,
        )
    )

    names = ("running", "taken", "best_step")
    found = [np.stack([getattr(step, name).numpy() for step in steps]) for name in names]
    stored = [before[f"{case.name}/{name}"] for name in names]
    if settings.restarts == 0:
        assert all(map(np.array_equal, found, stored))
    for image in range(case.count):
        assert story(found, image) == story(stored, image)
    last = steps[-1]
    levels = last.best_colours.mul(255).round().to(torch.uint8).numpy()
    assert np.array_equal(levels, before[f"{case.name}/best_levels"])
    np.testing.assert_allclose(last.best_confidence, before[f"{case.name}/best_confidence"], atol=1e-6)


def story(arrays: list[np.ndarray], image: int) -> list[tuple[int, ...]]:
    """What becomes of one image, without the passes in which it waits: rounds of a pool came in another
    order.
    """
    states = [tuple(int(array[step, image]) for array in arrays) for step in range(len(arrays[0]))]
    return states[:1] + [later for earlier, later in pairwise(states) if later != earlier]
