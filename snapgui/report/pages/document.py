"""A report before it is a page: what is said, in which order. HTML and PDF are drawn from the same record, so
they cannot differ.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from snapgui.report.bundle.manifest import NOTICE
from snapgui.runs.verdict import Card
from snapgui.words import setting

# Blanks inside a number with its unit, and inside an interval: there no line breaks.
_TIES = re.compile(r"(?<=[<>]) (?=\d)|(?<=\d) (?=%)|(?<=\d) (?=to [\d+−-])|(?<=\d to) (?=[\d+−-])")


def tied(text: str) -> str:
    """The text with no-break blanks where a number must stay on one line."""
    return _TIES.sub("\u00a0", text)


@dataclass(frozen=True)
class Table:
    """Rows of words under column names; the first column names the row."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    title: str = ""
    note: str = ""


@dataclass(frozen=True)
class Picture:
    """A PNG.

    Attributes:
        width_px: as shown, at 96 px an inch.
        exact: pixels are repeated and never blended; ``width_px`` is a multiple of the picture's own width.
    """

    png: bytes
    caption: str
    width_px: int
    exact: bool = False


@dataclass(frozen=True)
class Section:
    """A heading with sentences, pictures and tables below it, in this order."""

    title: str
    sentences: tuple[str, ...] = ()
    pictures: tuple[Picture, ...] = ()
    tables: tuple[Table, ...] = ()


@dataclass(frozen=True)
class Document:
    """A report.

    Attributes:
        title: what it is about, with its name.
        verdict: what came out, in a sentence or two; may be empty where there is a card.
        beside: what must be read together with the verdict: controls, area, centre.
        text: provenance, for the file's own metadata.
        card: the verdict on one altered picture, above all else.
    """

    title: str
    verdict: str
    beside: tuple[str, ...]
    sections: tuple[Section, ...]
    text: Mapping[str, str] = field(default_factory=dict)
    notice: str = NOTICE
    card: Card | None = None


def settings_table(title: str, values: Mapping[str, Any]) -> Table:
    """Settings by name; a setting with parts is spread over several rows."""
    rows: list[tuple[str, ...]] = []
    for name, value in values.items():
        if isinstance(value, Mapping):
            rows += [(f"{_plain(name)}, {_plain(part)}", setting(inner)) for part, inner in value.items()]
        else:
            rows.append((_plain(name), setting(value)))
    return Table(("Setting", "Value"), tuple(rows), title)


def _plain(name: str) -> str:
    return str(name).replace("_", " ")
