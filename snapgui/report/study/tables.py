"""Tables of whatever an analysis holds: figures with their intervals, the same figures of several arms side
by side.

A figure is a mapping with a main number and an interval; other mappings lead to figures, lists of mappings
are rows.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from snapgui.report.pages.document import Table
from snapgui.words import NONE, setting, with_count

# What a figure may be called, the main one of a mapping first; and what stands beside it, the rest being in
# analysis.json.
MAIN = ("estimate", "share", "d_prime", "area", "proportion", "kappa", "ratio", "spearman", "median")
INTERVALS = {"interval": "", "wilson_interval": "Wilson ", "exact_interval": "Clopper-Pearson "}
COUNTS = ("readers", "sources", "answers", "pictures", "cases")
BESIDE = (
    "hit_rate",
    "false_alarm_rate",
    "criterion",
    "ln_beta",
    "d_prime",
    "upper",
    "lower",
    "exact_upper",
    "exact_lower",
)
MOST_ROWS, MOST_VALUES, MOST_COLUMNS, MOST_BESIDE = 400, 12, 10, 6
Figures = Mapping[str, Any]


def tables_of(value: Any, title: str = "") -> Iterator[Table]:
    """The tables of one part of an analysis: its own figures first, then what lies deeper."""
    if _is_list_of_mappings(value):
        yield _list_table(value, title)
    elif isinstance(value, Mapping):
        deeper = {
            name: one
            for name, one in value.items()
            if _is_list_of_mappings(one) or (isinstance(one, Mapping) and _holds_tables(one))
        }
        rows = tuple(flat_figures({name: one for name, one in value.items() if name not in deeper}))
        if rows and _are_alike(value):
            yield _side_by_side(value, title)
        elif rows:
            yield Table(("What", "Figure"), rows[:MOST_ROWS], title)
        for name, one in deeper.items():
            yield from tables_of(one, f"{title}, {plain(name)}" if title else plain(name))


def _is_list_of_mappings(value: Any) -> bool:
    return (
        isinstance(value, Sequence)
        and not isinstance(value, str)
        and bool(value)
        and all(isinstance(one, Mapping) for one in value)
    )


def _holds_tables(value: Figures) -> bool:
    return _are_alike(value) or any(
        _is_list_of_mappings(one) or (isinstance(one, Mapping) and _holds_tables(one))
        for one in value.values()
    )


def _are_alike(value: Figures) -> bool:
    """Whether a mapping holds the same figures of several things, such as SNAP and sham, which then stand
    side by side.
    """
    parts = list(value.values())
    if not 2 <= len(parts) <= MOST_BESIDE or not all(
        isinstance(one, Mapping) and one and not _is_figure(one) for one in parts
    ):
        return False
    names = [set(one) for one in parts]
    return 2 * len(set.intersection(*names)) > len(set.union(*names))


def _side_by_side(value: Figures, title: str) -> Table:
    columns = {plain(name): dict(flat_figures(one)) for name, one in value.items()}
    rows = dict.fromkeys(what for column in columns.values() for what in column)
    return Table(
        ("What", *columns),
        tuple((what, *(column.get(what, NONE) for column in columns.values())) for what in rows)[:MOST_ROWS],
        title,
    )


def _list_table(entries: Sequence[Figures], title: str = "") -> Table:
    """Entries as rows; where they have many figures each, side by side, or one figure a row."""
    flat = [dict(flat_figures(entry)) for entry in entries]
    columns = tuple(dict.fromkeys(name for row in flat for name in row))
    if len(columns) <= MOST_COLUMNS:
        note = f"The first {MOST_ROWS} of {len(entries)} entries." if len(entries) > MOST_ROWS else ""
        return Table(
            columns,
            tuple(tuple(row.get(name, NONE) for name in columns) for row in flat[:MOST_ROWS]),
            title,
            note,
        )
    names = [next(iter(row.values()), "") for row in flat]
    if len(flat) <= MOST_BESIDE:
        return Table(
            (columns[0], *names),
            tuple((what, *(row.get(what, NONE) for row in flat)) for what in columns[1:]),
            title,
        )
    rows = [
        (name, what, words)
        for name, row in zip(names, flat, strict=True)
        for what, words in list(row.items())[1:]
    ]
    return Table(
        (columns[0], "What", "Figure"),
        tuple(rows[:MOST_ROWS]),
        title,
        f"The first {MOST_ROWS} of {len(rows)} figures." if len(rows) > MOST_ROWS else "",
    )


def flat_figures(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Pairs of what and figure below a value."""
    if not isinstance(value, Mapping):
        yield path, _value_words(value)
        return
    figure = _is_figure(value)
    if figure:
        yield path, _figure_words(value)
    for name, one in value.items():
        if not figure or isinstance(one, Mapping):
            yield from flat_figures(one, f"{path}, {plain(name)}" if path else plain(name))


def _is_figure(value: Figures) -> bool:
    return any(name in value for name in MAIN) and any(name in value for name in INTERVALS)


def _figure_words(value: Figures) -> str:
    """A figure with its intervals and its numbers, such as ``0.58 (0.51 to 0.65); 4 readers``."""
    if set(value) == {"count", "of", "share", "interval"}:
        return with_count(dict(value))
    main = next(name for name in MAIN if name in value)
    called = "" if main in ("estimate", "share") else f"{plain(main)} "
    counted = f"{value['count']} of {value['of']}: " if "count" in value and "of" in value else ""
    ends = [
        f"{words}{_number(value[name][0])} to {_number(value[name][1])}"
        for name, words in INTERVALS.items()
        if isinstance(value.get(name), Sequence) and len(value[name]) == 2
    ]
    numbers = [f"{value[name]} {name}" for name in COUNTS if isinstance(value.get(name), int)]
    rest = [
        f"{plain(name)} {_value_words(one)}" for name, one in value.items() if name in BESIDE and name != main
    ]
    return "; ".join(
        [f"{called}{counted}{_number(value[main])} ({', '.join(ends)})", *rest, ", ".join(numbers)]
    ).removesuffix("; ")


def _value_words(value: Any) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        if len(value) > MOST_VALUES or any(isinstance(one, (Mapping, list, tuple)) for one in value):
            return f"{len(value)} values, see analysis.json"
        return ", ".join(map(_value_words, value)) or "none"
    return _number(value) if isinstance(value, float) else NONE if value is None else setting(value)


def _number(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return NONE if value is None else str(value)
    if isinstance(value, int):
        return f"{value:,}"
    # A true minus sign: no line breaks after it.
    return (
        f"{value:.3f}" if abs(value) >= 0.0005 else "0.000" if abs(value) < 1e-9 else f"{value:.1g}"
    ).replace("-", "−")


def plain(name: Any) -> str:
    """A name of JSON for people."""
    return str(name).replace("_", " ")
