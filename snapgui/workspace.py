"""The folder in which everything that is kept lies, and the one way to write into it."""

import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
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


def write_whole(target: Path, content: bytes | Mapping[str, bytes], *, advice: str) -> None:
    """Write a file, or a folder of files by name; it appears whole or not at all.

    Everything is on disk beside the target before it takes its name, so a full disk or a killed process
    leaves what was there, and of two writers at once one stays, whole. A folder that exists keeps its other
    files, and cannot be exchanged at a stroke: the last file of ``content`` is taken away first and comes
    last, so that where that file lies the others belong to it.

    Args:
        target: the file, whose folder must be there, or the folder, which is made with those above it.
        content: the bytes of the file, or of each file of the folder by its path in there.
        advice: what to do when it cannot be written, a sentence.

    Raises:
        DataError: the disk is full or the place cannot be written; ends with ``advice``.
    """
    try:
        with writing_beside(target) as partial:
            if isinstance(content, bytes):
                partial.write_bytes(content)
                return
            partial.mkdir(parents=True)
            for name, data in content.items():
                _write(partial / name, data)
            if not _rename_folder(partial, target):
                _move_files(partial, target, list(content))
    except OSError as error:
        raise DataError(f"{target} cannot be written ({error.strerror or error}). {advice}") from error


@contextmanager
def writing_beside(target: Path) -> Iterator[Path]:
    """A path for a file that becomes ``target`` at the end, for what is too large to be held in memory.

    No other process or thread has that path; after an error nothing of it is left. Raises OSError.
    """
    partial = target.with_name(f".{target.name[:100]}.{secrets.token_hex(8)}.partial")
    try:
        yield partial
        if partial.is_file():
            _flush(partial)
            partial.replace(target)
    finally:
        if partial.is_dir():
            shutil.rmtree(partial, ignore_errors=True)
        else:
            partial.unlink(missing_ok=True)


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    _flush(path)


def _flush(path: Path) -> None:
    with path.open("r+b") as file:
        os.fsync(file.fileno())


def _rename_folder(partial: Path, target: Path) -> bool:
    """Give the folder its name; False where a folder with files has it already."""
    try:
        partial.rename(target)
    except OSError:
        if target.is_dir():
            return False
        raise
    return True


def _move_files(partial: Path, target: Path, names: list[str]) -> None:
    (target / names[-1]).unlink(missing_ok=True)
    for name in names:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (partial / name).replace(target / name)
