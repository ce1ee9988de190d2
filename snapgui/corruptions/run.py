"""All corruptions from first to last; each part is saved as it comes, so that a killed run goes on."""

import hashlib
import io
import json
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from snapgui.corruptions.measure import UNTOUCHED, CorruptionSettings, Row, measure
from snapgui.corruptions.subjects import Subjects
from snapgui.engine.victim.victim import Victim
from snapgui.errors import DataError
from snapgui.provenance import library_versions
from snapgui.workspace import write_whole

# Counted up when the same settings begin to give other rows.
METHOD = 1
PART = 20
FREE_SPACE = "Free space; the same command then goes on from what is there."
SCHEMA = pa.schema(
    [
        ("condition", pa.string()),
        ("level", pa.float64()),
        ("name", pa.string()),
        ("label", pa.int64()),
        ("predicted", pa.int64()),
        ("p_label", pa.float64()),
        ("de00", pa.float64()),
        ("ssim", pa.float64()),
    ]
)


@dataclass(frozen=True)
class CorruptionProgress:
    """Parts done of all, what was done last, and the seconds left, None before the first of this session."""

    done: int
    of: int
    doing: str
    left_s: float | None


def run_corruptions(
    victim: Victim,
    subjects: Subjects,
    folder: Path,
    settings: CorruptionSettings,
    *,
    stop: Callable[[], bool] | None = None,
) -> Generator[CorruptionProgress, None, pd.DataFrame | None]:
    """Measure every picture under every condition; yields progress and returns all rows, None where it was
    stopped.

    Parts lie in ``folder`` below a name that all that decides them gives; those that are there are not done
    again, whatever other kinds or how many images are asked for now.

    Raises:
        DataError: the folder cannot be written, or a picture of SNAP is gone.
    """
    parts = folder / fingerprint(victim, subjects, settings)[:12]
    try:
        parts.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{parts} cannot be written ({error.strerror}). {FREE_SPACE}") from error
    conditions = [UNTOUCHED, *subjects.snap, *settings.kinds]
    units = [
        (condition, range(first, min(first + PART, len(subjects.names))))
        for first in range(0, len(subjects.names), PART)
        for condition in conditions
    ]
    paths = [parts / _file(subjects, condition, places) for condition, places in units]
    missing = [at for at, path in enumerate(paths) if not path.is_file()]
    begin = time.perf_counter()
    yield CorruptionProgress(len(units) - len(missing), len(units), "", None)
    for done, at in enumerate(missing, start=1):
        if stop and stop():
            return None
        condition, places = units[at]
        write_whole(
            paths[at], _bytes(measure(victim, subjects, places, condition, settings)), advice=FREE_SPACE
        )
        left = (time.perf_counter() - begin) / done * (len(missing) - done)
        yield CorruptionProgress(len(units) - len(missing) + done, len(units), condition, left)
    return pa.concat_tables([_read(path) for path in paths]).to_pandas()


def fingerprint(victim: Victim, subjects: Subjects, settings: CorruptionSettings) -> str:
    """Hash of all that decides a row."""
    decides = {
        **subjects.identity,
        "model": victim.card.sha256,
        "device": victim.mean.device.type,
        "grades": sorted(set(settings.grades)),
        "seed": settings.seed,
        "versions": library_versions(),
        "method": METHOD,
    }
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()


def _file(subjects: Subjects, condition: str, places: Sequence[int]) -> str:
    names = hashlib.sha256("\n".join(subjects.names[place] for place in places).encode()).hexdigest()
    return f"{condition}-{places[0]:06d}-{names[:8]}.parquet"


def _bytes(rows: Sequence[Row]) -> bytes:
    stream = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(list(rows), schema=SCHEMA), stream, compression="zstd")
    return stream.getvalue()


def _read(path: Path) -> pa.Table:
    try:
        return pq.read_table(path, schema=SCHEMA)
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path} is damaged ({error}). Delete it; the same command makes it again."
        ) from error
