"""The command ``transfer``: patches made on some models, tried on others."""

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from snapgui.commands.options import WITH_DEFAULTS, Commands, add_data_argument, model_file
from snapgui.engine.presets import PRESET_NAMES
from snapgui.progress import drain
from snapgui.words import duration

if TYPE_CHECKING:
    from snapgui.transfer.run import TransferProgress


def add_transfer(commands: Commands) -> None:
    """Add ``transfer``."""
    text = "make patches on each of several models and try them on all"
    transfer = commands.add_parser("transfer", help=text, description=text, formatter_class=WITH_DEFAULTS)
    add_data_argument(transfer)
    transfer.add_argument(
        "--models", type=model_file, nargs="+", required=True, metavar="FILE", help="two or more checkpoints"
    )
    transfer.add_argument("--out", type=Path, required=True, metavar="DIR", help="where matrices are kept")
    transfer.add_argument("--split", default=None, help="of the data set; all patches without it")
    transfer.add_argument(
        "--limit", type=int, default=200, help="metastases that all models recognise, at most"
    )
    transfer.add_argument(
        "--presets", nargs="+", choices=PRESET_NAMES, default=["natural", "paper"], help="a matrix for each"
    )
    transfer.add_argument(
        "--alone", action="store_true", help="make no patches on all models at once (mean, worst case)"
    )
    transfer.add_argument(
        "--universal",
        type=int,
        default=0,
        metavar="N",
        help="also make one patch for all images, on N metastases of the split train",
    )
    transfer.add_argument("--epochs", type=int, default=10, help="of the patch that is one for all")
    transfer.add_argument("--shard-size", type=int, default=20, metavar="N")
    transfer.add_argument("--threads", type=int, default=None, help="CPU threads; all without it")
    transfer.add_argument("--seed", type=int, default=0)
    transfer.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    transfer.set_defaults(run=run_transfer)


def run_transfer(args: argparse.Namespace, arguments: list[str]) -> int:
    """Print the matrix of each preset; 1 if it is not complete."""
    from snapgui.engine.victim.memory import keep_freed_memory
    from snapgui.engine.victim.victim import choose_device
    from snapgui.transfer.run import run_transfer as steps_of
    from snapgui.transfer.settings import TransferSettings
    from snapgui.transfer.words import transfer_text

    settings = TransferSettings(
        split=args.split,
        limit=args.limit,
        presets=tuple(dict.fromkeys(args.presets)),
        together=not args.alone,
        universal=args.universal,
        epochs=args.epochs,
        shard_size=args.shard_size,
        batch_size=args.shard_size,
        threads=args.threads or os.cpu_count() or 1,
        seed=args.seed,
    )
    keep_freed_memory()
    device = str(choose_device(args.device))
    outcome = drain(steps_of(args.models, args.data, args.out, settings, device=device), _show)
    print(file=sys.stderr)
    for name, why in outcome.failures.items():
        print(f"note: part {name} is missing: {why.rstrip('.')}.", file=sys.stderr)
    if outcome.summary is None:
        print(f"The matrix is not complete; the same command continues it. So far: {outcome.folder}")
        return 1
    print(transfer_text(outcome.summary))
    print(outcome.folder)
    return 0


def _show(progress: "TransferProgress") -> None:
    left = "" if progress.left_s is None else f", {duration(progress.left_s)} left"
    line = f"{progress.done} of {progress.shards} parts{left}, now: {progress.doing}"
    print(
        f"\r\033[K{line}" if sys.stderr.isatty() else line,
        end="" if sys.stderr.isatty() else "\n",
        file=sys.stderr,
        flush=True,
    )
