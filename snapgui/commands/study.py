"""The command ``study``: list, make, export, delete, plan; ``analyse`` and ``serve`` come from modules of
their own.

A subcommand stands for itself: its parser says with ``set_defaults(run_study=FUNCTION)`` what is called, with
the parsed arguments and the command line as given; it returns the exit status, or None for 0.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snapgui.commands.options import WITH_DEFAULTS, Commands
from snapgui.commands.serve import add_serve
from snapgui.shipped import MODEL
from snapgui.workspace import write_whole

if TYPE_CHECKING:
    from snapgui.engine.victim.victim import Victim
    from snapgui.study.design.recipe import Recipe
    from snapgui.study.design.settings import StudySettings
    from snapgui.study.pictures.material import Material


def add_study_command(commands: Commands) -> None:
    """Add ``study`` with its own commands."""
    study = commands.add_parser("study", help="blinded reader studies: would anyone notice?")
    study.set_defaults(run=run_study_command)
    kinds = study.add_subparsers(dest="kind", required=True, metavar="WHAT")
    kinds.add_parser("list", help="the studies of the workspace").set_defaults(run_study=run_list)
    _add_new(kinds)
    export = kinds.add_parser(
        "export", help="answers and design as one ZIP: the same answers, the same bytes"
    )
    export.add_argument("name", metavar="STUDY", help="its name, see “study list”")
    export.add_argument("--out", type=Path, required=True, metavar="FILE", help="the ZIP to write")
    export.set_defaults(run_study=run_export)
    _add_power(kinds)
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


def _add_new(kinds: Commands) -> None:
    new = kinds.add_parser("new", help="make a study and freeze it", formatter_class=WITH_DEFAULTS)
    origin = new.add_mutually_exclusive_group(required=True)
    origin.add_argument("--runs", type=Path, nargs="+", metavar="DIR", help="folders of saved runs")
    origin.add_argument("--audit", type=Path, metavar="DIR", help="folder of a finished audit")
    origin.add_argument(
        "--pairs",
        type=Path,
        metavar="DIR",
        help="folder with untouched/, altered/ and mask/, names alike in each",
    )
    new.add_argument(
        "--data", type=Path, default=None, metavar="DIR", help="with --audit: where the data set is now"
    )
    new.add_argument(
        "--all", action="store_true", help="with --audit: also pictures that did not fool the model"
    )
    new.add_argument("--title", default=None, help="what readers see on top; free of hints")
    new.add_argument(
        "--design",
        choices=("A", "B", "C", "D"),
        default="A",
        help="A yes or no and where, B which of two, C diagnosis first, D short exposure",
    )
    new.add_argument(
        "--arms",
        nargs="+",
        default=["SNAP", "sham"],
        metavar="ARM",
        help="besides untouched; others as the pictures have them",
    )
    new.add_argument(
        "--sources",
        type=int,
        default=None,
        metavar="N",
        help="pictures that count, at most; without it up to 60",
    )
    new.add_argument(
        "--practice",
        type=int,
        default=None,
        metavar="N",
        help="pictures for practice; without it about an eighth, at most 4",
    )
    new.add_argument(
        "--catch",
        type=int,
        default=None,
        metavar="N",
        help="obvious pictures; without it about an eighth, at most 4",
    )
    new.add_argument(
        "--repeats",
        type=int,
        default=None,
        metavar="N",
        help="trials asked again; without it about a fifth, at most 6",
    )
    new.add_argument(
        "--repeat-gap",
        type=int,
        default=None,
        metavar="N",
        help="least number of trials until then; without it at most 10",
    )
    new.add_argument("--sessions", type=int, default=1)
    new.add_argument("--washout-days", type=int, default=14, metavar="N")
    new.add_argument(
        "--break-every", type=int, default=40, metavar="N", help="trials after which a break is offered"
    )
    new.add_argument(
        "--exposures", type=int, nargs="+", default=[250, 1000], metavar="MS", help="of design D"
    )
    new.add_argument(
        "--margin",
        type=float,
        default=0.6,
        help="share right up to which a change counts as practically unnoticed",
    )
    new.add_argument(
        "--min-catch",
        type=float,
        default=0.75,
        metavar="SHARE",
        help="least share of obvious pictures that a session must find",
    )
    new.add_argument(
        "--consent",
        type=Path,
        default=None,
        metavar="FILE",
        help="text file; without it the tool's own words",
    )
    new.add_argument(
        "--instructions",
        type=Path,
        default=None,
        metavar="FILE",
        help="text file; without it the tool's own words",
    )
    new.add_argument(
        "--seed",
        type=int,
        default=None,
        help="of order and names; at random without it. Keep it from readers",
    )
    new.add_argument(
        "--model",
        type=Path,
        default=None,
        metavar="FILE",
        help="the model that was attacked: shams that fool it are replaced; without it the audit's, or "
        "the shipped one if it is that",
    )
    new.add_argument("--no-model", action="store_true", help="let no model check the shams")
    new.add_argument("--device", default="auto", help="auto, cpu or cuda")
    new.set_defaults(run_study=run_new)


def _add_power(kinds: Commands) -> None:
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


def run_new(args: argparse.Namespace, arguments: list[str]) -> None:
    """Make a study, freeze it and take it into the store."""
    import sys

    from snapgui.progress import drain
    from snapgui.study.design import texts
    from snapgui.study.pictures.build import BuildProgress, build_study
    from snapgui.study.store.folders import study_folder
    from snapgui.study.store.store import open_store

    material = _material(args)
    recipe, settings = _recipe(args, len(material.names))
    for remark in material.remarks:
        print(f"note: {remark}", file=sys.stderr)
    store = open_store()
    building = build_study(material, recipe, settings, store, victim=_victim(args, material))

    def show(step: BuildProgress) -> None:
        if sys.stderr.isatty():
            print(
                f"\r\033[K{step.done} of {step.wanted} pictures",
                end="" if step.done < step.wanted else "\n",
                file=sys.stderr,
                flush=True,
            )

    outcome = drain(building, show)
    assert outcome is not None, "nobody stops it"
    for reason in outcome.left_out:
        print(f"note: left out, {reason}", file=sys.stderr)
    if texts.CONTACT in settings.consent:
        print(
            "note: the consent names no investigator; give a text of your own with --consent "
            "before you ask readers.",
            file=sys.stderr,
        )
    lists = store.study(outcome.name).lists
    fewer = f" ({outcome.asked} were asked)" if outcome.sources < outcome.asked else ""
    print(
        f"{outcome.name}: design {settings.kind}, {outcome.sources} pictures{fewer} in "
        f"{len(recipe.arms)} arms, {len(lists)} lists of "
        f"{len(lists[0][0])} trials ({texts.duration_words(settings.kind, len(lists[0][0]))} a session)."
    )
    print(
        f"SHA-256 {outcome.sha256}\n{study_folder(outcome.name)}\nReaders open the app at its "
        f"address followed by /?study={outcome.name}"
    )


def _recipe(args: argparse.Namespace, count: int) -> "tuple[Recipe, StudySettings]":
    """What the options ask of so many pictures; what they leave open is suggested."""
    import secrets
    from dataclasses import replace

    from snapgui.study.design import texts
    from snapgui.study.design.recipe import suggest_recipe, suggest_repeats
    from snapgui.study.design.settings import ExclusionRule, StudySettings

    given = {
        name: getattr(args, name)
        for name in ("sources", "practice", "catch")
        if getattr(args, name) is not None
    }
    recipe = replace(
        suggest_recipe(count, ("untouched", *(arm for arm in args.arms if arm != "untouched"))), **given
    )
    repeats, gap = suggest_repeats(min(recipe.sources, max(1, count - recipe.practice - recipe.catch)))
    return recipe, StudySettings(
        title=args.title or texts.DEFAULT_TITLE,
        seed=secrets.randbelow(2**53) if args.seed is None else args.seed,
        kind=args.design,
        sessions=args.sessions,
        washout_days=args.washout_days,
        repeats=repeats if args.repeats is None else args.repeats,
        repeat_gap=gap if args.repeat_gap is None else args.repeat_gap,
        break_every=args.break_every,
        exposures_ms=tuple(args.exposures),
        margin=args.margin,
        consent=_text(args.consent) if args.consent else texts.consent_text(args.design),
        instructions=_text(args.instructions) if args.instructions else texts.instructions_text(args.design),
        exclusion=ExclusionRule(min_catch_share=args.min_catch),
    )


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


def run_power(args: argparse.Namespace, arguments: list[str]) -> None:
    """Print what so many readers and trials can show."""
    from snapgui.study.design.planning import Planned, compute_power, power_words

    planned = Planned(
        args.readers, args.trials, args.share, args.margin, args.reader_correlation, args.case_correlation
    )
    print("\n".join(power_words(planned, compute_power(planned), arm="one arm")))


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


def _material(args: argparse.Namespace) -> "Material":
    from snapgui.study.pictures.material import material_from_audit, material_from_runs
    from snapgui.study.pictures.pairs import material_from_pairs

    if args.runs:
        return material_from_runs(args.runs)
    if args.audit:
        return material_from_audit(args.audit, args.data, fooled_only=not args.all)
    return material_from_pairs(args.pairs)


def _victim(args: argparse.Namespace, material: "Material") -> "Victim | None":
    """The model that checks the shams: the one named, else the audit's, else the shipped one where it is the
    one attacked.
    """
    import sys

    from snapgui.engine.victim.victim import Victim, choose_device

    if args.no_model or "sham" not in args.arms:
        return None
    named: Path | None = args.model or material.model
    if named is not None:
        return Victim.load(named, device=choose_device(args.device))
    if material.model_sha256 and MODEL.is_file():
        shipped = Victim.load(MODEL, device=choose_device(args.device))
        if shipped.card.sha256 == material.model_sha256:
            return shipped
    print(
        "note: no model checks the shams; name the one that was attacked with --model to replace "
        "shams that fool it.",
        file=sys.stderr,
    )
    return None


def _text(path: Path) -> str:
    from snapgui.study.records import StudyError

    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise StudyError(f"{path} cannot be read as text ({error}). Give a text file in UTF-8.") from error


Figures = Mapping[str, Any]


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


def write_analysis(analysis: Figures, folder: Path) -> None:
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
