"""The command ``study serve``: a study's reader page by itself, on this computer or, where asked, for the local network."""

import argparse
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO

from snapgui.shipped import ROOT

Commands = argparse._SubParsersAction  # argparse gives this type no public name

READER_APP = ROOT / "snapgui" / "ui" / "reader" / "app.py"
PORT = 8601
# How the command tells the reader's page what it serves; the code stands in no command line, where others could read it.
STUDY_VARIABLE, CODE_VARIABLE = "SNAP_READER_STUDY", "SNAP_READER_CODE"
NETWORK_WARNING = (
    "Everybody on this network can reach this page, and nothing is encrypted: who listens in can read the answers and see the "
    "pictures. Use it only on a network that you trust, and end it after the reading."
)


@dataclass(frozen=True)
class Serving:
    """A study as it is offered: Streamlit's own options, where readers open it, and the code that they type (none: no code)."""

    options: tuple[str, ...]
    address: str
    code: str = ""


def add_serve(subparsers: "Commands[argparse.ArgumentParser]") -> None:
    """Add ``serve`` to the commands of ``study``."""
    serve = subparsers.add_parser(
        "serve", help="a study's reader page and nothing else of the app",
        description="Offers the reader page of one study and nothing else of the app. Without --lan only this computer reaches it.",
    )
    serve.add_argument("name", metavar="STUDY", help="its name, see “study list”")
    serve.add_argument("--lan", action="store_true", help="also for other computers of the local network, with an access code; nothing is encrypted")
    serve.add_argument("--port", type=int, default=PORT, help=f"{PORT} where none is given")
    serve.add_argument("--with-parent", action="store_true", help=argparse.SUPPRESS)
    serve.set_defaults(run_study=run_serve)


def plan_serving(name: str, *, lan: bool, port: int, environment: Mapping[str, str]) -> Serving:
    """How a study is offered; the code is the environment's where it has one, else random.

    Raises:
        StudyError: a port that is none.
    """
    from snapgui.study.access import make_code, network_address
    from snapgui.study.records import StudyError

    if not 1 <= port <= 65535:
        raise StudyError(f"The port is {port}; it must be from 1 to 65535.")
    host = network_address() if lan else "127.0.0.1"
    options = (
        "--server.headless", "true", "--server.port", str(port), "--server.address", "0.0.0.0" if lan else "127.0.0.1",
        "--browser.serverAddress", host, "--browser.gatherUsageStats", "false", "--server.fileWatcherType", "none",
        "--server.enableAgentApi", "false", "--server.enableWebsocketCompression", "false", "--client.toolbarMode", "minimal",
        "--client.showErrorDetails", "none", "--logger.hideWelcomeMessage", "true", "--runner.postScriptGC", "false",
    )
    return Serving(options, f"http://{host}:{port}/?study={name}", (environment.get(CODE_VARIABLE) or make_code()) if lan else "")


def serving_words(serving: Serving) -> str:
    """What the terminal says of a study that is offered."""
    lines = [f"Readers open {serving.address}"]
    if serving.code:
        lines += [f"and type the access code {serving.code}", "", f"Warning: {NETWORK_WARNING}"]
    return "\n".join([*lines, "", "End it with Ctrl+C; answers are kept, and readers go on where they were when it is started again."])


def run_serve(args: argparse.Namespace, arguments: list[str]) -> None:
    """Offer a study until it is ended; raises StudyError where there is no such study or its pictures are elsewhere."""
    check_offered(args.name)
    serving = plan_serving(args.name, lan=args.lan, port=args.port, environment=os.environ)
    os.environ[STUDY_VARIABLE] = args.name
    os.environ[CODE_VARIABLE] = serving.code
    print(serving_words(serving), flush=True)
    if args.with_parent:
        end_with(sys.stdin)
    os.chdir(ROOT)  # where Streamlit finds the project's .streamlit/config.toml

    from streamlit.web.cli import main

    main(["run", str(READER_APP), *serving.options])


def check_offered(name: str) -> None:
    """Raise StudyError unless a study is in the store and its pictures are in this workspace."""
    from snapgui.study.folders import has_folder
    from snapgui.study.records import StudyError
    from snapgui.study.store import open_store

    store = open_store()
    try:
        store.study(name)
    finally:
        store.close()
    if not has_folder(name):
        raise StudyError(f"The pictures of {name} are not in this workspace. Serve it on the computer where it was made, or set SNAP_WORKSPACE.")


def end_with(parent: IO[str]) -> None:
    """End this process when ``parent``, its standard input, closes, as it does when whoever started it ends, however that comes about."""
    import threading

    def wait() -> None:
        while parent.read(1):
            pass
        os._exit(0)

    threading.Thread(target=wait, name="snap-parent", daemon=True).start()
