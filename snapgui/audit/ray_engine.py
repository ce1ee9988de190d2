"""The same shards on a Ray cluster. Workers compute; this process alone writes.

A task whose worker dies is started again by Ray, elsewhere if need be; nothing of the dead one was on disk.
"""

import json
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from snapgui.audit.plan import Plan, donor_textures, select_patches
from snapgui.audit.settings import AuditSettings
from snapgui.audit.shard import ShardResult, run_shard
from snapgui.data.datasets import PatchSet
from snapgui.engine.victim.memory import keep_freed_memory
from snapgui.engine.victim.victim import Victim
from snapgui.errors import SettingsError

if TYPE_CHECKING:
    from snapgui.audit.shard import Event

# How often a shard is started again after its worker died.
RETRIES = 5
Key = TypeVar("Key", bound=Hashable)
Result = TypeVar("Result")


def on_cluster(
    work: Callable[..., Result],
    common: Sequence[Any],
    calls: Mapping[Key, Sequence[Any]],
    *,
    address: str | None,
    device: str,
    threads: int,
) -> Iterator[tuple[Key, Result | Exception | str]]:
    """Call ``work(*common, *call)`` on a cluster for each of ``calls``; gives results in the order in which
    they are finished. Errors of a call are events, not exceptions; a string says that the rest still works.

    Args:
        common: what all calls share; sent once.
        address: of a Ray cluster (``auto`` finds one); None starts a local one.
        device: where a call computes; ``cuda`` takes a GPU for each.
        threads: processors of a call.

    Raises:
        SettingsError: Ray is not installed, or no cluster answers.
    """
    try:
        import ray
    except ImportError as error:
        raise SettingsError(
            "Ray is not installed. Run “pip install -r requirements-ray.txt”, or use --engine local."
        ) from error
    ours = not ray.is_initialized()
    try:
        if ours:
            ray.init(address=address, include_dashboard=False, log_to_driver=False, configure_logging=False)
    except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
        raise SettingsError(
            f"No Ray cluster answers at “{address}” ({error}). Start one with “ray start --head”, "
            "or leave --address away."
        ) from error
    try:
        gpus = 1 if device.startswith("cuda") else 0
        remote = ray.remote(num_cpus=threads, num_gpus=gpus, max_retries=RETRIES)(work)
        held = [ray.put(thing) for thing in common]
        waiting = {remote.remote(*held, *call): key for key, call in calls.items()}
        while waiting:
            ready, _ = ray.wait(list(waiting), num_returns=1, timeout=1.0)
            for reference in ready:
                key = waiting.pop(reference)
                try:
                    yield key, ray.get(reference)
                except ray.exceptions.RayError as error:
                    yield key, RuntimeError(str(error).strip().splitlines()[-1])
            if not ready:
                yield next(iter(waiting.values())), f"{len(waiting)} shards on the cluster"
    finally:
        if ours:
            ray.shutdown()


def ray_events(
    model: Path,
    data: Path,
    device: str,
    plan: Plan,
    pending: Sequence[int],
    settings: AuditSettings,
    *,
    address: str | None,
) -> "Iterator[Event]":
    """Shards of an audit, by `on_cluster`."""
    where = str(Path(model).resolve()), str(Path(data).resolve())
    return on_cluster(
        _shard,
        (*where, device, settings.to_json()),
        {index: (plan.shards[index],) for index in pending},
        address=address,
        device=device,
        threads=settings.threads,
    )


def _shard(
    model: str, data: str, device: str, settings: dict[str, Any], positions: Sequence[int]
) -> ShardResult:
    """One shard on a worker."""
    asked = AuditSettings.from_json(settings)
    victim, patches, textures = _prepare(model, data, device, json.dumps(settings))
    *_, result = run_shard(victim, patches, positions, textures, asked)
    assert isinstance(result, ShardResult)
    return result


@lru_cache(maxsize=1)
def _prepare(
    model: str, data: str, device: str, settings: str
) -> tuple[Victim, PatchSet, list[NDArray[np.uint8]]]:
    """Victim, patches and textures, kept by a worker from shard to shard; ``settings`` are JSON, which can be
    a key.
    """
    keep_freed_memory()
    patches, donors = select_patches(Path(data), AuditSettings.from_json(json.loads(settings)))
    return Victim.load(Path(model), device=device), patches, donor_textures(donors)
