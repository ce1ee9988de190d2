"""The command ``train``."""

import argparse
from pathlib import Path

from snapgui.commands.options import WITH_DEFAULTS, Commands


def add_train(commands: Commands) -> None:
    """Add ``train``."""
    train = commands.add_parser("train", help="fine-tune a victim", formatter_class=WITH_DEFAULTS)
    train.add_argument(
        "--data", type=Path, required=True, help="folder in Kaggle's layout, or with PCam's HDF5 files"
    )
    train.add_argument(
        "--out", type=Path, required=True, help="weights to write (.safetensors); the card goes beside it"
    )
    train.add_argument(
        "--arch",
        choices=("resnet50", "densenet121", "mobilenet_v2", "vit_small_patch14_dinov2"),
        default="resnet50",
    )
    train.add_argument(
        "--init",
        default=None,
        help="imagenet (needs a network), random, or a checkpoint file; "
        "without it imagenet, or random where there is a teacher",
    )
    train.add_argument(
        "--teacher",
        default=None,
        help="a DenseNet-121 file (backbone or fine-tuned) to learn features and logits from; networks other "
        "than resnet50 learn its logits alone",
    )
    train.add_argument(
        "--input-size", type=int, default=224, metavar="PX", help="patches are resized to this side"
    )
    train.add_argument("--epochs", type=int, default=30)
    train.add_argument(
        "--crop-epochs",
        type=int,
        default=0,
        metavar="N",
        help="first epochs on random windows: they learn from the teacher alone, at a third of the cost",
    )
    train.add_argument("--batch-size", type=int, default=64)
    train.add_argument("--lr", type=float, default=1e-3, help="peak of the one-cycle schedule")
    train.add_argument("--weight-decay", type=float, default=0.02)
    train.add_argument(
        "--blocks", type=int, default=12, help="of a transformer: the first so many blocks of the start"
    )
    train.add_argument(
        "--drop-path", type=float, default=0.0, help="of a transformer: share of blocks a step leaves out"
    )
    train.add_argument(
        "--layer-decay",
        type=float,
        default=1.0,
        help="of a transformer: each block learns at this share of the rate of the one above it",
    )
    train.add_argument("--stain", type=float, default=0.12, help="strength of the stain augmentation")
    train.add_argument(
        "--snap-steps",
        type=int,
        default=0,
        metavar="N",
        help="SNAP in the loop: part of each batch is attacked with so many steps and learned with its true "
        "label (7 to 10 are usual)",
    )
    train.add_argument(
        "--snap-share", type=float, default=0.5, metavar="SHARE", help="of each batch that is attacked"
    )
    train.add_argument(
        "--seed",
        type=int,
        default=0,
        help="the same seed gives the same file on one machine with as many threads; elsewhere, or on a GPU, "
        "last bits differ",
    )
    train.add_argument(
        "--limit", type=int, default=None, metavar="N", help="train on N patches only (a trial)"
    )
    train.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    train.add_argument("--devices", default="auto", help="how many GPUs")
    train.add_argument("--nodes", type=int, default=1, help="how many machines")
    train.add_argument(
        "--precision",
        default=None,
        help="Lightning's precision; without it bf16-mixed on a GPU, 32-true elsewhere",
    )
    train.set_defaults(run=run_train)


def run_train(args: argparse.Namespace, arguments: list[str]) -> None:
    """Fine-tune a victim."""
    from snapgui.training.run import train
    from snapgui.training.settings import TrainSettings

    settings = TrainSettings(
        architecture=args.arch,
        init=args.init or ("random" if args.teacher else "imagenet"),
        teacher=args.teacher,
        input_size_px=args.input_size,
        epochs=args.epochs,
        crop_epochs=args.crop_epochs,
        batch_size=args.batch_size,
        learning_rate=args.lr,
        weight_decay=args.weight_decay,
        blocks=args.blocks,
        drop_path=args.drop_path,
        layer_decay=args.layer_decay,
        stain=args.stain,
        snap_steps=args.snap_steps,
        snap_share=args.snap_share,
        seed=args.seed,
    )
    train(
        args.data,
        args.out,
        settings,
        resume=args.resume,
        devices=args.devices,
        nodes=args.nodes,
        precision=args.precision,
        limit=args.limit,
        arguments=arguments,
    )
