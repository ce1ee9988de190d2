"""The command ``report``: what was made as a page, a PDF, a figure or a bundle."""

import argparse
from pathlib import Path

from snapgui.commands.options import Commands
from snapgui.errors import DataError
from snapgui.workspace import write_whole


def add_report(commands: Commands) -> None:
    """Add ``report``."""
    report = commands.add_parser(
        "report",
        help="a run, an audit, a universal patch or an analysis as a page, a PDF, a figure or a bundle",
    )
    report.add_argument(
        "source",
        type=Path,
        metavar="SOURCE",
        help="folder of a run, of a finished audit, of a universal patch, or of many runs; or a study's "
        "analysis.json",
    )
    report.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="FILE",
        help=".html, .pdf or .zip; .png or .svg for the figure card or contact sheet; for QuPath "
        ".geojson of a run, .geojson.zip of an audit",
    )
    report.set_defaults(run=run_report)


def run_report(args: argparse.Namespace, arguments: list[str]) -> None:
    """Write a report; what kind is told by the end of the file's name."""
    from snapgui.report.write import FORMS, make_report

    form = next((one for one in FORMS if args.out.name.lower().endswith(f".{one}")), None)
    if form is None:
        raise DataError(
            f"{args.out.name} ends in “{args.out.suffix}”; choose one of "
            f"{', '.join(f'.{known}' for known in FORMS)}."
        )
    data = make_report(args.source, form)
    write_whole(args.out, data, advice="Choose another place for --out.")
    print(args.out)
