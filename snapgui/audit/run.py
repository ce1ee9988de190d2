"""An audit from first to last: shards on this machine or on a Ray cluster, saved as they come, then one
table.
"""

import datetime
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from snapgui.audit import store
from snapgui.audit.plan import METHOD, Plan, donor_textures, plan_audit
from snapgui.audit.read import SavedAudit, why_not_continued
from snapgui.audit.settings import SNAP, AuditSettings
from snapgui.audit.shard import SOURCE_LABELS, Event, run_shard
from snapgui.audit.summary import summarise
from snapgui.engine.detector.linear import shipped_detector
from snapgui.engine.generator.files import generator_of
from snapgui.engine.victim.victim import Victim
from snapgui.errors import DataError
from snapgui.provenance import device_name, library_versions
from snapgui.words import as_text

EngineName = Literal["local", "ray"]


@dataclass(frozen=True)
class AuditProgress:
    """Where an audit stands.

    Attributes:
        images_done, images: counted by finished shards.
        doing: the condition at work, where it is known.
        left_s: seconds left, from the attacks done in this session; None before the first.
        attacked, flipped: of SNAP, in the shards done in this session.
    """

    images_done: int
    images: int
    doing: str
    left_s: float | None
    attacked: int
    flipped: int


@dataclass(frozen=True)
class AuditOutcome:
    """A finished or stopped audit: its folder, its summary if all shards are there, and what went wrong by
    shard.
    """

    folder: Path
    summary: dict[str, Any] | None
    failures: dict[int, str] = field(default_factory=dict)


def run_audit(
    model: Path,
    data: Path,
    out: Path,
    settings: AuditSettings,
    *,
    device: str = "cpu",
    engine: EngineName = "local",
    address: str | None = None,
    stop: Callable[[], bool] | None = None,
    continues: SavedAudit | None = None,
) -> Generator[AuditProgress, None, AuditOutcome]:
    """Audit a data set; yields progress and returns the outcome.

    What is on disk in ``out`` from the same audit is kept and not done again; another model, data set or
    setting gets a folder of its own. A shard that cannot be computed or written is reported, and the rest
    is done.

    Args:
        model: the victim's file.
        data: folder of a labelled data set; with ``ray`` every machine must see it, and the model, under the
            same path.
        out: where audits are kept.
        settings: what is asked.
        device: where the victim computes.
        engine: ``local`` or ``ray``.
        address: of a Ray cluster (``auto`` finds one); None starts a local one.
        stop: asked between conditions; True ends after what is on disk.
        continues: the audit that this must be; without it another one begins where anything differs.

    Raises:
        DataError: as `plan_audit` does, the place cannot be written, or this is not the audit to continue.
    """
    if continues is not None and (trouble := why_not_continued(continues)):
        raise DataError(trouble)
    victim = Victim.load(model, device=device)
    plan = plan_audit(victim, data, settings)
    if continues is not None and plan.fingerprint != continues.about["fingerprint"]:
        raise DataError(
            f"This audit cannot continue, since {_what_changed(continues, victim)} than when it began. To "
            "continue would mix two audits: choose the folder above and press Run audit to start a new one."
        )
    folder = store.audit_folder(out, plan.fingerprint)
    store.begin(
        folder,
        {
            "fingerprint": plan.fingerprint,
            "settings": settings.to_json(),
            "model": victim.card.name,
            "model_sha256": victim.card.sha256,
            "data": as_text(Path(data).name),
            "data_path": str(Path(data).resolve()),
            "model_path": str(Path(model).resolve()),
            "images": len(plan.patches),
            "shards": len(plan.shards),
            "classes": list(victim.card.classes),
            "device": device_name(victim.mean.device),
            "versions": library_versions(),
            "method": METHOD,
            "detector": shipped_detector().sha256,
            "generator_sha256": generator_of(settings.attack.texture),
            "remarks": [*victim.card.assumed, *plan.remarks],
            "started": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        },
    )
    done = store.finished_shards(folder)
    pending = [index for index in range(len(plan.shards)) if index not in done]
    if engine == "ray":
        from snapgui.audit.ray_engine import ray_events

        events = ray_events(model, data, device, plan, pending, settings, address=address)
    else:
        events = local_events(victim, plan, pending, settings)
    failures: dict[int, str] = {}
    attacked = flipped = 0
    attacks = {index: _attacks_in(plan, index, settings) for index in pending}
    begin = last = time.perf_counter()
    fresh: set[int] = set()

    def progress(doing: str) -> AuditProgress:
        made = sum(attacks[index] for index in fresh)
        to_do = sum(attacks[index] for index in attacks.keys() - fresh - failures.keys())
        left_s = seconds_left(last - begin, made, to_do, time.perf_counter() - last) if fresh else None
        images_done = sum(len(plan.shards[index]) for index in done)
        return AuditProgress(images_done, len(plan.patches), doing, left_s, attacked, flipped)

    yield progress("reading")
    for index, event in events:
        if isinstance(event, str):
            yield progress(event)
        elif isinstance(event, Exception):
            failures[index] = str(event) or type(event).__name__
        else:
            try:
                store.save_shard(folder, index, event)
            except DataError as error:
                failures[index] = str(error)
            else:
                done.add(index)
                fresh.add(index)
                last = time.perf_counter()
                snap = [row for row in event.rows if row["condition"] == SNAP and row["status"] == "measured"]
                attacked, flipped = attacked + len(snap), flipped + sum(row["flipped"] for row in snap)
            yield progress("")
        if stop and stop():
            break
    if len(done) < len(plan.shards):
        return AuditOutcome(folder, None, failures)
    return AuditOutcome(folder, _finish(folder, done), failures)


def _attacks_in(plan: Plan, index: int, settings: AuditSettings) -> int:
    """How many images of a shard may be attacked; images of the other class cost next to nothing."""
    return sum(int(plan.patches.labels[i]) in SOURCE_LABELS[settings.source] for i in plan.shards[index])


def seconds_left(spent_s: float, made: int, to_do: int, since_s: float) -> float | None:
    """Time left after ``made`` attacks in ``spent_s``; counts down with the time since the last of them. None
    where none was made yet.
    """
    if not to_do:
        return 0.0
    return max(0.0, spent_s / made * to_do - since_s) if made else None


def _what_changed(audit: SavedAudit, victim: Victim) -> str:
    if victim.card.sha256 != audit.about["model_sha256"]:
        return f"the model {audit.model.name} is another one"
    if (library_versions(), METHOD) != (audit.about.get("versions"), audit.about.get("method")):
        return "the program or its libraries are of other versions"
    if generator_of(audit.settings.attack.texture) != audit.about.get("generator_sha256"):
        return "the file from which nuclei are painted is another one"
    return f"the patches or labels in {audit.data} are others, or it is computed on another device"


def _finish(folder: Path, done: set[int]) -> dict[str, Any]:
    store.combine(folder, done)
    costs = store.read_costs(folder)
    summary = summarise(store.read_rows(folder))
    attacked = summary["before"]["attacked"]
    for row in summary["conditions"]:
        name = row["condition"]
        seconds = costs["seconds"].get(name, 0.0)
        row["seconds_per_image"] = seconds / attacked if attacked else None
        row["image_steps"] = costs["image_steps"].get(name, 0)
    summary["seconds"] = sum(costs["seconds"].values())
    store.write_summary(folder, summary)
    return summary


def local_events(
    victim: Victim, plan: Plan, pending: Sequence[int], settings: AuditSettings
) -> Iterator[Event]:
    """Shards one after another in this process; whatever goes wrong in one is told, and the next begins."""
    textures = donor_textures(plan.donors)
    for index in pending:
        try:
            for event in run_shard(victim, plan.patches, plan.shards[index], textures, settings):
                yield index, event
        except Exception as error:
            yield index, error
