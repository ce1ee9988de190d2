"""The command ``app``."""

import argparse
import os

from snapgui.commands.options import Commands
from snapgui.server import start_streamlit
from snapgui.shipped import APP


def add_app(commands: Commands) -> None:
    """Add ``app``."""
    commands.add_parser("app", help="start the app in the browser").set_defaults(run=run_app)


def run_app(args: argparse.Namespace, arguments: list[str]) -> None:
    """Start Streamlit in the folder whose ``.streamlit/config.toml`` keeps it on 127.0.0.1."""
    os.chdir(APP.parent)
    start_streamlit(APP)
