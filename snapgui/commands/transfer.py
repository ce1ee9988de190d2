"""The commands ``transfer``, ``defend`` and ``search``: patches made on some models, tried on others, on the
same one behind a defence, or made by asking for scores alone.
"""

import argparse
import os
import sys
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snapgui.commands.options import (
    WITH_DEFAULTS,
    Commands,
    add_data_argument,
    add_engine_options,
    add_model_options,
    load_victim,
    model_file,
)
from snapgui.engine.defences.catalogue import DEFENCE_WORDS
from snapgui.engine.presets import PRESET_NAMES
from snapgui.progress import drain
from snapgui.words import duration

if TYPE_CHECKING:
    from snapgui.transfer.run import TransferOutcome, TransferProgress
    from snapgui.transfer.settings import TransferSettings

    Steps = Generator[TransferProgress, None, TransferOutcome]


def _add_contest(
    commands: Commands, name: str, text: str, *, limit: int, presets: Sequence[str], shard: int, **more: Any
) -> argparse.ArgumentParser:
    """A command with the options that all three have, and what each has for itself as a default."""
    command = commands.add_parser(name, help=text, description=text, formatter_class=WITH_DEFAULTS, **more)
    add_data_argument(command)
    command.add_argument("--out", type=Path, required=True, metavar="DIR", help="where results are kept")
    command.add_argument("--split", default=None, help="of the data set; all patches without it")
    command.add_argument(
        "--limit", type=int, default=limit, help="metastases that all models recognise, at most"
    )
    command.add_argument(
        "--presets", nargs="+", choices=PRESET_NAMES, default=list(presets), help="a table for each"
    )
    command.add_argument(
        "--shard-size", type=int, default=shard, metavar="N", help="images done and written together"
    )
    command.add_argument(
        "--threads", type=int, default=None, help="CPU threads of a part; all without it, one with Ray"
    )
    command.add_argument("--seed", type=int, default=0)
    return command


def _contest_settings(args: argparse.Namespace, **own: Any) -> "TransferSettings":
    from snapgui.transfer.settings import TransferSettings

    on_ray = getattr(args, "engine", "local") == "ray"
    return TransferSettings(
        split=args.split,
        limit=args.limit,
        presets=tuple(dict.fromkeys(args.presets)),
        shard_size=args.shard_size,
        batch_size=args.shard_size,
        threads=args.threads or (1 if on_ray else os.cpu_count() or 1),
        seed=args.seed,
        **own,
    )


def add_transfer(commands: Commands) -> None:
    """Add ``transfer``."""
    text = "make patches on each of several models and try them on all"
    transfer = _add_contest(commands, "transfer", text, limit=200, presets=("natural", "paper"), shard=20)
    transfer.add_argument(
        "--models", type=model_file, nargs="+", required=True, metavar="FILE", help="two or more checkpoints"
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
    transfer.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    add_engine_options(transfer)
    transfer.set_defaults(run=run_transfer)


def run_transfer(args: argparse.Namespace, arguments: list[str]) -> int:
    """Print the matrix of each preset; 1 if it is not complete."""
    from snapgui.engine.victim.memory import keep_freed_memory
    from snapgui.engine.victim.victim import choose_device
    from snapgui.transfer.run import run_transfer as steps_of
    from snapgui.transfer.words import transfer_text

    settings = _contest_settings(args, together=not args.alone, universal=args.universal, epochs=args.epochs)
    keep_freed_memory()
    device = str(choose_device(args.device))
    steps = steps_of(
        args.models,
        args.data,
        args.out,
        settings,
        device=device,
        engine=args.engine,
        address=args.address,
    )
    return _tell(steps, transfer_text)


def add_defend(commands: Commands) -> None:
    """Add ``defend``."""
    defend = _add_contest(
        commands,
        "defend",
        "try defences against attackers who do not know them, who do, and who see scores alone",
        limit=100,
        presets=("natural", "strong"),
        shard=20,
        epilog="defences, each with its setting after a colon: "
        + "; ".join(f"{name}: {words}" for name, words in DEFENCE_WORDS.items()),
    )
    defend.add_argument(
        "--defence", nargs="+", required=True, metavar="NAME", help="such as jpeg:75 or nuclei, see below"
    )
    defend.add_argument(
        "--queries", type=int, default=0, metavar="N", help="of the search by scores alone; 0 leaves it out"
    )
    defend.add_argument(
        "--clean", type=int, default=200, metavar="N", help="untouched patches for accuracy and time"
    )
    add_model_options(defend)
    add_engine_options(defend)
    defend.set_defaults(run=run_defend)


def run_defend(args: argparse.Namespace, arguments: list[str]) -> int:
    """Print a table a preset; 1 if it is not complete."""
    from snapgui.engine.defences.named import defence_of
    from snapgui.engine.victim.memory import keep_freed_memory
    from snapgui.transfer.defence_words import defence_text
    from snapgui.transfer.plan import defence_contest
    from snapgui.transfer.run import run_contest

    defences = [defence_of(words) for words in args.defence]
    settings = _contest_settings(args, together=False, queries=args.queries, clean=args.clean)
    keep_freed_memory()
    contest = defence_contest(load_victim(args), defences)
    steps = run_contest(contest, args.data, args.out, settings, engine=args.engine, address=args.address)
    return _tell(steps, defence_text)


def add_search(commands: Commands) -> None:
    """Add ``search``."""
    text = "attack a classifier that gives scores alone: a Python function, or a service on this computer"
    search = _add_contest(commands, "search", text, limit=50, presets=("natural", "paper"), shard=10)
    search.add_argument(
        "--scores",
        required=True,
        metavar="WHERE",
        help="FILE.py:FUNCTION (pictures uint8 (N, H, W, 3) to probabilities of metastasis (N,); the file is "
        'run), or http://127.0.0.1:PORT/PATH (POST {"images": [PNG as base64]}, answer {"p": [...]})',
    )
    search.add_argument("--queries", type=int, default=500, metavar="N", help="of each picture")
    search.set_defaults(run=run_search)


def run_search(args: argparse.Namespace, arguments: list[str]) -> int:
    """Print what a search by scores reaches beside random draws; 1 if it is not complete."""
    from snapgui.engine.victim.scores import open_scores
    from snapgui.transfer.plan import search_contest
    from snapgui.transfer.run import run_contest
    from snapgui.transfer.words import transfer_text

    settings = _contest_settings(args, together=False, queries=args.queries)
    contest = search_contest(open_scores(args.scores), settings.presets)
    return _tell(run_contest(contest, args.data, args.out, settings), transfer_text)


def _tell(steps: "Steps", text_of: Callable[[dict[str, Any]], str]) -> int:
    """Follow a contest to its end and print what came out."""
    outcome = drain(steps, _show)
    print(file=sys.stderr)
    for name, why in outcome.failures.items():
        print(f"note: part {name} is missing: {why.rstrip('.')}.", file=sys.stderr)
    if outcome.summary is None:
        print(f"It is not complete; the same command continues it. So far: {outcome.folder}")
        return 1
    print(text_of(outcome.summary))
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
