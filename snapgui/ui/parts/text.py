"""Text that comes from files, shown letter for letter: Streamlit reads Markdown, Plotly HTML."""

import html
import re
from collections.abc import Iterable, Mapping, Sequence

from snapgui.words import as_text

# What opens emphasis, code, links, pictures, HTML, formulas and struck text, wherever it stands.
_ANYWHERE = re.compile(r"[\\`*\[\]<>~$|]|(?<![0-9A-Za-z])_|_(?![0-9A-Za-z])|&(?=#?\w+;)")
# What makes headings, lists and rules at the begin of a line.
_AT_BEGIN = re.compile(r"^(\s?)(#(?=#*(?:\s|$))|[+-](?=\s|$)|[=-](?=[=-]*\s*$)|[0-9]+(?=[.)](?:\s|$)))")
# Addresses, icons and colours are looked for in finished text, where nothing can be escaped: a sign without
# width parts them.
_PARTED = re.compile(
    r"(?i)(?<=https)(?=:)|(?<=http)(?=:)|(?<=ftp)(?=:)|(?<=www)(?=\.)|(?<=:)(?=[\w+-]+[:/\[])|(?=@)"
)
WORD_JOINER = "\u2060"


def plain(text: object) -> str:
    """A text as Markdown that shows it as it is, with its lines, and with the spaces around it, as part of a
    sentence needs them.
    """
    escaped = _ANYWHERE.sub(r"\\\g<0>", _PARTED.sub(WORD_JOINER, as_text(text)))
    return "  \n".join(map(_plain_line, escaped.splitlines()))


def _plain_line(line: str) -> str:
    # Four spaces and a tab would open a block of code.
    line = re.sub(r"^\s+", " ", line)
    return _AT_BEGIN.sub(_escape_begin, line)


def _escape_begin(found: re.Match[str]) -> str:
    before, mark = found.groups()
    return f"{before}{mark}\\" if mark.isdigit() else f"{before}\\{mark}"


def chart_text(text: object) -> str:
    """A text in a chart, where Plotly reads HTML."""
    return html.escape(str(text), quote=False)


def plain_list(texts: Iterable[object]) -> str:
    """Texts as the points of a list."""
    return "\n".join(f"- {plain(text)}" for text in texts)


def plain_rows(rows: Mapping[str, Sequence[object]]) -> dict[str, list[str]]:
    """Columns of a table as `plain` gives their cells and titles."""
    return {plain(name): [plain(cell) for cell in cells] for name, cells in rows.items()}
