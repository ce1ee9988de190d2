"""The folder in which everything that is kept lies."""

import os
from pathlib import Path

from snapgui.errors import DataError


def workspace() -> Path:
    """The folder of runs, audits and studies: SNAP_WORKSPACE, or ``~/.snap-studio``; made where it is
    missing.

    Raises:
        DataError: it cannot be made or written.
    """
    folder = Path(os.environ.get("SNAP_WORKSPACE") or Path.home() / ".snap-studio").expanduser()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(
            f"The workspace {folder} cannot be made ({error.strerror}). Set SNAP_WORKSPACE to a "
            "folder you can write."
        ) from error
    if not os.access(folder, os.W_OK):
        raise DataError(
            f"The workspace {folder} cannot be written. Set SNAP_WORKSPACE to a folder you can write."
        )
    return folder
