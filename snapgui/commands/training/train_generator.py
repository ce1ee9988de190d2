"""The command ``train-generator``."""

import argparse
import sys
from pathlib import Path

from snapgui.commands.options import WITH_DEFAULTS, Commands


def add_train_generator(commands: Commands) -> None:
    """Add ``train-generator``."""
    parser = commands.add_parser(
        "train-generator",
        help="learn what nuclei look like, for the texture “nucleus”",
        formatter_class=WITH_DEFAULTS,
    )
    parser.add_argument(
        "--data", type=Path, required=True, help="folder in Kaggle's layout, or with PCam's HDF5 files"
    )
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        help="weights to write (.safetensors); the card and a sheet of samples go beside it",
    )
    parser.add_argument("--images", type=int, default=400, help="patches of the split train to learn from")
    parser.add_argument("--epochs", type=int, default=25)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--resume", action="store_true", help="go on with a training that was stopped")
    parser.add_argument(
        "--judge", action="store_true", help="learn nothing: judge the draws of --out again, for its card"
    )
    parser.set_defaults(run=run_train_generator)


def run_train_generator(args: argparse.Namespace, arguments: list[str]) -> None:
    """Learn what nuclei look like."""
    from snapgui.progress import drain
    from snapgui.training.generator import judge_again, train_generator

    if args.judge:
        found = judge_again(args.data, args.out)["draws_against_real_nuclei"]
        auc = found.get("draws", {}).get("auc", "not measured: too few images")
        return print(f"{args.out}: random draws against real nuclei, area under the ROC curve {auc}")
    steps = train_generator(
        args.data, args.out, images=args.images, epochs=args.epochs, seed=args.seed, resume=args.resume
    )
    card = drain(steps, lambda step: _show(*step))
    print(file=sys.stderr)
    near = card["nearest_learned"]
    print(
        f"{args.out}: {card['nuclei']:,} nuclei of {card['images']:,} patches. From a draw to the nearest "
        f"nucleus learned {near['draws']['median']} deviations, from a real one held out "
        f"{near['held out']['median']}. To use it, set SNAP_GENERATOR to its path."
    )


def _show(doing: str, done: int, of: int) -> None:
    filled = round(30 * done / of)
    bar = "#" * filled + "." * (30 - filled)
    print(f"\r[{bar}] {doing} {done} of {of}   ", end="", file=sys.stderr, flush=True)
