"""The command ``app``."""

import argparse
import os
import sys

from snapgui.commands.options import Commands
from snapgui.shipped import APP


def add_app(commands: Commands) -> None:
    """Add ``app``."""
    commands.add_parser("app", help="start the app in the browser").set_defaults(run=run_app)


def run_app(args: argparse.Namespace, arguments: list[str]) -> None:
    """Replace this process by Streamlit's, in the folder whose ``.streamlit/config.toml`` keeps it on
    127.0.0.1.
    """
    os.chdir(APP.parent)
    os.execv(sys.executable, [sys.executable, "-m", "streamlit", "run", str(APP)])
