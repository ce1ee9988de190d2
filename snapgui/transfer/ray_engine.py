"""Shards of a matrix on a Ray cluster: models and pictures are sent, so a worker needs no file."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import torch

from snapgui.audit.ray_engine import on_cluster
from snapgui.engine.victim.memory import keep_freed_memory
from snapgui.transfer.plan import Contest, Plan, Shard
from snapgui.transfer.settings import TransferSettings
from snapgui.transfer.shard import ShardResult, run_shard


def ray_events(
    contest: Contest,
    plan: Plan,
    pending: Sequence[Shard],
    settings: TransferSettings,
    canvas_of: Callable[[Shard], torch.Tensor | None],
    *,
    address: str | None,
) -> Iterator[tuple[Shard, ShardResult | Exception | str]]:
    """Results of shards in the order in which they are finished, by `on_cluster`."""
    return on_cluster(
        _shard,
        (contest, plan, settings),
        {shard: (shard, canvas_of(shard)) for shard in pending},
        address=address,
        device=next(iter(contest.models.values())).mean.device.type,
        threads=settings.threads,
    )


def _shard(
    contest: Contest, plan: Plan, settings: TransferSettings, shard: Shard, canvas: torch.Tensor | None
) -> ShardResult:
    """One shard on a worker."""
    keep_freed_memory()
    torch.set_num_threads(settings.threads)
    # What comes out of Ray's store cannot be written to, which torch does not like.
    pixels = [picture.copy() for picture in plan.subjects.pixels]
    plan = replace(plan, subjects=replace(plan.subjects, pixels=pixels))
    return run_shard(contest, plan, shard, settings, canvas)
