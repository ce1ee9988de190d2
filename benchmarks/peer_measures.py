"""What `attack_speed.py` measures of our attack beside its peers: speed, and time to the reference's strength."""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

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
from snapgui.engine.victim import Victim

# ART's defaults first; the others are what a patient user might try.
RULES = (ArtRule(), ArtRule(0.05), ArtRule(0.2), ArtRule(0.1, 0.5))
NAMES = {
    "art usual": "ART as users get it", "art plain": "the same with our memory setting", "art frozen": "ART with our frozen network",
    "torchattacks plain": "torchattacks as users get it", "torchattacks frozen": "torchattacks, frozen and channels-last",
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
        raise ValueError(f"The plain network's logits lie {apart:.3g} from the victim's: it is not the same classifier.")


def _runs(
    victim: Victim, peers: Peers, batch: PatchBatch, settings: AttackSettings, rule: ArtRule, steps: dict[str, int]
) -> dict[str, Callable[[], float]]:
    """One timed run of each attack, from pictures and masks to pictures, by the steps that ``steps`` gives ours and the peers."""
    device = batch.images.device
    art = {
        "art plain": ArtPgd(peers.plain, batch, confined=peers.confined),
        "art frozen": ArtPgd(victim, batch, confined=peers.confined),
    }

    def usual() -> float:
        with usual_memory():
            return time_once(lambda: art["art plain"](steps["peers"], rule), device)

    runs = {"ours": lambda: time_once(lambda: run_steps(victim, batch, every_step(settings), steps["ours"]), device), "art usual": usual}
    for name, peer in art.items():
        runs[name] = lambda peer=peer: time_once(lambda: peer(steps["peers"], rule), device)  # type: ignore[misc]
    if child := peers.child:
        for variant in ("plain", "frozen"):
            runs[f"torchattacks {variant}"] = lambda variant=variant: child(variant, steps["peers"])  # type: ignore[misc]
    return runs


def measure_throughput(
    victim: Victim, peers: Peers, batch: PatchBatch, settings: AttackSettings, *, steps: int, repeats: int, say: Say
) -> list[Row]:
    """Image-steps a second of whole calls of that many steps."""
    runs = _runs(victim, peers, batch, settings, ArtRule(), {"ours": steps, "peers": steps})
    times = alternate(runs, repeats=repeats, on_time=say)
    rates = {name: spread([len(batch) * steps / seconds for seconds in values]).text(".1f") for name, values in times.items()}
    goals = {"art usual": "at least 2"}
    return [
        Row(
            f"image-steps a second: ours over {NAMES[name]}", goals.get(name, ""), ratios(times[name], times["ours"]).text(),
            f"{steps} steps, batch {len(batch)}, {peers.text()}: {rates['ours']} against {rates[name]}",
        )
        for name in times if name != "ours"
    ]


def trace_art(victim: Victim, peers: Peers, batch: PatchBatch, reference: Reference, rule: ArtRule) -> Reach:
    """When ART gets there: its iterates as its own hook shows them, each image credited with its best so far; not timed."""
    tracer = Tracer(victim, batch, reference)
    pgd = ArtPgd(victim, batch, confined=peers.confined)

    def look(step: int, images: torch.Tensor) -> None:
        if tracer.see(step, pgd.images_of(images)):
            raise _EnoughError

    with contextlib.suppress(_EnoughError):
        tracer.see(peers.limit, pgd(peers.limit, rule, hook=IterateHook(look)))
    return tracer.reach


def measure_reach(
    victim: Victim, peers: Peers, batch: PatchBatch, settings: AttackSettings, reference: Reference, *, repeats: int, say: Say
) -> list[Row]:
    """Steps and time to 95 % of the reference's drop; ART by the rule that gets there first, stopped at the right step."""
    ours = trace_ours(victim, batch, settings, reference)
    limit = peers.limit
    traces = {rule: trace_art(victim, peers, batch, reference, rule) for rule in peers.rules}
    rule, theirs = min(traces.items(), key=lambda item: limit + 1 if item[1].mean is None else item[1].mean)
    tried = "; ".join(f"ART, {one.text()}: {trace.text(limit)}" for one, trace in traces.items())
    rows = [
        Row(
            "steps to 95 % of the reference's drop, median of the images", "at most 15", f"{ours.median:g}",
            f"ours: {ours.text(settings.steps)}. {tried}. Reference: {reference.text()}",
        )
    ]
    if ours.mean is None:
        return [*rows, Row("time to 95 % of the reference's drop", "at least 5 and 3", "not reached", f"in {settings.steps} steps of ours")]
    count = limit if theirs.mean is None else theirs.mean
    times = alternate(
        _runs(victim, peers, batch, settings, rule, {"ours": ours.mean, "peers": count}), repeats=repeats, on_time=say
    )
    goals = {"art usual": "at least 5", "art frozen": "at least 3"}
    short = "" if theirs.mean is not None else f" (a lower bound: the peer is not there after {limit} steps)"
    for name in list(times)[1:]:
        seconds = f"{spread(times['ours']).text()} s for {ours.mean} steps against {spread(times[name]).text()} s for {count}"
        by = rule.text() if name.startswith("art") else "step as ART's default"
        ratio = ratios(times[name], times["ours"]).text()
        what = f"time to 95 % of the reference's drop: {NAMES[name]} over ours"
        rows.append(Row(what, goals.get(name, ""), ratio, f"{seconds}, {by}, {peers.text()}{short}"))
    return rows
