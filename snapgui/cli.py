"""The command line. Heavy imports stand inside the commands, so that --help answers at once."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from snapgui import __version__
from snapgui.errors import SnapError


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="snap", description="Can a metastasis classifier be fooled, and would anyone notice?")
    parser.add_argument("--version", action="version", version=f"snap {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    train = commands.add_parser("train", help="fine-tune a victim", formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    train.add_argument("--data", type=Path, required=True, help="folder in Kaggle's layout, or with PCam's HDF5 files")
    train.add_argument("--out", type=Path, required=True, help="weights to write (.safetensors); the card goes beside it")
    train.add_argument("--arch", choices=("resnet50", "densenet121"), default="resnet50")
    train.add_argument("--init", default=None, help="imagenet (needs a network), random, or a checkpoint file; imagenet, or random with a teacher")
    train.add_argument("--teacher", default=None, help="a DenseNet-121 file (backbone or fine-tuned) to learn features and logits from")
    train.add_argument("--input-size", type=int, default=224, metavar="PX", help="patches are resized to this side")
    train.add_argument("--epochs", type=int, default=30)
    train.add_argument("--crop-epochs", type=int, default=0, metavar="N", help="first epochs on random windows, teacher only, a third of the cost")
    train.add_argument("--batch-size", type=int, default=64)
    train.add_argument("--lr", type=float, default=1e-3, help="peak of the one-cycle schedule")
    train.add_argument("--weight-decay", type=float, default=0.02)
    train.add_argument("--stain", type=float, default=0.12, help="strength of the stain augmentation")
    train.add_argument("--seed", type=int, default=0)
    train.add_argument("--limit", type=int, default=None, metavar="N", help="train on N patches only (a trial)")
    train.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    train.add_argument("--devices", default="auto", help="how many GPUs")
    train.add_argument("--nodes", type=int, default=1, help="how many machines")
    train.add_argument("--precision", default=None, help="Lightning's precision; bf16-mixed on a GPU, 32-true elsewhere")
    return parser


def run_train(args: argparse.Namespace, arguments: list[str]) -> None:
    from snapgui.training.run import train
    from snapgui.training.settings import TrainSettings

    settings = TrainSettings(
        architecture=args.arch, init=args.init or ("random" if args.teacher else "imagenet"), teacher=args.teacher,
        input_size_px=args.input_size, epochs=args.epochs, crop_epochs=args.crop_epochs, batch_size=args.batch_size,
        learning_rate=args.lr, weight_decay=args.weight_decay, stain=args.stain, seed=args.seed,
    )
    train(
        args.data, args.out, settings, resume=args.resume, devices=args.devices, nodes=args.nodes,
        precision=args.precision, limit=args.limit, arguments=arguments,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 when it ran, 2 with one sentence on standard error for bad input."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    args = build_parser().parse_args(arguments)
    try:
        {"train": run_train}[args.command](args, arguments)
    except SnapError as error:
        print(f"snap: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("snap: stopped.", file=sys.stderr)
        return 130
    return 0
