"""The attack: all cells of an image optimised together, many images at once, as a generator of steps."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch

from snapgui.engine.attack.gamut import Gamut
from snapgui.engine.attack.naturalness import SoftEdge, fit_roughness
from snapgui.engine.attack.objectives import Objective
from snapgui.engine.attack.optimisers import Observation, Optimiser, Rule, rule_named
from snapgui.engine.attack.packing import Packed, compose, pack, round_through
from snapgui.engine.attack.pool import Batch, Pool, Step
from snapgui.engine.attack.starts import start_colours
from snapgui.engine.settings import AttackSettings
from snapgui.engine.victim.rectifiers import FADED, fading_slopes, leaking
from snapgui.engine.victim.victim import Victim


def run_attack(
    victim: Victim,
    images: torch.Tensor,
    masks: torch.Tensor,
    *,
    objective: Objective,
    gamut: Gamut,
    start: torch.Tensor,
    settings: AttackSettings,
    optimiser: Rule | None = None,
    batch_size: int | None = None,
    fill_up: bool | None = None,
) -> Iterator[Step]:
    """Optimise the patch of each image; yields after every forward pass, the first before any gradient.

    An image is finished at the first iterate whose confidence reaches ``settings.confidence``, or after
    ``settings.steps`` in each of its rounds: the first from ``start``, then ``settings.restarts`` from random
    colours, each begun when all images have ended the one before. An image that leaves the batch makes room
    for a waiting one. Whoever drains it may stop at any step and keep ``best_images``.

    Args:
        victim: frozen classifier.
        images: ``(N, 3, H, W)`` in [0, 1], on the victim's device.
        masks: bool ``(N, 1, H, W)``.
        objective: what to raise.
        gamut: fitted to these images.
        start: colours ``(P, 3)`` in the order of `pack`; drawn into the gamut first.
        settings: limits, naturalness terms and the name of the rule.
        optimiser: another rule by which the patch moves; None is the one that the settings name.
        batch_size: images at once; all if None.
        fill_up: whether a thinning batch is filled up to one of few sizes; None is `fills_up` of the device.
    """
    begin = optimiser or rule_named(settings.optimiser)
    packed = pack(masks)
    look = _Look(
        victim,
        gamut,
        settings,
        SoftEdge(images, masks, packed) if settings.soft_edge else None,
        fit_roughness(images, packed) if settings.smoothness else None,
        fills_up(images.device) if fill_up is None else fill_up,
    )
    position = gamut.coordinates(start, packed)
    shown = look.shown(position, packed, torch.arange(len(position), device=images.device))
    pool = Pool(images, packed, objective, shown, len(victim.card.classes))
    yield from _run_round(look, pool, begin(position), 0, batch_size)
    for restart in range(1, settings.restarts + 1):
        if not bool(pool.running.any()):
            return
        start = start_colours("random", images, masks, gamut, seed=settings.seed + restart)
        position = gamut.coordinates(start, packed)
        yield from _run_round(look, pool, begin(position), restart, batch_size)


def _run_round(
    look: "_Look", pool: Pool, rule: Optimiser, round_number: int, batch_size: int | None
) -> Iterator[Step]:
    """One round of all images that still stand, each until it reaches the goal or has taken its steps."""
    settings = look.settings
    # A goal of 1 is never reached: all steps are run.
    goal = settings.confidence if settings.confidence < 1 else torch.inf
    standing, steps_in_round = pool.running.clone(), torch.zeros_like(pool.taken)
    while len((batch := pool.batch(standing, batch_size)).active):
        steps = steps_in_round[batch.active]
        for youngest in itertools.count(int(steps.min())):
            position = rule.position[batch.chosen].requires_grad_()
            slopes = fading_slopes(settings.leak, steps) if settings.leak and youngest < FADED else None
            colours, logits, score = look(batch, position, slopes)
            confidence = batch.objective.confidence(logits.detach())
            reached = confidence >= goal
            ended = reached | (steps >= settings.steps)
            yield pool.record(
                batch,
                logits=logits.detach(),
                colours=colours.detach(),
                score=score.detach(),
                confidence=confidence,
                reached=reached,
                taken=steps + round_number * settings.steps,
                running=~(ended if round_number == settings.restarts else reached),
            )
            # Here alone a pass makes the host wait for a GPU.
            left = len(steps) - int(ended.sum())
            if left:
                (gradient,) = torch.autograd.grad(score.sum(), position)
                rule.step(Observation(batch.chosen, batch.owners, gradient, steps, score.detach()))
                steps = steps + 1
            if left < len(steps):
                break
        steps_in_round[batch.active] = steps
        standing[batch.active] = ~ended


@dataclass(frozen=True)
class _Look:
    """How a position of the optimiser is shown to the victim, and what is made of its answer."""

    victim: Victim
    gamut: Gamut
    settings: AttackSettings
    edge: SoftEdge | None
    roughness: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] | None
    fill_up: bool

    def shown(self, position: torch.Tensor, pixels: Packed, chosen: torch.Tensor) -> torch.Tensor:
        """Colours ``(p, 3)`` of a position ``(p, D)`` of these pixels, at 8 bits and differentiable."""
        colours = self.gamut.colours(position, pixels)
        return round_through(self.edge.soften(colours, chosen) if self.edge else colours)

    def __call__(
        self, batch: Batch, position: torch.Tensor, slopes: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Colours ``(p, 3)`` at 8 bits, logits ``(n, K)`` in float32 and scores ``(n,)`` of a position
        ``(p, D)``, differentiable; rectifiers leak by ``slopes`` ``(n,)``.
        """
        colours = self.shown(position, batch.pixels, batch.chosen)
        slopes = None if slopes is None else self._filled_up(slopes)
        with _precision(position.device), leaking(slopes):
            logits = self.victim(self._filled_up(compose(batch.images, batch.places, colours)))
        logits = logits[: len(batch.active)].float()
        score = batch.objective.margin(logits)
        if self.roughness:
            rough = self.roughness(colours, batch.chosen)[batch.active]
            score = score - self.settings.smoothness * rough
        return colours, logits, score

    def _filled_up(self, values: torch.Tensor) -> torch.Tensor:
        """Values ``(n, ...)``, where it is asked with the first repeated up to a power of two; nobody reads
        the answers to these.
        """
        count = len(values)
        if not self.fill_up or count & (count - 1) == 0:
            return values
        missing = (1 << count.bit_length()) - count
        return torch.cat([values, values[:1].detach().expand(missing, *values.shape[1:])])


def fills_up(device: torch.device) -> bool:
    """Whether each new batch size costs a search for kernels, so that a few sizes are better than many."""
    return device.type == "cuda"


def _precision(device: torch.device) -> AbstractContextManager[object]:
    """bfloat16 inside the network on a GPU that has it; patch, loss and the scoring of saved files stay in
    float32.
    """
    enabled = device.type == "cuda" and torch.cuda.is_bf16_supported()
    return torch.autocast(device.type, torch.bfloat16, enabled=enabled)
