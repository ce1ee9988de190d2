"""The command ``study analyse``: what the answers show, as tables, figures and JSON."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from snapgui.commands.options import Commands
from snapgui.workspace import write_whole


def add_analyse(commands: Commands) -> None:
    """Add ``analyse`` to the commands of ``study``."""
    analyse = commands.add_parser("analyse", help="what the answers show, with intervals")
    analyse.add_argument(
        "study",
        metavar="STUDY_OR_FOLDER",
        help="a study's name, or a folder with its exported trials.csv and design.json",
    )
    analyse.add_argument(
        "--out",
        type=Path,
        default=None,
        metavar="DIR",
        help="write analysis.json and the figures (PNG, SVG) there",
    )
    analyse.set_defaults(run_study=run_analyse)


def run_analyse(args: argparse.Namespace, arguments: list[str]) -> None:
    """Print a table, and write the files where a place is named."""
    from snapgui.study.analysis.tables import main_table, plain_table

    analysis = _analyse(args.study)
    print("\n".join(analysis["verdict"]))
    for title, columns in main_table(analysis).items():
        print(f"\n{title}\n{plain_table(columns)}")
    if args.out is not None:
        write_analysis(analysis, args.out)
        print(f"\n{args.out}")


def _analyse(name: str) -> dict[str, Any]:
    if Path(name).is_dir():
        from snapgui.study.analysis.analyse import analyse_folder

        return analyse_folder(Path(name))
    from snapgui.study.analysis.analyse import analyse_store
    from snapgui.study.store.folders import has_folder, study_folder
    from snapgui.study.store.store import open_store

    store = open_store()
    store.study(name)
    return analyse_store(store, name, study_folder(name) if has_folder(name) else None)


def write_analysis(analysis: Mapping[str, Any], folder: Path) -> None:
    """Every figure as PNG and SVG, and `analysis.json`; raises DataError where the folder cannot be
    written.
    """
    from snapgui.report.study.figures import figure_bytes, study_figures
    from snapgui.study.analysis.analyse import analysis_text

    files = {
        f"{name}.{kind}": figure_bytes(figure, kind)
        for name, figure in study_figures(analysis).items()
        for kind in ("png", "svg")
    }
    files["analysis.json"] = analysis_text(analysis).encode()
    write_whole(folder, files, advice="Choose another place for --out.")
