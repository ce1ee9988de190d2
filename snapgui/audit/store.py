"""An audit on disk: what is written appears whole or not at all, so a killed audit continues where it was.

``audit.json`` says what was asked, ``shards/NNNNN.parquet`` holds the rows of a finished shard (``.json``
beside it what it cost), ``pictures/`` the altered pictures; ``rows.parquet`` and ``summary.json`` are made of
them at the end.
"""

import json
import re
import shutil
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from snapgui.audit.rows import SCHEMA, read_table, to_parquet
from snapgui.audit.shard import ShardResult
from snapgui.audit.summary import check_summary
from snapgui.errors import DataError, refused
from snapgui.workspace import write_whole, writing_beside

FREE_SPACE = "Free space; the audit then continues from what is there."
# Nobody has written to a half-written file for so long: its process was killed.
LEFT_OVER_S = 3600.0
_AUDIT_ID = re.compile(r"audit-[0-9a-f]{12}")


def audit_folder(out: Path, fingerprint: str) -> Path:
    """The folder of one audit in ``out``."""
    return Path(out) / f"audit-{fingerprint[:12]}"


def find_audits(out: Path) -> list[Path]:
    """The audits in a folder, the newest first."""
    found = [
        path
        for path in Path(out).glob("audit-*")
        if _AUDIT_ID.fullmatch(path.name) and (path / "audit.json").is_file()
    ]
    return sorted(found, key=lambda path: (path / "audit.json").stat().st_mtime, reverse=True)


def delete_audit(out: Path, name: str) -> None:
    """Remove an audit and its files; raises DataError for a name that is none, so that no path leaves
    ``out``.
    """
    if not _AUDIT_ID.fullmatch(name):
        raise DataError(f"“{name[:60]}” is not the name of an audit. Choose one from the list of audits.")
    shutil.rmtree(Path(out) / name, ignore_errors=True)


def begin(folder: Path, description: dict[str, Any]) -> None:
    """Make the folder and write what is asked; an audit that was begun before keeps its own words.

    Raises:
        DataError: the place cannot be written.
    """
    advice = "Free space, or choose another folder for the audits (--out)."
    try:
        for name in ("shards", "pictures"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        for path in folder.rglob("*.partial"):
            with suppress(FileNotFoundError):  # another process has finished it by now
                if time.time() - path.stat().st_mtime > LEFT_OVER_S:
                    path.unlink()
    except OSError as error:
        raise DataError(f"{folder} cannot be written ({error.strerror}). {advice}") from error
    if not (folder / "audit.json").is_file():
        write_whole(folder / "audit.json", json.dumps(description, indent=2).encode(), advice=advice)


def save_shard(folder: Path, index: int, result: ShardResult) -> None:
    """Write a finished shard; its rows come last and mark it as finished. Raises DataError where the disk is
    full.
    """
    cost = {"seconds": result.seconds, "image_steps": result.image_steps}
    files = {f"pictures/{name}": data for name, data in result.pictures.items()} | {
        f"shards/{index:05d}.json": json.dumps(cost).encode(),
        f"shards/{index:05d}.parquet": to_parquet(result.rows),
    }
    for name, data in files.items():
        write_whole(folder / name, data, advice=FREE_SPACE)


def finished_shards(folder: Path) -> set[int]:
    """Which shards are on disk."""
    return {int(path.stem) for path in (folder / "shards").glob("[0-9]*.parquet")}


def combine(folder: Path, indices: Iterable[int]) -> Path:
    """All rows in one file, in the order of the shards; one shard is in memory at a time."""
    path = folder / "rows.parquet"
    try:
        with writing_beside(path) as partial, pq.ParquetWriter(partial, SCHEMA, compression="zstd") as writer:
            for index in sorted(indices):
                writer.write_table(pq.read_table(folder / "shards" / f"{index:05d}.parquet", schema=SCHEMA))
    except OSError as error:
        raise DataError(f"{path} cannot be written ({refused(error)}). {FREE_SPACE}") from error
    return path


def read_costs(folder: Path) -> dict[str, dict[str, float]]:
    """Seconds and image-steps by condition, summed over the shards."""
    total: dict[str, dict[str, float]] = {"seconds": {}, "image_steps": {}}
    for path in sorted((folder / "shards").glob("[0-9]*.json")):
        for kind, by_condition in json.loads(path.read_text(encoding="utf-8")).items():
            for condition, value in by_condition.items():
                total[kind][condition] = total[kind].get(condition, 0) + value
    return total


def read_rows(folder: Path, columns: list[str] | None = None) -> pd.DataFrame:
    """The table of a finished audit; raises DataError if there is none."""
    try:
        return read_table(folder / "rows.parquet", columns).to_pandas()
    # Arrow tells with many lines, and with errors of many kinds, what is damaged.
    except Exception as error:
        raise DataError(
            f"{folder.name} has no table that can be read ({str(error).splitlines()[0]:.80}). Let the audit "
            "run to its end, or delete it."
        ) from error


def read_summary(folder: Path) -> dict[str, Any]:
    """The summary of a finished audit; raises DataError if there is none."""
    try:
        summary = dict(json.loads((folder / "summary.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise DataError(
            f"{folder.name} has no summary ({str(error)[:80]}). Let the audit run to its end."
        ) from error
    try:
        check_summary(summary)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise DataError(
            f"The summary of {folder.name} lacks numbers ({str(error)[:80]}). Delete the audit and run "
            "it again."
        ) from error
    return summary


def write_summary(folder: Path, summary: dict[str, Any]) -> None:
    """Write ``summary.json``."""
    write_whole(folder / "summary.json", json.dumps(summary, indent=2).encode(), advice=FREE_SPACE)
