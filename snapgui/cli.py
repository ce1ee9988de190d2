"""The command line: a table of contents. Heavy imports stand inside the commands, so that --help answers at
once.
"""

import argparse
import io
import os
import sys
from collections.abc import Sequence

from snapgui import __version__
from snapgui.commands.app import add_app
from snapgui.commands.attack import add_attack
from snapgui.commands.audit import add_audit
from snapgui.commands.corruptions import add_corruptions
from snapgui.commands.data import add_data_commands
from snapgui.commands.naturalness import add_naturalness
from snapgui.commands.predict import add_predict
from snapgui.commands.report import add_report
from snapgui.commands.study.study import add_study_command
from snapgui.commands.training.measure import add_measure
from snapgui.commands.training.train import add_train
from snapgui.commands.training.train_generator import add_train_generator
from snapgui.commands.transfer import add_defend, add_search, add_transfer
from snapgui.commands.universal import add_apply, add_universal
from snapgui.commands.verify import add_verify
from snapgui.errors import SnapError, refused

# In the order of --help; each says with ``set_defaults(run=FUNCTION)`` what is called.
COMMANDS = (
    add_app,
    add_train,
    add_measure,
    add_train_generator,
    add_predict,
    add_attack,
    add_audit,
    add_naturalness,
    add_corruptions,
    add_universal,
    add_apply,
    add_transfer,
    add_defend,
    add_search,
    add_study_command,
    add_report,
    add_verify,
    add_data_commands,
)


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    parser = argparse.ArgumentParser(
        prog="snap", description="Can a metastasis classifier be fooled, and would anyone notice?"
    )
    parser.add_argument("--version", action="version", version=f"snap {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for add in COMMANDS:
        add(commands)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 when it ran, 1 when it is not complete, 2 with one sentence on standard error for
    bad input.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    args = build_parser().parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Names of files may hold what the terminal's encoding has no letters for.
            stream.reconfigure(errors="backslashreplace")
    try:
        return args.run(args, arguments) or 0
    except SnapError as error:
        print(f"snap: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        # Whoever reads our lines, such as `head`, has had enough; nothing is left to be said at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        print(f"snap: {refused(error)}. Check the name, the rights and the space there.", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("snap: stopped.", file=sys.stderr)
        return 130
