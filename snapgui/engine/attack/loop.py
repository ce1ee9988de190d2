"""The attack: all cells of an image optimised together, many images at once, as a generator of steps."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch

from snapgui.engine.attack.gamut import Gamut, project
from snapgui.engine.attack.naturalness import SoftEdge, fit_roughness
from snapgui.engine.attack.objectives import Objective
from snapgui.engine.attack.optimisers import Pass, make_optimiser
from snapgui.engine.attack.packing import compose, pack, round_through
from snapgui.engine.attack.starts import start_colours
from snapgui.engine.settings import AttackSettings
from snapgui.engine.victim.rectifiers import FADED, fading_slopes, leaking
from snapgui.engine.victim.victim import Victim

# How often the list of images still running is brought up to date: on a GPU each look makes the host wait for
# it.
LOOK_EVERY = {"cuda": 4}
# Where each new batch size costs a search for kernels, a thinning batch is filled up to the next of few
# sizes.
FILL_UP = {"cuda"}


@dataclass(frozen=True)
class Step:
    """The state of a pool of images after one forward pass.

    Attributes:
        index: passes made before this one; for a single image the gradient steps taken so far, 0 being the
            start colour.
        logits: ``(N, K)`` of the current iterates; a finished image keeps its last, a waiting one has zeros.
        best_colours: ``(P, 3)``, the best iterates so far in the order of `pack`, every value a level of 8
            bits.
        best_confidence: ``(N,)``, what the objective wants high, at the best iterates.
        best_step: int64 ``(N,)``, the step at which each was found, counted over all its restarts.
        taken: int64 ``(N,)``, gradient steps of each image.
        running: bool ``(N,)``, images not yet finished, waiting ones among them.
        images, places: what the best colours are laid over, see `compose`.
    """

    index: int
    logits: torch.Tensor
    best_colours: torch.Tensor
    best_confidence: torch.Tensor
    best_step: torch.Tensor
    taken: torch.Tensor
    running: torch.Tensor
    images: torch.Tensor
    places: torch.Tensor

    @property
    def best_images(self) -> torch.Tensor:
        """``(N, 3, H, W)``, the best iterates so far."""
        return compose(self.images, self.places, self.best_colours)


def run_attack(
    victim: Victim,
    images: torch.Tensor,
    masks: torch.Tensor,
    *,
    objective: Objective,
    gamut: Gamut,
    start: torch.Tensor,
    settings: AttackSettings,
    batch_size: int | None = None,
) -> Iterator[Step]:
    """Optimise the patch of each image; yields after every forward pass, the first before any gradient.

    An image is finished at the first iterate whose confidence reaches ``settings.confidence``, or after
    ``settings.steps`` in each of its rounds: the first from ``start``, then ``settings.restarts`` from random
    colours. A finished image leaves the batch and a waiting one takes its place. Whoever drains it may stop
    at any step and keep ``best_images``.

    Args:
        victim: frozen classifier.
        images: ``(N, 3, H, W)`` in [0, 1], on the victim's device.
        masks: bool ``(N, 1, H, W)``.
        objective: what to raise.
        gamut: fitted to these images.
        start: colours ``(P, 3)`` in the order of `pack`; drawn into the gamut first.
        settings: rule, limits and naturalness terms.
        batch_size: images at once; all if None.
    """
    packed = pack(masks)
    count = len(images)
    device = images.device
    everyone = torch.arange(count, device=device)
    own_position = gamut.coordinates(start, packed)
    optimiser = make_optimiser(settings.optimiser, own_position, packed, steps=settings.steps, count=count)
    edge = SoftEdge(images, masks, packed) if settings.soft_edge else None
    roughness = fit_roughness(images, packed) if settings.smoothness else None
    best_colours = project(gamut, start, packed)
    score = torch.full((count,), -torch.inf, device=device)
    best_score = score.clone()
    best_confidence = torch.zeros(count, device=device)
    best_step = torch.zeros(count, dtype=torch.long, device=device)
    within, lap = torch.zeros_like(best_step), torch.zeros_like(best_step)
    logits = torch.zeros(count, len(victim.card.classes), device=device)
    running = torch.ones(count, dtype=torch.bool, device=device)
    look_every = LOOK_EVERY.get(device.type, 1)
    index = 0

    while True:
        if index % look_every == 0:
            active = everyone[running][:batch_size]
            if not len(active):
                return
            in_batch = torch.zeros_like(running).index_fill_(0, active, True)
            chosen = in_batch[packed.rows]
            pixels = packed[chosen]
            places = _places_among(pixels.places, pixels.rows, active, count, images[0, 0].numel())
            # Where looks are rare an image may begin a new round before the next.
            leaks = settings.leak > 0 and (
                bool((within[active] < FADED).any()) or (look_every > 1 and settings.restarts > 0)
            )
        free = optimiser.position[chosen].requires_grad_()
        colours = gamut.colours(free, pixels)
        if edge:
            colours = edge.soften(colours, chosen)
        colours = round_through(colours)
        slopes = _filled_up(fading_slopes(settings.leak, within[active])) if leaks else None
        with _precision(device), leaking(slopes):
            now = victim(_filled_up(compose(images[active], places, colours)))[: len(active)].float()
        aim = objective[active]
        wanted = aim.margin(now)
        if roughness:
            wanted = wanted - settings.smoothness * roughness(colours, chosen)[active]
        score_sum = wanted.sum()

        now, wanted = now.detach(), wanted.detach()
        confidence = aim.confidence(now)
        alive = running[active]
        logits[active] = torch.where(alive[:, None], now, logits[active])
        score[active] = torch.where(alive, wanted, score[active])
        winners = active[alive & (wanted > best_score[active])]
        moved = torch.zeros_like(running).index_fill_(0, winners, True)
        best_score = torch.where(moved, score, best_score)
        best_confidence = torch.where(
            moved, best_confidence.index_put((active,), confidence), best_confidence
        )
        taken = lap * settings.steps + within
        best_step = torch.where(moved, taken, best_step)
        best_colours = torch.where(
            moved[packed.rows, None], best_colours.index_put((chosen,), colours.detach()), best_colours
        )
        ended = within[active] >= settings.steps
        done = ended & (lap[active] >= settings.restarts)
        # A goal of 1 is never reached: all steps are run.
        if settings.confidence < 1:
            done = done | (confidence >= settings.confidence)
        running = running.index_put((active,), alive & ~done)

        yield Step(
            index,
            logits.clone(),
            best_colours,
            best_confidence,
            best_step,
            taken,
            running,
            images,
            packed.places,
        )
        index += 1
        if look_every == 1 and not bool(running[active].any()):
            # All of this batch have ended: nobody needs their gradient, which is half of a pass.
            continue
        (gradient,) = torch.autograd.grad(score_sum, free)
        optimiser.step(Pass(chosen, active, within, gradient, score, best_score))
        within = within.index_add(0, active, running[active].long())
        if settings.restarts:
            again = torch.zeros_like(running).index_put((active,), ended & running[active])
            for next_lap in (lap[again] + 1).unique().tolist():
                fresh = start_colours("random", images, masks, gamut, seed=settings.seed + next_lap)
                optimiser.restart(again & (lap == next_lap - 1), gamut.coordinates(fresh, packed))
            lap, within = lap + again, within.masked_fill(again, 0)


def _precision(device: torch.device) -> AbstractContextManager[object]:
    """bfloat16 inside the network on a GPU that has it; patch, loss and the scoring of saved files stay in
    float32.
    """
    enabled = device.type == "cuda" and torch.cuda.is_bf16_supported()
    return torch.autocast(device.type, torch.bfloat16, enabled=enabled)


def _filled_up(batch: torch.Tensor) -> torch.Tensor:
    """The batch ``(N, ...)``, on some devices with its first image repeated up to a power of two; nobody
    reads the answers to these.
    """
    count = len(batch)
    if batch.device.type not in FILL_UP or count & (count - 1) == 0:
        return batch
    missing = (1 << count.bit_length()) - count
    return torch.cat([batch, batch[:1].detach().expand(missing, *batch.shape[1:])])


def _places_among(
    places: torch.Tensor, rows: torch.Tensor, active: torch.Tensor, count: int, area: int
) -> torch.Tensor:
    """Places of pixels in the smaller batch that holds the active images alone."""
    rank = torch.zeros(count, dtype=torch.long, device=places.device)
    rank[active] = torch.arange(len(active), device=places.device)
    return places + (rank[rows] - rows) * area
