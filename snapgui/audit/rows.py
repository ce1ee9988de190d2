"""The table of an audit: one row per image and condition, several where a condition is drawn anew."""

import io
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from snapgui.data.datasets import PatchSet
from snapgui.engine.visibility.measures import Visibility
from snapgui.engine.visibility.naturalness import Naturalness
from snapgui.words import defuse

Row = dict[str, Any]
UNTOUCHED = "untouched"

# ``status`` of an untouched row: attacked, wrong before, other class, unreadable; of another: measured, no
# room.
SCHEMA = pa.schema(
    [
        ("position", pa.int64()),
        ("id", pa.string()),
        ("split", pa.string()),
        ("label", pa.int64()),
        ("condition", pa.string()),
        ("status", pa.string()),
        ("error", pa.string()),
        ("predicted_before", pa.int64()),
        ("predicted_after", pa.int64()),
        ("p_label_before", pa.float64()),
        ("p_label_after", pa.float64()),
        ("flipped", pa.bool_()),
        ("reached_goal", pa.bool_()),
        ("best_step", pa.int64()),
        ("steps", pa.int64()),
        ("area", pa.float64()),
        ("centre", pa.string()),
        ("ssim_mask", pa.float64()),
        ("ssim_whole", pa.float64()),
        ("psnr_whole_db", pa.float64()),
        ("mean_de00_mask", pa.float64()),
        ("p95_de00_mask", pa.float64()),
        ("mean_de00_whole", pa.float64()),
        ("picture", pa.string()),
        ("draw", pa.int64()),
        ("cells", pa.int64()),
        ("picked_out", pa.int64()),
        ("picked_out_before", pa.int64()),
        ("beyond_stains", pa.float64()),
        ("own_beyond_stains", pa.float64()),
    ]
)
# How natural a picture is; of SNAP alone.
NATURALNESS = ("cells", "picked_out", "picked_out_before", "beyond_stains", "own_beyond_stains")
# Columns that tables of before do not have.
LATER = ("draw", *NATURALNESS)
# What every row has.
_ALWAYS = ("position", "id", "label", "condition", "status")
# Shares, and true classes.
_UP_TO_1 = ("label", "p_label_before", "p_label_after", "area", "predicted_before", "predicted_after")


def new_row(patches: PatchSet, position: int, condition: str, **values: Any) -> Row:
    """A row about one image; what is not given stays empty. Unknown columns are errors."""
    row: Row = dict.fromkeys(SCHEMA.names)
    row.update(
        position=position,
        id=patches.ids[position],
        split=patches.splits[position],
        label=int(patches.labels[position]),
        condition=condition,
    )
    unknown = set(values) - set(row)
    if unknown:
        raise KeyError(f"no columns {sorted(unknown)}")
    row.update(values)
    return row


def visibility_columns(visibility: dict[str, Visibility]) -> Row:
    """Columns of what `engine.visibility.measure` found."""
    inside, whole = visibility["mask"], visibility["whole"]
    return {
        "ssim_mask": inside.ssim,
        "ssim_whole": whole.ssim,
        "psnr_whole_db": whole.psnr_db,
        "mean_de00_mask": inside.mean_de00,
        "p95_de00_mask": inside.p95_de00,
        "mean_de00_whole": whole.mean_de00,
    }


def naturalness_columns(found: Naturalness) -> Row:
    """Columns of what `measure_naturalness` found."""
    return {name: getattr(found, name) for name in NATURALNESS}


def to_parquet(rows: list[Row]) -> bytes:
    """Rows as the bytes of a Parquet file; the same rows give the same bytes."""
    stream = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), stream, compression="zstd")
    return stream.getvalue()


def to_csv(rows: pd.DataFrame) -> str:
    """A table as CSV; text that a spreadsheet would compute is defused."""
    texts = [field.name for field in SCHEMA if pa.types.is_string(field.type) and field.name in rows]
    return str(rows.assign(**{name: rows[name].map(_defused) for name in texts}).to_csv(index=False))


def _defused(cell: Any) -> Any:
    return defuse(cell) if isinstance(cell, str) else cell


def read_table(path: Path, columns: list[str] | None = None) -> pa.Table:
    """A table as `SCHEMA` has it, or some columns of it; tables of before lack `LATER`.

    Raises:
        ValueError: no such table, a column is missing, of another kind, or without a value that each row
            has.
    """
    table = pq.read_table(path, columns=columns)
    wanted = [name for name in SCHEMA.names if columns is None or name in columns]
    missing = [name for name in wanted if name not in table.column_names]
    if set(missing) - set(LATER) or 0 < len(set(missing) & set(NATURALNESS)) < len(NATURALNESS):
        raise ValueError(f"it lacks {', '.join(missing)}")
    table = table.select([name for name in wanted if name not in missing])
    table = table.cast(pa.schema([SCHEMA.field(name) for name in table.column_names]))
    for name in table.column_names:
        column = table[name]
        if name in _ALWAYS and column.null_count:
            raise ValueError(f"{name} is not there in each row")
        # Numbers that a column cannot hold; none is negative.
        if pa.types.is_integer(column.type) or name in _UP_TO_1:
            most = 1 if name in _UP_TO_1 else 2**53
            ends = pc.min_max(column).as_py()
            if ends["min"] is not None and not 0 <= ends["min"] <= ends["max"] <= most + 1e-6:
                raise ValueError(f"{name} is {ends['min']:g} to {ends['max']:g}")
    return table
