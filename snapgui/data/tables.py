"""Tables of labels: CSV files as spreadsheets and programs write them."""

import codecs
import csv
import io
from collections.abc import Collection
from pathlib import Path

from snapgui.errors import DataError

Rows = list[dict[str, str]]


def read_table(path: Path, columns: tuple[str, ...]) -> tuple[Rows, tuple[str, ...]]:
    """The rows of a CSV file that has these columns, and remarks on how it was read.

    UTF-8, UTF-16 with its mark, else Latin-1, in which every byte is a letter and which is said.

    Raises:
        DataError: not a table, a column is missing, or no rows.
    """
    data = path.read_bytes()
    remarks: tuple[str, ...] = ()
    try:
        marked = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        text = data.decode("utf-16" if marked else "utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
        remarks = (f"{path.name} is not UTF-8; it was read as Latin-1.",)
    try:
        header = text.splitlines()[0] if text else ""
        # Spreadsheets of many countries put semicolons between columns.
        comma = next((one for one in ";\t" if "," not in header and one in header), ",")
        reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=comma)
        reader.fieldnames = [name.strip() for name in reader.fieldnames or ()]
        if not set(columns) <= set(reader.fieldnames or ()):
            raise DataError(
                f"{path.name} has the columns {list(reader.fieldnames)!r:.200}; it needs "
                f"{', '.join(columns[:-1])} and {columns[-1]}."
            )
        twice = [column for column in columns if (reader.fieldnames or []).count(column) > 1]
        if twice:
            raise DataError(
                f"{path.name} has the column {twice[0]} more than once. Keep the one that is right."
            )
        rows = [{column: (row[column] or "").strip() for column in columns} for row in reader]
        # Spreadsheets write rows of nothing but commas at the end.
        rows = [row for row in rows if any(row.values())]
    except csv.Error as error:
        raise DataError(
            f"{path.name} is not a table of labels ({error}). Save it as CSV with the columns "
            f"{', '.join(columns[:-1])} and {columns[-1]}."
        ) from error
    if not rows:
        raise DataError(f"{path.name} has no rows. It needs one row a patch.")
    return rows, remarks


def read_column(
    path: Path, column: str, files: Collection[str] = ()
) -> tuple[dict[str, str], tuple[str, ...]]:
    """A column by the column ``id``, and remarks.

    An id may be the whole name of one of the ``files``, with its ending, which is taken off.

    Raises:
        DataError: as `read_table` does, or one id has two values.
    """
    rows, remarks = read_table(path, ("id", column))
    found: dict[str, str] = {}
    for row in rows:
        name, value = row["id"], row[column]
        if name in files:
            name = Path(name).stem
        if found.setdefault(name, value) != value:
            raise DataError(
                f"{path.name} gives {name:.80} twice, with the {column} “{found[name]:.20}” and "
                f"“{value:.20}”. Keep the row that is right."
            )
    return found, remarks


def as_label(text: str, name: str, table: str) -> int:
    """0 or 1; raises DataError for any other label."""
    if text in ("0", "1", "0.0", "1.0"):
        return int(text[0])
    raise DataError(
        f"{table} gives {name:.80} the label “{text:.20}”; labels are 0 (normal) or 1 (metastasis). "
        "Correct it, or leave the row out."
    )
