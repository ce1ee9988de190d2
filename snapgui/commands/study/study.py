"""The command ``study``: list, export, delete; its other commands come from files of their own.

A subcommand stands for itself: its parser says with ``set_defaults(run_study=FUNCTION)`` what is called, with
the parsed arguments and the command line as given; it returns the exit status, or None for 0.
"""

import argparse
from pathlib import Path

from snapgui.commands.options import Commands
from snapgui.commands.study.analyse import add_analyse
from snapgui.commands.study.new import add_new
from snapgui.commands.study.power import add_power
from snapgui.commands.study.serve import add_serve
from snapgui.workspace import write_whole


def add_study_command(commands: Commands) -> None:
    """Add ``study`` with its own commands."""
    study = commands.add_parser("study", help="blinded reader studies: would anyone notice?")
    study.set_defaults(run=run_study_command)
    kinds = study.add_subparsers(dest="kind", required=True, metavar="WHAT")
    kinds.add_parser("list", help="the studies of the workspace").set_defaults(run_study=run_list)
    add_new(kinds)
    export = kinds.add_parser(
        "export", help="answers and design as one ZIP: the same answers, the same bytes"
    )
    export.add_argument("name", metavar="STUDY", help="its name, see “study list”")
    export.add_argument("--out", type=Path, required=True, metavar="FILE", help="the ZIP to write")
    export.set_defaults(run_study=run_export)
    add_power(kinds)
    delete = kinds.add_parser("delete", help="delete a study with its pictures and answers for good")
    delete.add_argument("name", metavar="STUDY", help="its name, see “study list”")
    delete.add_argument(
        "--title",
        default=None,
        metavar="TEXT",
        help="its title, letter by letter; needed where there are answers",
    )
    delete.set_defaults(run_study=run_delete)
    add_analyse(kinds)
    add_serve(kinds)


def run_study_command(args: argparse.Namespace, arguments: list[str]) -> int | None:
    """Run one of the ``study`` commands."""
    status: int | None = args.run_study(args, arguments)
    return status


def run_list(args: argparse.Namespace, arguments: list[str]) -> None:
    """Print one line a study."""
    from snapgui.study.store.deletion import count_answers
    from snapgui.study.store.store import open_store

    store = open_store()
    studies = store.studies()
    for name, title in studies:
        counts = count_answers(store, name)
        print(
            f"{name}  {counts.made[:10]}  design {store.study(name).settings.kind}  {counts.readers} "
            f"readers, {counts.sessions_done} sessions done, {counts.responses} answers  {title}"
        )
    if not studies:
        print("There is no study yet. Make one with “study new”.")


def run_export(args: argparse.Namespace, arguments: list[str]) -> None:
    """Write a study's ZIP."""
    from snapgui.report.study.bundle import study_zip
    from snapgui.study.store.folders import has_folder, study_folder
    from snapgui.study.store.store import open_store

    store = open_store()
    store.study(args.name)
    data = study_zip(store, args.name, study_folder(args.name) if has_folder(args.name) else None)
    write_whole(args.out, data, advice="Choose another place for --out.")
    print(args.out)


def run_delete(args: argparse.Namespace, arguments: list[str]) -> None:
    """Delete a study; one that has answers asks for its title."""
    from snapgui.study.records import StudyError
    from snapgui.study.store.deletion import count_answers, delete_study
    from snapgui.study.store.folders import remove_folder
    from snapgui.study.store.store import open_store

    store = open_store()
    title, counts = store.study(args.name).settings.title, count_answers(store, args.name)
    if counts.responses and args.title != title:
        raise StudyError(
            f"{args.name} has {counts.responses} answers of {counts.readers} readers. To delete "
            f"them for good, give --title with its exact title: {title}"
        )
    gone = delete_study(store, args.name)
    remove_folder(args.name)
    print(f"{args.name} is deleted, with {gone} answers.")
