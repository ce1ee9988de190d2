"""The command ``measure``: a checkpoint's figures on a labelled data set, into its card."""

import argparse
from pathlib import Path

from snapgui.commands.options import WITH_DEFAULTS, Commands, add_data_argument


def add_measure(commands: Commands) -> None:
    """Add ``measure``."""
    text = "measure a checkpoint on every split of a labelled data set and write it into its card"
    measure = commands.add_parser("measure", help=text, description=text, formatter_class=WITH_DEFAULTS)
    add_data_argument(measure)
    measure.add_argument(
        "--model", type=Path, required=True, metavar="FILE", help="the card beside it is written"
    )
    measure.set_defaults(run=run_measure)


def run_measure(args: argparse.Namespace, arguments: list[str]) -> None:
    """Print a line a split: accuracy, AUC, calibration error."""
    from snapgui.engine.victim.memory import keep_freed_memory
    from snapgui.training.run import measure_card

    keep_freed_memory()
    measure_card(args.model, args.data)
