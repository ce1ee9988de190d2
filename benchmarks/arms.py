"""One arm of the ablation: the attack with one setting changed, and what came of it after so many steps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.bootstrap import difference_interval
from benchmarks.patches import PatchBatch, attack, margins, saved_margins
from snapgui.engine.attack.objectives import Targeted
from snapgui.engine.settings import OPTIMISERS, STARTS, AttackSettings
from snapgui.engine.victim.victim import Victim
from snapgui.statistics import wilson_interval

GOAL = 0.95
RESTARTS = (0, 1, 3, 5)


@dataclass(frozen=True)
class Outcome:
    """What an arm did to N images.

    ``drops`` float64 ``(C, N)`` at the checkpoints, NaN beyond the arm's own limit; ``reached`` float64
    ``(N,)``, the first step with p >= 0.95, infinite where there is none. Drops are of saved pictures;
    ``reached`` is what the attack itself sees, 8-bit colours included.
    """

    drops: NDArray[np.float64]
    reached: NDArray[np.float64]


def setting_arms(base: AttackSettings) -> dict[str, AttackSettings]:
    """The default first, then one change at a time; all without a goal, so that every arm takes every
    step.
    """
    base = replace(base, confidence=1.0)
    arms = {f"default ({base.optimiser}, {base.start})": base}
    for name in OPTIMISERS:
        if name != base.optimiser:
            arms[f"optimiser {name}"] = replace(base, optimiser=name)
            # These rules spend their steps by a plan: with a short limit they plan otherwise.
            arms[f"optimiser {name}, limit 30"] = replace(base, optimiser=name, steps=min(30, base.steps))
    arms |= {f"leak {leak:g}": replace(base, leak=leak) for leak in (0.0, 0.3, 1.0) if leak != base.leak}
    arms |= {f"start {name}": replace(base, start=name) for name in STARTS if name != base.start}
    arms |= {f"smoothness {weight:g}": replace(base, smoothness=weight) for weight in (0.01, 0.03, 0.1, 0.3)}
    return arms | {"soft edge": replace(base, soft_edge=True)}


def restart_arms(base: AttackSettings, budget: int) -> dict[str, AttackSettings]:
    """The same number of gradient steps spent on fewer or more rounds."""
    return {
        f"{restarts} restarts of {budget // (restarts + 1)} steps": replace(
            base, confidence=1.0, restarts=restarts, steps=budget // (restarts + 1)
        )
        for restarts in RESTARTS
    }


def run_arm(
    victim: Victim, batch: PatchBatch, settings: AttackSettings, checkpoints: Sequence[int], *, chunk: int
) -> Outcome:
    """Run one arm, ``chunk`` images at once; best iterates are judged at each checkpoint (gradient steps
    taken).
    """
    parts = [_run_part(victim, part, settings, checkpoints) for part in batch.chunks(chunk)]
    return Outcome(
        np.concatenate([part.drops for part in parts], axis=1),
        np.concatenate([part.reached for part in parts]),
    )


def _run_part(
    victim: Victim, batch: PatchBatch, settings: AttackSettings, checkpoints: Sequence[int]
) -> Outcome:
    before = margins(victim, batch.images)
    objective = Targeted(settings.target)
    drops = np.full((len(checkpoints), len(batch)), np.nan)
    reached = torch.full((len(batch),), torch.inf)
    for step in attack(victim, batch, settings):
        # Without a goal the images of a batch go in step.
        taken = int(step.taken.max())
        hit = (objective.confidence(step.logits) >= GOAL).cpu()
        reached = torch.where(hit & reached.isinf(), float(taken), reached)
        for index in (i for i, at in enumerate(checkpoints) if at == taken):
            drops[index] = (saved_margins(victim, step.best_images) - before).numpy()
    return Outcome(drops, reached.double().numpy())


def compare(outcomes: Mapping[str, Outcome], checkpoints: Sequence[int]) -> list[dict[str, Any]]:
    """One row an arm and checkpoint; differences are paired with the first arm at the same checkpoint."""
    base = next(iter(outcomes.values()))
    rows = []
    for name, outcome in outcomes.items():
        for index, steps in enumerate(checkpoints):
            drop = outcome.drops[index]
            if np.isnan(drop).any():
                continue
            row: dict[str, Any] = {
                "arm": name,
                "steps": steps,
                "images": len(drop),
                "mean_drop": float(drop.mean()),
            }
            if outcome is not base:
                low, high = difference_interval(drop, base.drops[index])
                row |= {"difference": float((drop - base.drops[index]).mean()), "low": low, "high": high}
            rows.append(row)
    return rows


def summarise(outcome: Outcome) -> dict[str, Any]:
    """How many images reach the goal, and the median steps of those."""
    hit = np.isfinite(outcome.reached)
    low, high = wilson_interval(int(hit.sum()), len(hit))
    median = float(np.median(outcome.reached[hit])) if hit.any() else None
    return {
        "reached": int(hit.sum()),
        "share": float(hit.mean()),
        "low": low,
        "high": high,
        "median_steps": median,
    }
