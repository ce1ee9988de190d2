"""The command ``verify``: check a bundle on any computer."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from snapgui.commands.options import Commands
from snapgui.errors import DataError
from snapgui.report.verify.bundle import verify_bundle
from snapgui.shipped import MODEL

if TYPE_CHECKING:
    from snapgui.engine.victim.victim import Victim
    from snapgui.report.verify.checks import Check


def add_verify(commands: Commands) -> None:
    """Add ``verify``."""
    text = "check a bundle: every file, every claim, and the pictures by the model"
    verify = commands.add_parser(
        "verify",
        help=text,
        description=f"{text}. Ends with 0 if all holds that files can show (the rest is named), 1 if "
        "something does not or the model is missing, 2 if the file is no bundle.",
    )
    verify.add_argument("bundle", type=Path, metavar="BUNDLE.zip")
    verify.add_argument(
        "--model",
        type=Path,
        default=None,
        metavar="FILE",
        help="the model stated in the bundle; without it the shipped one is tried",
    )
    verify.add_argument("--device", default="cpu", help="auto, cpu, cuda or mps")
    verify.set_defaults(run=run_verify)


def run_verify(args: argparse.Namespace, arguments: list[str]) -> int:
    """Print a line for each claim; 1 unless all hold that files can show."""
    from snapgui.report.bundle.archive import file_sha256
    from snapgui.report.verify.checks import last_words

    claims = []
    print(f"{args.bundle.name}, SHA-256 {file_sha256(args.bundle)}")
    for claim in verify_bundle(args.bundle, model_finder(args.model, args.device)):
        print(claim, flush=True)
        claims.append(claim)
    print(
        "Hashes show that the files belong together, not who made them: compare the SHA-256 above "
        "with one from the authors."
    )
    print(last_words(claims))
    return 1 if any(claim.state in ("fails", "unchecked") for claim in claims) else 0


def model_finder(model: Path | None, device: str) -> "Callable[[str], Victim | Check]":
    """A function that gives the model of a SHA-256: the one named, else the shipped one, or a line that says
    why not.
    """

    def find(digest: str) -> "Victim | Check":
        from snapgui.engine.images import sha256
        from snapgui.engine.victim.victim import Victim, choose_device
        from snapgui.report.verify.checks import Check

        path = model or MODEL
        if not path.is_file():
            if model is not None:
                raise DataError(f"There is no file {model}. Give the model that the bundle states.")
            return Check(
                "unchecked",
                "pictures scored by the model: the shipped model is missing; name one with --model FILE",
            )
        found = sha256(path.read_bytes())
        if found == digest:
            return Victim.load(path, device=choose_device(device))
        if model is not None:
            return Check(
                "fails",
                f"{path.name} has SHA-256 {found[:12]}; the bundle states a model with "
                f"{digest[:12]}, so nothing was scored",
            )
        return Check(
            "unchecked",
            "pictures scored by the model: it is not the shipped one; give the file with SHA-256 "
            f"{digest[:12]} as --model FILE",
        )

    return find
