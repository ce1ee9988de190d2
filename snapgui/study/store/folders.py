"""Where the workspace keeps frozen studies: ``studies/NAME`` with ``design.json`` and the pictures."""

import re
import shutil
from pathlib import Path

from snapgui.study.records import StudyError

_NAME = re.compile(r"study-[0-9a-f]{12}")


def study_name(digest: str) -> str:
    """The name of a study, after the SHA-256 of its design."""
    return f"study-{digest[:12]}"


def is_study_name(name: str) -> bool:
    """Whether this may be the name of a study, see `study_name`."""
    return _NAME.fullmatch(name) is not None


def studies_folder() -> Path:
    """Where frozen studies lie; raises DataError where the workspace cannot be written."""
    from snapgui.workspace import workspace

    return workspace() / "studies"


def study_folder(name: str) -> Path:
    """The folder of a study; raises StudyError for a name that is none, so that no path leaves the
    workspace.
    """
    if not is_study_name(name):
        raise StudyError(f"“{name[:60]}” is not the name of a study. Choose one from the list of studies.")
    return studies_folder() / name


def has_folder(name: str) -> bool:
    """Whether the pictures of a study lie in this workspace (with PostgreSQL another machine may have
    them).
    """
    return (study_folder(name) / "design.json").is_file()


def remove_folder(name: str) -> None:
    """Remove the design and the pictures of a study from the workspace."""
    shutil.rmtree(study_folder(name), ignore_errors=True)
