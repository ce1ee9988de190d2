"""A transfer matrix from first to last; what is on disk is kept, so a killed one continues where it was.

``transfer.json`` says what was asked, ``shards/NAME.parquet`` holds the rows of a finished shard,
``pictures/`` the altered pictures, ``canvases/`` the patches that are one for all images; ``rows.parquet``
and ``summary.json`` are made of them at the end.
"""

import datetime
import io
import json
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from snapgui.audit.run import EngineName, seconds_left
from snapgui.audit.universal import Layout, gather_metastases
from snapgui.data.datasets import open_patches
from snapgui.engine.attack.objectives import Targeted
from snapgui.engine.attack.universal import train_universal
from snapgui.engine.presets import PRESETS, PresetName
from snapgui.engine.victim.victim import Victim
from snapgui.errors import DataError, refused
from snapgui.provenance import device_name, library_versions
from snapgui.transfer.clean import measure_clean
from snapgui.transfer.plan import (
    METHOD,
    Contest,
    Plan,
    Shard,
    asked_patches,
    load_models,
    plan_contest,
    transfer_contest,
)
from snapgui.transfer.settings import TransferSettings
from snapgui.transfer.shard import COLUMNS, ShardResult, run_shard, universal_settings
from snapgui.transfer.summary import summarise
from snapgui.words import as_text
from snapgui.workspace import write_whole

FREE_SPACE = "Free space; the same command then continues from what is there."


@dataclass(frozen=True)
class TransferProgress:
    """Where a matrix stands: shards done and in all, what is at work, and seconds left (None at first)."""

    done: int
    shards: int
    doing: str
    left_s: float | None


@dataclass(frozen=True)
class TransferOutcome:
    """A finished or stopped matrix: its folder, its summary if all is there, and what went wrong by shard."""

    folder: Path
    summary: dict[str, Any] | None
    failures: dict[str, str] = field(default_factory=dict)


def run_transfer(
    paths: Sequence[Path],
    data: Path,
    out: Path,
    settings: TransferSettings,
    *,
    device: str = "cpu",
    engine: EngineName = "local",
    address: str | None = None,
    stop: Callable[[], bool] | None = None,
) -> Generator[TransferProgress, None, TransferOutcome]:
    """Measure how patches made on each model fool every other; yields progress and returns the outcome.

    Args:
        paths: the models' files, two or more.
        data: folder of a labelled data set.
        out: where matrices are kept; each gets a folder of its own, and the same one is continued.
        settings: what is asked.
        device: where the models compute.
        engine: ``local`` or ``ray``.
        address: of a Ray cluster (``auto`` finds one); None starts a local one.
        stop: asked between shards; True ends after what is on disk.

    Raises:
        ModelError, DataError: as `load_models` and `plan_contest` do, or the place cannot be written.
    """
    contest = transfer_contest(load_models(paths, device), together=settings.together)
    return (yield from run_contest(contest, data, out, settings, engine=engine, address=address, stop=stop))


def run_contest(
    contest: Contest,
    data: Path,
    out: Path,
    settings: TransferSettings,
    *,
    engine: EngineName = "local",
    address: str | None = None,
    stop: Callable[[], bool] | None = None,
) -> Generator[TransferProgress, None, TransferOutcome]:
    """Make patches on every source of a contest and try them; as `run_transfer` does."""
    torch.set_num_threads(settings.threads)
    models, sources = contest.models, contest.sources
    yield TransferProgress(0, 0, "reading", None)
    patches = asked_patches(data, settings)
    plan = plan_contest(contest, patches, settings)
    folder = Path(out) / f"{contest.kind}-{plan.fingerprint[:12]}"
    _begin(folder, contest, data, plan, settings)
    for name in models:
        if (
            settings.clean
            and not (path := folder / "clean" / f"{models[name].card.sha256[:12]}.json").is_file()
        ):
            yield TransferProgress(0, len(plan.shards), f"{name} on untouched patches", None)
            found = measure_clean(models[name], patches, settings)
            write_whole(path, json.dumps(found, indent=2).encode(), advice=FREE_SPACE)
    pending = [shard for shard in plan.shards if not (folder / "shards" / f"{shard.name}.parquet").is_file()]

    def canvas_of(shard: Shard) -> torch.Tensor | None:
        if not settings.universal or shard.source not in models:
            return None
        return _canvas(folder, models[shard.source], shard.preset, data, settings)

    if engine == "ray":
        from snapgui.transfer.ray_engine import ray_events

        events = ray_events(contest, plan, pending, settings, canvas_of, address=address)
    else:
        events = _local_events(contest, plan, pending, settings, canvas_of)
    failures: dict[str, str] = {}
    begin, made = time.perf_counter(), 0
    for shard, event in events:
        if isinstance(event, str):
            if stop and stop():
                break
            left = seconds_left(time.perf_counter() - begin, made, len(pending) - made, 0.0)
            yield TransferProgress(len(plan.shards) - len(pending) + made, len(plan.shards), event, left)
            continue
        made += 1
        try:
            if isinstance(event, Exception):
                raise event
            _save(folder, shard, event)
        except Exception as error:  # one shard's trouble is told, and the rest is done
            failures[shard.name] = str(error) or type(error).__name__
    if any(not (folder / "shards" / f"{shard.name}.parquet").is_file() for shard in plan.shards):
        return TransferOutcome(folder, None, failures)
    rows = pd.concat(
        [pd.read_parquet(folder / "shards" / f"{shard.name}.parquet") for shard in plan.shards],
        ignore_index=True,
    )
    summary = summarise(rows, list(models), list(sources), list(settings.presets)) | {
        "metastases": plan.metastases,
        "recognised": plan.recognised,
        "attacked": len(plan.subjects.ids),
        "clean": _read_clean(folder, models) if settings.clean else {},
    }
    stream = io.BytesIO()
    rows.to_parquet(stream, index=False)
    content = {"rows.parquet": stream.getvalue(), "summary.json": json.dumps(summary, indent=2).encode()}
    for name, written in content.items():
        write_whole(folder / name, written, advice=FREE_SPACE)
    return TransferOutcome(folder, summary, failures)


def _local_events(
    contest: Contest,
    plan: Plan,
    pending: Sequence[Shard],
    settings: TransferSettings,
    canvas_of: Callable[[Shard], torch.Tensor | None],
) -> Iterator[tuple[Shard, ShardResult | Exception | str]]:
    """Shards one after another in this process: what is begun, then what came of it."""
    for shard in pending:
        yield shard, f"{shard.preset} on {shard.source}"
        try:
            yield shard, run_shard(contest, plan, shard, settings, canvas_of(shard))
        except Exception as error:
            yield shard, error


def _save(folder: Path, shard: Shard, result: ShardResult) -> None:
    """Rows and pictures of a shard, all or nothing."""
    stream = io.BytesIO()
    pd.DataFrame(result.rows, columns=list(COLUMNS)).to_parquet(stream, index=False)
    write_whole(
        folder,
        {f"pictures/{name}": data for name, data in result.pictures.items()}
        | {f"shards/{shard.name}.parquet": stream.getvalue()},
        advice=FREE_SPACE,
    )


def _begin(folder: Path, contest: Contest, data: Path, plan: Plan, settings: TransferSettings) -> None:
    models = contest.models
    try:
        for name in ("shards", "pictures", "canvases", "clean"):
            (folder / name).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(
            f"{folder} cannot be written ({refused(error)}). Free space, or choose another folder with --out."
        ) from error
    if (folder / "transfer.json").is_file():
        return
    about = {
        "fingerprint": plan.fingerprint,
        "settings": settings.to_json(),
        "models": {
            name: {"sha256": victim.card.sha256, "architecture": victim.card.architecture}
            for name, victim in models.items()
        },
        "data": as_text(Path(data).name),
        "device": device_name(next(iter(models.values())).mean.device),
        "versions": library_versions(),
        "method": METHOD,
        "started": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
    write_whole(folder / "transfer.json", json.dumps(about, indent=2).encode(), advice=FREE_SPACE)


def _read_clean(folder: Path, models: dict[str, Victim]) -> dict[str, Any]:
    return {
        name: json.loads(_clean_path(folder, victim).read_text(encoding="utf-8"))
        for name, victim in models.items()
    }


def _clean_path(folder: Path, victim: Victim) -> Path:
    return folder / "clean" / f"{victim.card.sha256[:12]}.json"


def _canvas(
    folder: Path, victim: Victim, preset: PresetName, data: Path, settings: TransferSettings
) -> torch.Tensor:
    """The patch that is one for all images, trained on ``train`` once and then read from the folder."""
    path = folder / "canvases" / f"{victim.card.sha256[:12]}-{preset}.npy"
    device = victim.mean.device
    if path.is_file():
        return torch.from_numpy(np.load(path, allow_pickle=False)).to(device)
    cells = PRESETS[preset].cells
    layout: Layout = "nuclei" if cells.placement == "all_nuclei" else "cells"
    training = gather_metastases(victim, open_patches(data).split("train"), settings.universal, layout, cells)
    masks = training.masks[:1] if layout == "cells" else training.masks
    how = universal_settings(preset, settings)
    *_, last = train_universal(victim, training.images, masks, objective=Targeted(0), settings=how)
    stream = io.BytesIO()
    np.save(stream, last.canvas.cpu().numpy(), allow_pickle=False)
    write_whole(path, stream.getvalue(), advice=FREE_SPACE)
    return last.canvas
