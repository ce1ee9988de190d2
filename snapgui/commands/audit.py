"""The command ``audit``: a whole data set, with controls."""

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from snapgui.audit.settings import GROUPS, SOURCES, AuditSettings
from snapgui.commands.corruptions import corrupt_folder, corruption_settings
from snapgui.commands.options import (
    WITH_DEFAULTS,
    Commands,
    add_attack_options,
    add_data_argument,
    add_engine_options,
    add_model_options,
    attack_settings,
    cell_settings,
)
from snapgui.progress import drain
from snapgui.words import duration

if TYPE_CHECKING:
    from snapgui.audit.run import AuditProgress


def add_audit(commands: Commands) -> None:
    """Add ``audit``."""
    defaults = AuditSettings()
    audit = commands.add_parser(
        "audit",
        help="attack a whole data set, with controls",
        formatter_class=WITH_DEFAULTS,
    )
    add_data_argument(audit)
    audit.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="DIR",
        help="audits are kept here, each in a folder of its own",
    )
    audit.add_argument("--split", default=None, metavar="NAME", help="one split of the data set")
    audit.add_argument(
        "--limit", type=int, default=None, metavar="N", help="a fixed random choice of N patches"
    )
    audit.add_argument(
        "--source",
        choices=SOURCES,
        default=defaults.source,
        help="true class of the images that are attacked",
    )
    audit.add_argument(
        "--groups",
        nargs="+",
        choices=GROUPS,
        default=list(defaults.groups),
        help="what is compared: the controls, which are always there, and SNAP over areas, numbers of "
        "cells, gamuts, placements",
    )
    audit.add_argument(
        "--areas",
        type=float,
        nargs="+",
        default=list(defaults.areas),
        metavar="SHARE",
        help="what the group area tries",
    )
    add_attack_options(audit)
    audit.add_argument("--batch-size", type=int, default=defaults.batch_size)
    audit.add_argument(
        "--shard-size",
        type=int,
        default=defaults.shard_size,
        metavar="N",
        help="images done and written together",
    )
    audit.add_argument(
        "--threads", type=int, default=None, help="CPU threads of a shard; all without it, one with Ray"
    )
    add_engine_options(audit)
    audit.add_argument(
        "--corruptions",
        nargs="*",
        default=None,
        metavar="KIND",
        help="when it is done, measure ordinary corruptions of the same images beside SNAP: these kinds, or "
        "all; see `corruptions`, which does it later",
    )
    add_model_options(audit)
    audit.set_defaults(run=run_audit)


def run_audit(args: argparse.Namespace, arguments: list[str]) -> int:
    """Audit a data set; 1 if a shard failed or the audit was stopped."""
    settings = AuditSettings(
        split=args.split,
        limit=args.limit,
        source=args.source,
        groups=tuple(dict.fromkeys(("standard", *args.groups))),
        areas=tuple(args.areas),
        cells=cell_settings(args),
        attack=attack_settings(args),
        batch_size=args.batch_size,
        shard_size=args.shard_size,
        threads=args.threads or (1 if args.engine == "ray" else os.cpu_count() or 1),
    )
    corruptions = None if args.corruptions is None else corruption_settings(args.corruptions)
    from snapgui.audit.read import read_audit, read_finished
    from snapgui.audit.run import run_audit as audit_steps
    from snapgui.audit.words import condition_names, table_text
    from snapgui.engine.victim.memory import keep_freed_memory
    from snapgui.engine.victim.victim import choose_device

    keep_freed_memory()
    steps = audit_steps(
        args.model,
        args.data,
        args.out,
        settings,
        device=str(choose_device(args.device)),
        engine=args.engine,
        address=args.address,
    )
    names = condition_names(settings)
    outcome = drain(steps, lambda progress: _show(progress, names))
    print(file=sys.stderr)
    for words in read_audit(outcome.folder).about.get("remarks", []):
        print(f"note: {words}", file=sys.stderr)
    for index, why in sorted(outcome.failures.items()):
        print(f"note: shard {index} is missing: {why.rstrip('.')}.", file=sys.stderr)
    if outcome.summary is None:
        print(f"The audit is not complete; the same command continues it. So far: {outcome.folder}")
        return 1
    print(table_text(read_finished(outcome.folder)))
    print(outcome.folder)
    if corruptions is not None:
        corrupt_folder(outcome.folder, corruptions, device=args.device, threads=args.threads)
    return 0


def _show(progress: "AuditProgress", names: Mapping[str, str]) -> None:
    left = "" if progress.left_s is None else f", {duration(progress.left_s)} left"
    fooled = f", {progress.flipped} of {progress.attacked} fooled" if progress.attacked else ""
    doing = f", now: {names.get(progress.doing, progress.doing)}" if progress.doing else ""
    line = f"{progress.images_done} of {progress.images} images{left}{fooled}{doing}"
    print(
        f"\r\033[K{line}" if sys.stderr.isatty() else line,
        end="" if sys.stderr.isatty() else "\n",
        file=sys.stderr,
        flush=True,
    )
