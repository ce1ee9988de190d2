"""The audit on the command line, and the options that it shares with the attack."""

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from snapgui.audit.settings import GROUPS, SOURCES, AuditSettings
from snapgui.engine.settings import (
    CENTRES,
    GAMUTS,
    PLACEMENTS,
    STARTS,
    AttackSettings,
    CellSettings,
    UniversalSettings,
)
from snapgui.errors import SettingsError
from snapgui.progress import drain
from snapgui.shipped import MODEL

if TYPE_CHECKING:
    from snapgui.audit.run import AuditProgress
    from snapgui.engine.attack.universal import UniversalStep

Commands = argparse._SubParsersAction  # argparse gives this type no public name


def add_attack_options(command: argparse.ArgumentParser) -> None:
    """Options for cells and patch, with the engine's own defaults."""
    cells, patch = CellSettings(), AttackSettings()
    command.add_argument("--cells", type=int, default=cells.count, help="how many cells")
    command.add_argument("--area", type=float, default=cells.area, help="share of the pixels that they cover")
    command.add_argument(
        "--centre", choices=CENTRES, default=cells.centre, help="whether cells may lie in the central 32 px"
    )
    command.add_argument("--placement", choices=PLACEMENTS, default=cells.placement)
    command.add_argument(
        "--gamut", choices=GAMUTS, default=patch.gamut, help="colours that the patch may use"
    )
    command.add_argument("--init", choices=STARTS, default=patch.start, help="colour that it starts from")
    command.add_argument("--steps", type=int, default=patch.steps)
    command.add_argument(
        "--restarts", type=int, default=patch.restarts, help="further rounds for an image that still stands"
    )
    command.add_argument(
        "--leak",
        type=float,
        default=patch.leak,
        help="share of the gradient that shut rectifiers pass in the first step; 0: none",
    )
    command.add_argument(
        "--smoothness",
        type=float,
        default=patch.smoothness,
        help="weight of roughness beyond the image's own",
    )
    command.add_argument(
        "--soft-edge", action="store_true", help="the outermost pixel of a cell keeps half of its own colour"
    )
    command.add_argument(
        "--confidence",
        type=float,
        default=patch.confidence,
        help="stop at this probability of the class aimed at",
    )
    command.add_argument("--seed", type=int, default=0)


def cell_settings(args: argparse.Namespace) -> CellSettings:
    """The cells that the options describe; raises SettingsError."""
    return CellSettings(
        count=args.cells, area=args.area, placement=args.placement, centre=args.centre, seed=args.seed
    )


def attack_settings(args: argparse.Namespace, *, target: int = 0) -> AttackSettings:
    """The attack that the options describe; raises SettingsError."""
    return AttackSettings(
        target=target,
        gamut=args.gamut,
        start=args.init,
        steps=args.steps,
        confidence=args.confidence,
        seed=args.seed,
        restarts=args.restarts,
        leak=args.leak,
        smoothness=args.smoothness,
        soft_edge=args.soft_edge,
    )


def add_audit_command(commands: "Commands[argparse.ArgumentParser]") -> None:
    """Add ``audit``."""
    defaults = AuditSettings()
    audit = commands.add_parser(
        "audit",
        help="attack a whole data set, with controls",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    audit.add_argument(
        "data", type=Path, metavar="DATA", help="folder in Kaggle's layout, or with PCam's HDF5 files"
    )
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
    audit.add_argument("--engine", choices=("local", "ray"), default="local")
    audit.add_argument(
        "--address", default=None, help="of a Ray cluster, auto finds one; without it a local one is started"
    )
    audit.add_argument(
        "--model",
        type=Path,
        default=MODEL,
        metavar="FILE",
        help="safetensors or .pth; its card lies beside it",
    )
    audit.add_argument("--device", default="auto", help="auto, cpu or cuda")


def run_audit_command(args: argparse.Namespace, arguments: list[str]) -> int:
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
    from snapgui.audit.read import read_finished
    from snapgui.audit.run import run_audit
    from snapgui.audit.words import table_text
    from snapgui.engine.victim.memory import keep_freed_memory
    from snapgui.engine.victim.victim import choose_device

    keep_freed_memory()
    audit = run_audit(
        args.model,
        args.data,
        args.out,
        settings,
        device=str(choose_device(args.device)),
        engine=args.engine,
        address=args.address,
    )
    outcome = drain(audit, _show)
    print(file=sys.stderr)
    for index, why in sorted(outcome.failures.items()):
        print(f"note: shard {index} is missing: {why.rstrip('.')}.", file=sys.stderr)
    if outcome.summary is None:
        print(f"The audit is not complete; the same command goes on with it. So far: {outcome.folder}")
        return 1
    print(table_text(read_finished(outcome.folder)))
    print(outcome.folder)
    return 0


def add_universal_command(commands: "Commands[argparse.ArgumentParser]") -> None:
    """Add ``universal``."""
    cells, patch = CellSettings(), UniversalSettings()
    universal = commands.add_parser(
        "universal",
        help="train one patch for many images",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    universal.add_argument(
        "data", type=Path, metavar="DATA", help="folder in Kaggle's layout, or with PCam's HDF5 files"
    )
    universal.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder for the patch and its figures"
    )
    universal.add_argument("--train-split", default="train", metavar="NAME")
    universal.add_argument(
        "--test-split", default="val_random", metavar="NAME", help="patches that the training never sees"
    )
    universal.add_argument(
        "--limit", type=int, default=256, metavar="N", help="at most N metastases of each split"
    )
    universal.add_argument(
        "--layout",
        choices=("cells", "nuclei"),
        default="cells",
        help="the same cells in every image, or one texture laid into each image's own nuclei",
    )
    universal.add_argument("--cells", type=int, default=cells.count, help="how many cells")
    universal.add_argument(
        "--area", type=float, default=cells.area, help="share of the pixels that they cover"
    )
    universal.add_argument("--centre", choices=CENTRES, default=cells.centre)
    universal.add_argument("--gamut", choices=GAMUTS, default=patch.gamut)
    universal.add_argument("--epochs", type=int, default=patch.epochs)
    universal.add_argument("--batch-size", type=int, default=patch.batch_size)
    universal.add_argument(
        "--confidence", type=float, default=patch.confidence, help="an image counts as solved from here on"
    )
    universal.add_argument("--seed", type=int, default=0)
    universal.add_argument(
        "--model",
        type=Path,
        default=MODEL,
        metavar="FILE",
        help="safetensors or .pth; its card lies beside it",
    )
    universal.add_argument("--device", default="auto", help="auto, cpu or cuda")


def run_universal_command(args: argparse.Namespace, arguments: list[str]) -> None:
    """Train one patch for a set and print its success on training and held-out patches."""
    cells = CellSettings(count=args.cells, area=args.area, centre=args.centre, seed=args.seed)
    settings = UniversalSettings(
        gamut=args.gamut,
        confidence=args.confidence,
        epochs=args.epochs,
        batch_size=args.batch_size,
        seed=args.seed,
    )
    if args.limit < 1:
        raise SettingsError(f"limit is {args.limit}; it must be at least 1.")
    from snapgui.audit.universal import run_universal
    from snapgui.engine.victim.memory import keep_freed_memory
    from snapgui.engine.victim.victim import Victim, choose_device

    keep_freed_memory()
    victim = Victim.load(args.model, device=choose_device(args.device))
    training = run_universal(
        victim,
        args.data,
        args.out,
        train_split=args.train_split,
        test_split=args.test_split,
        limit=args.limit,
        layout=args.layout,
        cells=cells,
        settings=settings,
    )

    def show(step: "UniversalStep") -> None:
        if step.index % 10 == 0:
            print(
                f"batch {step.index}, shortfall {step.loss:.2f}, solved {step.success:.0%}",
                file=sys.stderr,
                flush=True,
            )

    figures = drain(training, show)
    for name, part in (("training", figures["training"]), ("held out", figures["held_out"])):
        low, high = part["flipped"]["interval"]
        print(
            f"{name}: {part['flipped']['share']:.1%} ({low:.1%} to {high:.1%}) of {part['images']} "
            f"metastases called normal, {part['random_canvas_flipped']['share']:.1%} with a random patch, "
            f"{part['area']:.1%} of the pixels, centre open in {part['centre_open']['share']:.0%}"
        )


def _show(progress: "AuditProgress") -> None:
    left = "" if progress.left_s is None else f", {_time(progress.left_s)} left"
    fooled = f", {progress.flipped} of {progress.attacked} fooled" if progress.attacked else ""
    line = (
        f"{progress.images_done} of {progress.images} "
        f"images{left}{fooled}{', ' + progress.doing if progress.doing else ''}"
    )
    print(
        f"\r\033[K{line}" if sys.stderr.isatty() else line,
        end="" if sys.stderr.isatty() else "\n",
        file=sys.stderr,
        flush=True,
    )


def _time(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}"
