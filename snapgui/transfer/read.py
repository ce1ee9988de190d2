"""Transfer matrices on disk."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from snapgui.errors import DAMAGED, DataError, SnapError
from snapgui.transfer.checking import check_about, check_numbers
from snapgui.transfer.settings import TransferSettings
from snapgui.workspace import workspace


@dataclass(frozen=True)
class SavedMatrix:
    """A matrix on disk: ``transfer.json`` as it stands, and its numbers where it is finished."""

    folder: Path
    about: dict[str, Any]
    settings: TransferSettings
    summary: dict[str, Any] | None


def matrices_folder() -> Path:
    """Where the app keeps matrices; raises DataError where the workspace cannot be written."""
    return workspace() / "transfer"


def find_matrices(out: Path, kind: str = "transfer") -> list[Path]:
    """The matrices of a kind (``transfer``, ``defend``) in a folder, the newest first."""
    found = [path.parent for path in Path(out).glob(f"{kind}-*/transfer.json")]
    return sorted(found, key=lambda path: (path / "transfer.json").stat().st_mtime, reverse=True)


def read_matrix(folder: Path) -> SavedMatrix:
    """A matrix, finished or not; raises DataError where its files are damaged."""
    try:
        about = json.loads((folder / "transfer.json").read_text(encoding="utf-8"))
        settings = TransferSettings.from_json(about["settings"])
        path = folder / "summary.json"
        summary = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
        check_about(about)
        # Those of earlier versions lack what was added since.
        about = {"versions": {}, **about, "settings": settings.to_json()}
        if path.is_file():
            check_numbers(summary)
    except (*DAMAGED, SnapError) as error:
        raise DataError(
            f"{folder.name} is no transfer matrix that can be read ({str(error)[:120]}). Delete it and run "
            "it again."
        ) from error
    return SavedMatrix(folder, about, settings, summary)


def delete_matrix(out: Path, name: str) -> None:
    """Remove a matrix and its files; raises DataError for a name that is none of ``out``."""
    folder = Path(out) / name
    if folder not in find_matrices(out, name.split("-")[0]):
        raise DataError(f"“{name[:60]}” is not the name of a matrix. Choose one from the list.")
    shutil.rmtree(folder, ignore_errors=True)
