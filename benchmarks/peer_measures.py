"""What `attack_speed.py` measures of our attack beside its peers: speed, and time to the reference's
strength.
"""

import contextlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial

import torch
from torch import nn

from benchmarks.measures import Reach, Row, Say, Tracer, every_step, trace_ours
from benchmarks.memory import usual_memory
from benchmarks.patches import PatchBatch, run_steps
from benchmarks.peers import ArtPgd, ArtRule, IterateHook, largest_difference
from benchmarks.reference import Reference
from benchmarks.timing import alternate, ratios, spread, time_once
from benchmarks.torchattacks_peer import TorchattacksPgd
from snapgui.engine.settings import AttackSettings
from snapgui.engine.victim.victim import Victim

# ART's defaults first; the others are what a patient user might try.
RULES = (ArtRule(), ArtRule(0.05), ArtRule(0.2), ArtRule(0.1, 0.5))
NAMES = {
    "art usual": "ART as users get it",
    "art plain": "the same with our memory setting",
    "art frozen": "ART with our frozen network",
    "torchattacks plain": "torchattacks as users get it",
    "torchattacks frozen": "torchattacks, frozen and channels-last",
}


@dataclass(frozen=True)
class Peers:
    """Who is run beside us.

    Attributes:
        plain: the victim's checkpoint as torchvision makes it.
        child: torchattacks, where it can be had.
        confined: ART is held to each image's own range, as our default is, and not given every colour.
        rules: what ART is traced with.
        limit: most steps that it gets.
    """

    plain: nn.Module
    child: TorchattacksPgd | None = None
    confined: bool = False
    rules: Sequence[ArtRule] = RULES
    limit: int = 100

    def text(self) -> str:
        """Which colours the peers may use."""
        return "peers held to each image's range" if self.confined else "peers may use every colour"


class _EnoughError(Exception):
    """Ends a traced run of ART, which has no other way to stop."""


def check_same(victim: Victim, plain: nn.Module, batch: PatchBatch) -> None:
    """Raise unless the network that the peers get as users do is the victim."""
    apart = largest_difference(victim, plain, batch.images[:4])
    if apart > 1e-2:
        raise ValueError(
            f"The plain network's logits lie {apart:.3g} from the victim's: it is not the same classifier."
        )


@dataclass(frozen=True)
class _Plan:
    """One way to run the peers: ART by ``rule`` for so many steps; ``name`` tells it from another."""

    rule: ArtRule
    steps: int
    name: str = ""
    short: str = ""

    def named(self, peer: str) -> str:
        """The peer run this way."""
        return f"{peer}, {self.name}" if self.name else peer


def _runs(
    victim: Victim,
    peers: Peers,
    batch: PatchBatch,
    settings: AttackSettings,
    *,
    steps: int,
    plans: Sequence[_Plan],
) -> dict[str, Callable[[], float]]:
    """One timed run of each attack, from pictures and masks to pictures: ours by ``steps``, the peers by each
    plan.
    """
    device = batch.images.device
    plain, frozen = (
        ArtPgd(peers.plain, batch, confined=peers.confined),
        ArtPgd(victim, batch, confined=peers.confined),
    )

    def timed(peer: ArtPgd, plan: _Plan, memory: Callable[[], AbstractContextManager[None]]) -> float:
        with memory():
            return time_once(lambda: peer(plan.steps, plan.rule), device)

    runs = {"ours": lambda: time_once(lambda: run_steps(victim, batch, every_step(settings), steps), device)}
    for plan in plans:
        runs[plan.named("art usual")] = partial(timed, plain, plan, usual_memory)
        runs[plan.named("art plain")] = partial(timed, plain, plan, contextlib.nullcontext)
        runs[plan.named("art frozen")] = partial(timed, frozen, plan, contextlib.nullcontext)
    # torchattacks knows one rule only, which is ART's default.
    if peers.child and plans[0].rule == ArtRule():
        for variant in ("plain", "frozen"):
            runs[plans[0].named(f"torchattacks {variant}")] = partial(peers.child, variant, plans[0].steps)
    return runs


def measure_throughput(
    victim: Victim,
    peers: Peers,
    batch: PatchBatch,
    settings: AttackSettings,
    *,
    steps: int,
    repeats: int,
    say: Say,
) -> list[Row]:
    """Image-steps a second of whole calls of that many steps."""
    runs = _runs(victim, peers, batch, settings, steps=steps, plans=[_Plan(ArtRule(), steps)])
    times = alternate(runs, repeats=repeats, on_time=say)
    rates = {
        name: spread([len(batch) * steps / seconds for seconds in values]).text(".1f")
        for name, values in times.items()
    }
    goals = {"art usual": "at least 2"}
    return [
        Row(
            f"image-steps a second: ours over {NAMES[name]}",
            goals.get(name, ""),
            ratios(times[name], times["ours"]).text(),
            f"{steps} steps, batch {len(batch)}, {peers.text()}: {rates['ours']} against {rates[name]}",
        )
        for name in times
        if name != "ours"
    ]


def trace_art(victim: Victim, peers: Peers, batch: PatchBatch, reference: Reference, rule: ArtRule) -> Reach:
    """When ART gets there: its iterates as its own hook shows them, each image credited with its best so far;
    not timed.
    """
    tracer = Tracer(victim, batch, reference)
    pgd = ArtPgd(victim, batch, confined=peers.confined)

    def look(step: int, images: torch.Tensor) -> None:
        if tracer.see(step, pgd.images_of(images)):
            raise _EnoughError

    with contextlib.suppress(_EnoughError):
        tracer.see(peers.limit, pgd(peers.limit, rule, hook=IterateHook(look)))
    return tracer.reach


def measure_reach(
    victim: Victim,
    peers: Peers,
    batch: PatchBatch,
    settings: AttackSettings,
    reference: Reference,
    *,
    repeats: int,
    say: Say,
) -> list[Row]:
    """Steps and time to 95 % of the reference's drop; ART by its default rule and by the one that gets there
    first, stopped at the right step.
    """
    ours = trace_ours(victim, batch, settings, reference)
    traces = {rule: trace_art(victim, peers, batch, reference, rule) for rule in peers.rules}
    tried = "; ".join(f"ART, {rule.text()}: {trace.text(peers.limit)}" for rule, trace in traces.items())
    rows = [
        Row(
            "steps to 95 % of the reference's drop, median of the images",
            "at most 12",
            f"{ours.median:g}",
            f"ours: {ours.text(settings.steps)}. {tried}. Reference: {reference.text()}",
        )
    ]
    if ours.mean is None:
        return [
            *rows,
            Row(
                "time to 95 % of the reference's drop",
                "at least 4 and 2.5",
                "not reached",
                f"in {settings.steps} steps of ours",
            ),
        ]
    first, _ = min(traces.items(), key=lambda item: peers.limit + 1 if item[1].mean is None else item[1].mean)
    plans = [
        _plan(rule, traces[rule], peers.limit, "default rule" if rule == ArtRule() else "best rule")
        for rule in dict.fromkeys((ArtRule(), first))
    ]
    times = alternate(
        _runs(victim, peers, batch, settings, steps=ours.mean, plans=plans), repeats=repeats, on_time=say
    )
    for plan in plans:
        # What a user could get decides, not what the default happens to give.
        goals = {"art usual": "at least 4", "art frozen": "at least 2.5"} if plan.rule == first else {}
        for peer, words in NAMES.items():
            if (name := plan.named(peer)) not in times:
                continue
            seconds = (
                f"{spread(times['ours']).text()} s for {ours.mean} steps against "
                f"{spread(times[name]).text()} s for {plan.steps}"
            )
            what = f"time to 95 % of the reference's drop: {plan.named(words)}, over ours"
            detail = f"{seconds}, {plan.rule.text()}, {peers.text()}{plan.short}"
            rows.append(Row(what, goals.get(peer, ""), ratios(times[name], times["ours"]).text(), detail))
    return rows


def _plan(rule: ArtRule, trace: Reach, limit: int, name: str) -> _Plan:
    """The peer by this rule, as many steps as it needs; where it does not get there, the limit, which is a
    lower bound.
    """
    if trace.mean is None:
        return _Plan(rule, limit, name, f" (a lower bound: the peer is not there after {limit} steps)")
    return _Plan(rule, trace.mean, name)
