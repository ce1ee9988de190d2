"""The command ``corruptions``: ordinary damage beside SNAP, on the pictures of finished audits."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from snapgui.commands.options import Commands
from snapgui.progress import drain
from snapgui.words import duration

if TYPE_CHECKING:
    from snapgui.corruptions.measure import CorruptionSettings
    from snapgui.corruptions.run import CorruptionProgress


def add_corruptions(commands: Commands) -> None:
    """Add ``corruptions``."""
    text = "ordinary corruptions (JPEG, blur, stain, folds ...) of an audit's pictures, beside SNAP"
    command = commands.add_parser("corruptions", help=text, description=f"{text}.")
    command.add_argument("audits", type=Path, nargs="+", metavar="AUDIT", help="folder of a finished audit")
    command.add_argument(
        "--kinds", nargs="+", default=None, metavar="KIND", help="such as jpeg defocus stain; without it, all"
    )
    command.add_argument(
        "--grades", type=int, nargs="+", default=None, metavar="N", help="1, weakest, to 5; without it, all"
    )
    command.add_argument(
        "--images",
        type=int,
        default=None,
        metavar="N",
        help="at most N of each class, in a fixed random order; a larger N goes on from a smaller one",
    )
    command.add_argument(
        "--seed", type=int, default=0, help="of places, directions and signs (default: %(default)s)"
    )
    command.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    command.add_argument("--threads", type=int, default=None, help="CPU threads; all without it")
    command.set_defaults(run=run_corruptions)


def run_corruptions(args: argparse.Namespace, arguments: list[str]) -> None:
    """Measure, print a table for each audit, and write ``corruptions.json`` and ``.csv`` into its folder."""
    settings = corruption_settings(args.kinds, args.grades, args.images, args.seed)
    for folder in args.audits:
        corrupt_folder(folder, settings, device=args.device, threads=args.threads)


def corruption_settings(
    kinds: Sequence[str] | None = None,
    grades: Sequence[int] | None = None,
    images: int | None = None,
    seed: int = 0,
) -> "CorruptionSettings":
    """What the options ask; raises SettingsError for what there is not."""
    from snapgui.corruptions.measure import CorruptionSettings

    return CorruptionSettings(
        kinds=tuple(dict.fromkeys(kinds or CorruptionSettings.kinds)),
        grades=tuple(sorted(set(grades or CorruptionSettings.grades))),
        images=images,
        seed=seed,
    )


def corrupt_folder(folder: Path, settings: "CorruptionSettings", *, device: str, threads: int | None) -> None:
    """Measure the corruptions of one audit and print what came out."""
    import torch

    from snapgui.audit.read import read_finished
    from snapgui.audit.settings import SNAP
    from snapgui.corruptions.audits import corrupt_audit
    from snapgui.corruptions.words import comparison_text
    from snapgui.engine.victim.memory import keep_freed_memory
    from snapgui.engine.victim.victim import choose_device

    keep_freed_memory()
    torch.set_num_threads(threads or os.cpu_count() or 1)
    audit = read_finished(folder)
    comparison = drain(corrupt_audit(audit, settings, device=str(choose_device(device))), _show)
    print(file=sys.stderr)
    assert comparison is not None
    outcome = "turned" if audit.settings.source == "normal" else "lost"
    print(f"{comparison_text(comparison, SNAP, outcome)}\n{audit.folder / 'corruptions.csv'}")


def _show(progress: "CorruptionProgress") -> None:
    left = "" if progress.left_s is None else f", {duration(progress.left_s)} left"
    doing = f", last: {progress.doing}" if progress.doing else ""
    line = f"{progress.done} of {progress.of} parts{left}{doing}"
    terminal = sys.stderr.isatty()
    print(f"\r\033[K{line}" if terminal else line, end="" if terminal else "\n", file=sys.stderr, flush=True)
