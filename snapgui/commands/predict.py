"""The command ``predict``."""

import argparse
import sys
from pathlib import Path

from snapgui.commands.options import WITH_DEFAULTS, Commands, add_model_options, load_victim
from snapgui.words import as_text
from snapgui.workspace import write_whole


def add_predict(commands: Commands) -> None:
    """Add ``predict``."""
    predict = commands.add_parser("predict", help="classify pictures", formatter_class=WITH_DEFAULTS)
    predict.add_argument(
        "paths", type=Path, nargs="+", metavar="PATH", help="pictures of 96 x 96 px, or folders of them"
    )
    predict.add_argument(
        "--csv", type=Path, default=None, metavar="FILE", help="write here instead of to standard output"
    )
    add_model_options(predict)
    predict.set_defaults(run=run_predict)


def run_predict(args: argparse.Namespace, arguments: list[str]) -> None:
    """Write one CSV row a picture."""
    from snapgui.data.datasets import picture_files
    from snapgui.data.predictions import predict_files, predictions_csv

    files = picture_files(args.paths)
    victim = load_victim(args)
    read, p, refused, told = predict_files(victim, files)
    for words in (*(f"left out, {why}" for why in refused), *told):
        print(f"note: {words}", file=sys.stderr)
    table = predictions_csv([as_text(file) for file in read], p, victim.card.classes)
    if args.csv:
        write_whole(args.csv, table.encode(), advice="Choose another place for --csv.")
    else:
        sys.stdout.write(table)
