"""The command line. Heavy imports stand inside the commands, so that --help answers at once."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from snapgui import __version__
from snapgui.commands.audit import (
    add_attack_options,
    add_audit_command,
    add_universal_command,
    attack_settings,
    cell_settings,
    run_audit_command,
    run_universal_command,
)
from snapgui.commands.data import add_data_commands, run_data
from snapgui.commands.report import add_report_commands, run_report_command, run_verify_command
from snapgui.commands.study import add_study_command, run_study_command
from snapgui.engine.settings import AttackSettings
from snapgui.errors import SnapError
from snapgui.shipped import APP, MODEL
from snapgui.workspace import write_whole

WITH_DEFAULTS = argparse.ArgumentDefaultsHelpFormatter
Commands = argparse._SubParsersAction  # argparse gives this type no public name


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    parser = argparse.ArgumentParser(
        prog="snap", description="Can a metastasis classifier be fooled, and would anyone notice?"
    )
    parser.add_argument("--version", action="version", version=f"snap {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("app", help="start the app in the browser")
    _add_train(commands)
    _add_predict(commands)
    _add_attack(commands)
    add_audit_command(commands)
    add_universal_command(commands)
    add_study_command(commands)
    add_report_commands(commands)
    add_data_commands(commands)
    return parser


def _add_train(commands: "Commands[argparse.ArgumentParser]") -> None:
    train = commands.add_parser("train", help="fine-tune a victim", formatter_class=WITH_DEFAULTS)
    train.add_argument(
        "--data", type=Path, required=True, help="folder in Kaggle's layout, or with PCam's HDF5 files"
    )
    train.add_argument(
        "--out", type=Path, required=True, help="weights to write (.safetensors); the card goes beside it"
    )
    train.add_argument("--arch", choices=("resnet50", "densenet121"), default="resnet50")
    train.add_argument(
        "--init",
        default=None,
        help="imagenet (needs a network), random, or a checkpoint file; "
        "without it imagenet, or random where there is a teacher",
    )
    train.add_argument(
        "--teacher",
        default=None,
        help="a DenseNet-121 file (backbone or fine-tuned) to learn features and logits from",
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
    train.add_argument("--stain", type=float, default=0.12, help="strength of the stain augmentation")
    train.add_argument("--seed", type=int, default=0)
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


def _add_model(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--model",
        type=Path,
        default=MODEL,
        metavar="FILE",
        help="safetensors or .pth; its card lies beside it",
    )
    command.add_argument("--device", default="auto", help="auto, cpu or cuda")


def _add_predict(commands: "Commands[argparse.ArgumentParser]") -> None:
    predict = commands.add_parser("predict", help="classify pictures", formatter_class=WITH_DEFAULTS)
    predict.add_argument(
        "paths", type=Path, nargs="+", metavar="PATH", help="pictures of 96 x 96 px, or folders of them"
    )
    predict.add_argument(
        "--csv", type=Path, default=None, metavar="FILE", help="write here instead of to standard output"
    )
    _add_model(predict)


def _add_attack(commands: "Commands[argparse.ArgumentParser]") -> None:
    attack = commands.add_parser("attack", help="run SNAP on one picture", formatter_class=WITH_DEFAULTS)
    attack.add_argument("image", type=Path, metavar="IMAGE")
    attack.add_argument(
        "--window",
        type=int,
        nargs=2,
        default=None,
        metavar=("LEFT", "TOP"),
        help="96 px window of a larger field",
    )
    attack.add_argument(
        "--target", type=int, default=AttackSettings().target, help="class aimed at: 0 normal, 1 metastasis"
    )
    add_attack_options(attack)
    attack.add_argument(
        "--mask",
        type=Path,
        default=None,
        metavar="FILE",
        help="a mask picture (white: may change) instead of proposed cells",
    )
    attack.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder for the files of the run"
    )
    _add_model(attack)


def run_app(args: argparse.Namespace, arguments: list[str]) -> None:
    """Replace this process by Streamlit's, in the folder whose ``.streamlit/config.toml`` keeps it on
    127.0.0.1.
    """
    os.chdir(APP.parent)
    os.execv(sys.executable, [sys.executable, "-m", "streamlit", "run", str(APP)])


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
        stain=args.stain,
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


def run_predict(args: argparse.Namespace, arguments: list[str]) -> None:
    """Write one CSV row a picture."""
    from snapgui.data.datasets import picture_files
    from snapgui.data.predictions import predict_files, predictions_csv
    from snapgui.engine.victim.victim import Victim, choose_device

    files = picture_files(args.paths)
    victim = Victim.load(args.model, device=choose_device(args.device))
    table = predictions_csv([str(file) for file in files], predict_files(victim, files), victim.card.classes)
    if args.csv:
        write_whole(args.csv, table.encode(), advice="Choose another place for --csv.")
    else:
        sys.stdout.write(table)


def run_attack(args: argparse.Namespace, arguments: list[str]) -> None:
    """Attack one picture and write the files of the run."""
    settings = attack_settings(args, target=args.target)
    cells = None if args.mask else cell_settings(args)

    from snapgui.engine.cells.outlines import draw_mask, load_mask
    from snapgui.engine.cells.placement import place_cells
    from snapgui.engine.images import read_window
    from snapgui.engine.victim.memory import keep_freed_memory
    from snapgui.engine.victim.victim import Victim, choose_device
    from snapgui.progress import drain
    from snapgui.report.run.figure import figure_png
    from snapgui.runs.records import RunRequest
    from snapgui.runs.run import run_snap
    from snapgui.runs.store import save_run
    from snapgui.runs.verdict import verdict

    keep_freed_memory()
    pixels = read_window(args.image, args.window)
    shape = (pixels.shape[0], pixels.shape[1])
    victim = Victim.load(args.model, device=choose_device(args.device))
    mask = (
        draw_mask(place_cells(victim, pixels, cells, settings), shape)
        if cells
        else load_mask(args.mask, shape=shape)
    )
    request = RunRequest(
        pixels,
        mask,
        settings,
        cells,
        image_name=args.image.name,
        mask_source="proposed" if cells else "imported",
    )
    result = drain(run_snap(victim, request))
    save_run(result, args.out)
    write_whole(args.out / "figure.png", figure_png(result), advice="Choose another place for --out.")
    for finding in result.findings:
        print(f"note: {finding}")
    print(verdict(result))


COMMANDS: dict[str, Callable[[argparse.Namespace, list[str]], int | None]] = {
    "app": run_app,
    "train": run_train,
    "predict": run_predict,
    "attack": run_attack,
    "audit": run_audit_command,
    "universal": run_universal_command,
    "study": run_study_command,
    "report": run_report_command,
    "verify": run_verify_command,
    "data": run_data,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 when it ran, 1 when it is not complete, 2 with one sentence on standard error for
    bad input.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    args = build_parser().parse_args(arguments)
    try:
        return COMMANDS[args.command](args, arguments) or 0
    except SnapError as error:
        print(f"snap: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("snap: stopped.", file=sys.stderr)
        return 130
