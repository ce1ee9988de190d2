"""The command ``study power``: what so many readers and trials can show."""

import argparse

from snapgui.commands.options import WITH_DEFAULTS, Commands


def add_power(kinds: Commands) -> None:
    """Add ``power`` to the commands of ``study``."""
    power = kinds.add_parser(
        "power", help="what a number of readers and trials can show", formatter_class=WITH_DEFAULTS
    )
    power.add_argument("--readers", type=int, default=6)
    power.add_argument("--trials", type=int, default=40, help="of each reader, on one arm")
    power.add_argument("--share", type=float, default=0.6, help="true share right that should be found")
    power.add_argument(
        "--margin",
        type=float,
        default=0.6,
        help="share right up to which a change counts as practically unnoticed",
    )
    power.add_argument("--reader-correlation", type=float, default=0.02, help="of two answers of one reader")
    power.add_argument(
        "--case-correlation", type=float, default=0.05, help="of two readers' answers to one picture"
    )
    power.set_defaults(run_study=run_power)


def run_power(args: argparse.Namespace, arguments: list[str]) -> None:
    """Print what so many readers and trials can show."""
    from snapgui.study.design.planning import Planned, compute_power, power_words

    planned = Planned(
        args.readers, args.trials, args.share, args.margin, args.reader_correlation, args.case_correlation
    )
    print("\n".join(power_words(planned, compute_power(planned), arm="one arm")))
