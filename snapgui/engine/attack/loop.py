"""The attack: all cells of an image optimised together, many images at once, as a generator of steps."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch

from snapgui.engine.attack.naturalness import SoftEdge, fit_roughness
from snapgui.engine.attack.objectives import Objective
from snapgui.engine.attack.optimisers import Observation, Optimiser, Rule, rule_of
from snapgui.engine.attack.packing import compose, mean_of_each, round_through
from snapgui.engine.attack.pool import Batch, Pool, Step
from snapgui.engine.attack.texture import Texture
from snapgui.engine.settings import AttackSettings
from snapgui.engine.victim.rectifiers import FADED, fading_slopes, leaking
from snapgui.engine.victim.victim import Victim


def run_attack(
    victim: Victim,
    images: torch.Tensor,
    masks: torch.Tensor,
    *,
    objective: Objective,
    texture: Texture,
    settings: AttackSettings,
    optimiser: Rule | None = None,
    batch_size: int | None = None,
    fill_up: bool | None = None,
) -> Iterator[Step]:
    """Optimise the patch of each image; yields after every forward pass, the first before any gradient.

    An image is finished at the first iterate whose confidence reaches ``settings.confidence``, or after
    ``settings.steps`` in each of its rounds: the first from the texture's start, then ``settings.restarts``
    from random positions, each begun when all images have ended the one before. With
    ``settings.least_change`` it takes all steps of the round in which it reaches the goal. An image that
    leaves the batch makes room for a waiting one. Whoever drains it may stop at any step and keep
    ``best_images``.

    Args:
        victim: frozen classifier.
        images: ``(N, 3, H, W)`` in [0, 1], on the victim's device.
        masks: bool ``(N, 1, H, W)``.
        objective: what to raise.
        texture: of these images and masks, see `fit_texture`.
        settings: limits, naturalness terms and the name of the rule.
        optimiser: another rule by which the patch moves; None is the one that the settings name.
        batch_size: images at once; all if None.
        fill_up: whether a thinning batch is filled up to one of few sizes; None is `fills_up` of the device.
    """
    begin = optimiser or rule_of(settings)
    pixels = texture.pixels
    look = _Look(
        victim,
        texture,
        settings,
        SoftEdge(images, masks, pixels) if settings.soft_edge else None,
        fit_roughness(images, pixels) if settings.smoothness else None,
        _density(texture.reference()),
        fills_up(images.device) if fill_up is None else fill_up,
    )
    position, device = texture.start(0), images.device
    everything = torch.arange(len(texture.rows), device=device), torch.arange(len(pixels.rows), device=device)
    pool = Pool(images, texture, objective, look.shown(position, *everything), len(victim.card.classes))
    yield from _run_round(look, pool, begin(position), 0, batch_size)
    for restart in range(1, settings.restarts + 1):
        if not bool(pool.running.any()):
            return
        yield from _run_round(look, pool, begin(texture.start(restart)), restart, batch_size)


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
            position = rule.position[batch.rows].requires_grad_()
            slopes = fading_slopes(settings.leak, steps) if settings.leak and youngest < FADED else None
            colours, logits, score = look(batch, position, slopes)
            confidence = batch.objective.confidence(logits.detach())
            reached = confidence >= goal
            ended = steps >= settings.steps
            if not settings.least_change:
                ended |= reached
            change = look.change(batch, colours)
            yield pool.record(
                batch,
                logits=logits.detach(),
                colours=colours.detach(),
                score=score.detach(),
                confidence=confidence,
                reached=reached,
                change=change.detach(),
                taken=steps + round_number * settings.steps,
                running=~ended | (~pool.reached(batch, reached) & (round_number < settings.restarts)),
            )
            # Here alone a pass makes the host wait for a GPU.
            left = len(steps) - int(ended.sum())
            if left:
                (gradient,) = torch.autograd.grad(score.sum(), position, retain_graph=settings.least_change)
                relief = None
                if settings.least_change:
                    (relief,) = torch.autograd.grad(change.sum(), position)
                seen = Observation(
                    batch.rows, batch.row_owners, gradient, steps, score.detach(), reached, relief
                )
                rule.step(seen)
                steps = steps + 1
            if left < len(steps):
                break
        steps_in_round[batch.active] = steps
        standing[batch.active] = ~ended


@dataclass(frozen=True)
class _Look:
    """How a position of the optimiser is shown to the victim, and what is made of its answer."""

    victim: Victim
    texture: Texture
    settings: AttackSettings
    edge: SoftEdge | None
    roughness: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] | None
    reference: torch.Tensor
    fill_up: bool

    def shown(self, position: torch.Tensor, rows: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
        """Colours ``(p, 3)`` of the chosen pixels for a position ``(r, D)`` of these rows, at 8 bits and
        differentiable.
        """
        colours = self.texture.colours(position, rows, chosen)
        return round_through(self.edge.soften(colours, chosen) if self.edge else colours)

    def __call__(
        self, batch: Batch, position: torch.Tensor, slopes: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Colours ``(p, 3)`` at 8 bits, logits ``(n, K)`` in float32 and scores ``(n,)`` of a position
        ``(r, D)``, differentiable; rectifiers leak by ``slopes`` ``(n,)``.
        """
        colours = self.shown(position, batch.rows, batch.chosen)
        slopes = None if slopes is None else self._filled_up(slopes)
        with _precision(position.device), leaking(slopes):
            logits = self.victim(self._filled_up(compose(batch.images, batch.places, colours)))
        logits = logits[: len(batch.active)].float()
        score = batch.objective.margin(logits)
        if self.roughness:
            rough = self.roughness(colours, batch.chosen)[batch.active]
            score = score - self.settings.smoothness * rough
        return colours, logits, score

    def change(self, batch: Batch, colours: torch.Tensor) -> torch.Tensor:
        """How far colours ``(p, 3)`` are from the texture's reference in each image, ``(n,)``: mean square of
        the optical densities' difference over its masked pixels.
        """
        difference = (_density(colours) - self.reference[batch.chosen]).pow(2).mean(1)
        return mean_of_each(difference, batch.owners, len(batch.active))

    def _filled_up(self, values: torch.Tensor) -> torch.Tensor:
        """Values ``(n, ...)``, where it is asked with the first repeated up to a power of two; nobody reads
        the answers to these.
        """
        count = len(values)
        if not self.fill_up or count & (count - 1) == 0:
            return values
        missing = (1 << count.bit_length()) - count
        return torch.cat([values, values[:1].detach().expand(missing, *values.shape[1:])])


def _density(colours: torch.Tensor) -> torch.Tensor:
    return -torch.log(colours.clamp_min(1 / 255))


def fills_up(device: torch.device) -> bool:
    """Whether each new batch size costs a search for kernels, so that a few sizes are better than many."""
    return device.type == "cuda"


def _precision(device: torch.device) -> AbstractContextManager[object]:
    """bfloat16 inside the network on a GPU that has it; patch, loss and the scoring of saved files stay in
    float32.
    """
    enabled = device.type == "cuda" and torch.cuda.is_bf16_supported()
    return torch.autocast(device.type, torch.bfloat16, enabled=enabled)
