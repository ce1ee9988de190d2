"""The command ``study new``: make a study, freeze it and take it into the store."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from snapgui.commands.options import WITH_DEFAULTS, Commands
from snapgui.shipped import MODEL

if TYPE_CHECKING:
    from snapgui.engine.victim.victim import Victim
    from snapgui.study.design.recipe import Recipe
    from snapgui.study.design.settings import StudySettings
    from snapgui.study.pictures.material import Material


def add_new(kinds: Commands) -> None:
    """Add ``new`` to the commands of ``study``."""
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
    new.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    new.set_defaults(run_study=run_new)


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
        if path.exists() and not path.is_file():
            raise StudyError(f"{path} is not a file but a folder or a device. Give a text file in UTF-8.")
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise StudyError(f"{path} cannot be read as text ({error}). Give a text file in UTF-8.") from error
