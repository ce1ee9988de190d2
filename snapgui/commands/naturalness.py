"""The command ``naturalness``: how natural the patches of finished audits are."""

import argparse
import json
import sys
from pathlib import Path

from snapgui.commands.options import Commands
from snapgui.workspace import write_whole


def add_naturalness(commands: Commands) -> None:
    """Add ``naturalness``."""
    text = "how natural the patches of finished audits are: detectors trained on them, colours"
    command = commands.add_parser("naturalness", help=text, description=f"{text}.")
    command.add_argument("audits", type=Path, nargs="+", metavar="AUDIT", help="folder of a finished audit")
    command.add_argument(
        "--train",
        type=Path,
        default=None,
        metavar="AUDIT",
        help="an audit of other images with the same settings, on whose patches detectors are trained; "
        "without it, on each audit's own, by cross-validation over images",
    )
    command.add_argument(
        "--seed", type=int, default=0, help="of detectors and intervals (default: %(default)s)"
    )
    command.set_defaults(run=run_naturalness)


def run_naturalness(args: argparse.Namespace, arguments: list[str]) -> None:
    """Print a table for each audit, and write ``naturalness.json`` into its folder."""
    from snapgui.audit.read import read_finished
    from snapgui.naturalness.audits import audit_numbers
    from snapgui.naturalness.words import naturalness_text

    training = None if args.train is None else read_finished(args.train)
    for audit in [read_finished(folder) for folder in args.audits]:
        found = {}
        for name, numbers in audit_numbers(audit, training, seed=args.seed):
            print(f"{audit.folder.name}: {name}", file=sys.stderr, flush=True)
            found[name] = numbers
        about = {
            "audit": audit.folder.name,
            "fingerprint": audit.about["fingerprint"],
            "trained_on": None if training is None else training.about["fingerprint"],
            "seed": args.seed,
            "conditions": found,
        }
        path = audit.folder / "naturalness.json"
        write_whole(path, json.dumps(about, indent=2).encode(), advice="Free space, then run it again.")
        print(f"{naturalness_text(found)}\n{path}")
