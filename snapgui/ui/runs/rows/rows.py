"""The list of runs: pictures before and after, a tick, and a click that opens; inline, without network and
build step.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import streamlit as st

FOLDER = Path(__file__).parent
_component = st.components.v2.component(
    "snap_runs",
    html=(FOLDER / "rows.html").read_text(encoding="utf-8"),
    css=(FOLDER / "rows.css").read_text(encoding="utf-8"),
    js=(FOLDER / "rows.js").read_text(encoding="utf-8"),
)


@dataclass(frozen=True)
class RunRow:
    """One run as the list shows it.

    Attributes:
        id: of the run.
        name, first, second, outcome, cost: lines of words; ``title`` appears where one points at the row.
        fooled: whether the outcome speaks for the attack.
        before, after: pictures as data URIs; empty where a file is damaged.
    """

    id: str
    name: str
    title: str
    first: str
    second: str
    outcome: str
    fooled: bool
    cost: str
    tags: tuple[str, ...]
    before: str
    after: str


def run_rows(
    rows: Sequence[RunRow],
    *,
    opened: str,
    ticked: Sequence[str],
    page: int,
    key: str,
    on_open: Callable[[str], None],
    on_tick: Callable[[str], None],
) -> None:
    """Draw the list; ``on_open`` and ``on_tick`` are told the run that was clicked, before the page is drawn
    anew.
    """

    def tell(what: str, then: Callable[[str], None]) -> None:
        if run_id := (st.session_state.get(key) or {}).get(what):
            then(run_id)

    _component(
        key=key,
        data={
            "runs": [asdict(row) for row in rows],
            "opened": opened,
            "ticked": list(ticked),
            "page": page,
        },
        on_opened_change=lambda: tell("opened", on_open),
        on_ticked_change=lambda: tell("ticked", on_tick),
    )
