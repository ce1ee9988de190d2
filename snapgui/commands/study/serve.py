"""The command ``study serve``: a study's reader page by itself, on this computer or, where asked, for the
local network.
"""

import argparse
import os
import sys
from typing import IO

from snapgui.commands.options import Commands
from snapgui.server import start_streamlit
from snapgui.shipped import ROOT
from snapgui.study.reading.serving import (
    CODE_VARIABLE,
    PORT,
    READER_APP,
    STUDY_VARIABLE,
    check_offered,
    plan_serving,
    serving_words,
)


def add_serve(subparsers: Commands) -> None:
    """Add ``serve`` to the commands of ``study``."""
    serve = subparsers.add_parser(
        "serve",
        help="a study's reader page and nothing else of the app",
        description="Offers the reader page of one study and nothing else of the app. Without --lan only "
        "this computer reaches it.",
    )
    serve.add_argument("name", metavar="STUDY", help="its name, see “study list”")
    serve.add_argument(
        "--lan",
        action="store_true",
        help="also for other computers of the local network, with an access code; nothing is encrypted",
    )
    serve.add_argument("--port", type=int, default=PORT, help=f"{PORT} where none is given")
    serve.add_argument("--with-parent", action="store_true", help=argparse.SUPPRESS)
    serve.set_defaults(run_study=run_serve)


def run_serve(args: argparse.Namespace, arguments: list[str]) -> None:
    """Offer a study until it is ended; raises StudyError where there is no such study or its pictures are
    elsewhere.
    """
    check_offered(args.name)
    serving = plan_serving(args.name, lan=args.lan, port=args.port, environment=os.environ)
    os.environ[STUDY_VARIABLE] = args.name
    os.environ[CODE_VARIABLE] = serving.code
    print(serving_words(serving), flush=True)
    if args.with_parent:
        end_with(sys.stdin)
    os.chdir(ROOT)  # where Streamlit finds the project's .streamlit/config.toml
    start_streamlit(READER_APP, serving.options)


def end_with(parent: IO[str]) -> None:
    """End this process when ``parent``, its standard input, closes, as it does when whoever started it ends,
    however that comes about.
    """
    import threading

    def wait() -> None:
        while parent.read(1):
            pass
        os._exit(0)

    threading.Thread(target=wait, name="snap-parent", daemon=True).start()
