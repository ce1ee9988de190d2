"""Two runs side by side: verdicts, pictures at one zoom, and what differs."""

from html import escape

import streamlit as st

from snapgui.engine.visibility.naturalness import Naturalness, look_of
from snapgui.errors import SnapError
from snapgui.runs.records import RunResult
from snapgui.runs.shelf.differences import Row, Seen, differences
from snapgui.runs.shelf.overview import Overview
from snapgui.runs.store import load_run
from snapgui.runs.verdict import verdict_card
from snapgui.ui.parts.card import show_card
from snapgui.ui.parts.pictures import show_pixels
from snapgui.ui.parts.text import plain
from snapgui.ui.result.resources import saved_naturalness
from snapgui.ui.state import SnapState

AFTER, BEFORE = "After", "Before"
MOST_ZOOM = 5
# Of the page, the share of one picture; the table has the rest. Gaps between them are left free.
SHARES = (1.0, 1.0, 1.15)
GAPS_PX = 60


def show_two(state: SnapState, runs: tuple[Overview, Overview]) -> None:
    """Draw two runs side by side in place of the list."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="runs_bar"):
        st.button("Back to the list", key="runs_back", on_click=_back, args=(state,))
        shown = st.segmented_control(
            "Pictures",
            (AFTER, BEFORE),
            default=AFTER,
            required=True,
            key="runs_pictures",
            label_visibility="collapsed",
            width="content",
        )
    found = [_load(run) for run in runs]
    both = [one for one in found if one is not None]
    if len(both) < 2:
        return
    zoom = shared_zoom(state.page_px, [seen.result for seen in both])
    columns = st.columns(SHARES, gap="medium")
    names = names_of(*runs)
    for column, run, name, seen in zip(columns, runs, names, both, strict=False):
        with column:
            st.html(f'<p class="snap-run-name">{escape(name)}</p>')
            look = look_of(seen.naturalness) if seen.naturalness else None
            show_card(verdict_card(seen.result, look), of=run.run_id)
            pixels = seen.result.request.pixels if shown == BEFORE else seen.result.adversarial
            show_pixels(pixels, zoom, alt=f"{name}, {str(shown).lower()}")
    with columns[2]:
        st.html(differences_table(names, differences(both[0], both[1])))
        st.caption("Outcomes, and the settings that differ. " + plain(_same_picture(both[0], both[1])))


def names_of(first: Overview, second: Overview) -> tuple[str, str]:
    """Names that tell two runs apart: with what they were made with, or else when they were begun."""
    if first.name != second.name:
        return first.name, second.name
    if first.made_with != second.made_with:
        return f"{first.name}, {first.made_with.lower()}", f"{second.name}, {second.made_with.lower()}"
    begun, later = (run.started[5:19].replace("T", " ") for run in (first, second))
    return f"{first.name}, {begun}", f"{second.name}, {later}"


def shared_zoom(page_px: int | None, results: list[RunResult]) -> int:
    """The whole-number zoom at which the widest of the pictures fits its column."""
    column = ((page_px or 1000) - GAPS_PX) * SHARES[0] / sum(SHARES)
    widest = max(result.request.pixels.shape[1] for result in results)
    return max(1, min(MOST_ZOOM, int(column // widest)))


def differences_table(names: tuple[str, str], rows: list[Row]) -> str:
    """The rows as an HTML table."""
    head = "".join(f"<th>{escape(name)}</th>" for name in ("", *names))
    body = "".join(
        f"<tr{'' if first == second else ' class=unlike'}><th>{escape(name)}</th>"
        f"<td>{escape(first)}</td><td>{escape(second)}</td></tr>"
        for name, first, second in rows
    )
    return f'<table class="snap-differences"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def _same_picture(first: Seen, second: Seen) -> str:
    same = first.result.image_sha256 == second.result.image_sha256
    return "Both are of the same picture." if same else "They are of different pictures."


def _load(run: Overview) -> Seen | None:
    """A run with its naturalness; None, with a sentence on the page, where it cannot be read."""
    try:
        result = load_run(run.run_id)
    except SnapError as error:
        st.error(plain(error))
        return None
    return Seen(result, _naturalness(result))


def _naturalness(result: RunResult) -> Naturalness | None:
    try:
        return saved_naturalness(result)
    except SnapError:
        return None


def _back(state: SnapState) -> None:
    """Show the list again (callback)."""
    state.ticked_runs = ()
