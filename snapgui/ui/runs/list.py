"""The list of saved runs: search and filters, a page of rows with both pictures, and what cannot be read."""

import math
from collections.abc import Sequence

import streamlit as st

from snapgui.runs.naturalness import LOOK_WORDS
from snapgui.runs.shelf.choose import NEWEST, ORDERS, Wanted, choose_runs, models_of
from snapgui.runs.shelf.differences import steps_words
from snapgui.runs.shelf.overview import OUTCOMES, Overview
from snapgui.runs.store import delete_run
from snapgui.ui.parts.text import plain
from snapgui.ui.runs.resources import thumbnails
from snapgui.ui.runs.rows.rows import RunRow, run_rows
from snapgui.ui.state import SnapState
from snapgui.words import CENTRE_FOUND, counted, per_cent

PAGE = 24
FOOLED = ("goal reached", "class changed")


def ask_which(runs: Sequence[Overview]) -> list[Overview]:
    """Draw search, filters and order on one line; gives the runs asked for."""
    models = models_of(runs)
    outcomes = [one for one in OUTCOMES if any(run.outcome == one for run in runs)]
    made = sorted({run.made_with for run in runs})
    text, outcome, made_with, model, order = st.columns([1.4, 1, 1, 1, 1], gap="small")
    wanted = Wanted(
        text.text_input(
            "Search",
            key="runs_text",
            type="search",
            placeholder="Name, image or tag",
            label_visibility="collapsed",
            persist_state="session",
        )
        or "",
        _one_of(outcome, "Any outcome", {one: one.capitalize() for one in outcomes}),
        _one_of(made_with, "Any patch", {one: one for one in made}),
        _one_of(model, "Any model", models),
        order.selectbox(
            "Order", list(ORDERS), key="runs_order", label_visibility="collapsed", persist_state="session"
        )
        or NEWEST,
    )
    return choose_runs(runs, wanted)


def _one_of(place: st.delta_generator.DeltaGenerator, anything: str, options: dict[str, str]) -> str:
    """A filter: the option chosen, or empty words for anything."""
    words = {"": anything} | options
    chosen = place.selectbox(
        plain(anything),
        list(words),
        format_func=lambda option: words.get(option, option),
        key=f"runs_{anything.split()[1]}",
        label_visibility="collapsed",
        persist_state="session",
    )
    return chosen or ""


def show_list(state: SnapState, runs: Sequence[Overview], *, of: int, opened: str) -> None:
    """Draw a page of the runs asked for; a click opens one, ticks are for two side by side."""
    few = "" if len(runs) == of else f"{len(runs):,} of "
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        hint = "Tick two to see them side by side." if not state.ticked_runs else "Tick a second one."
        st.caption(f"{plain(few)}{counted(of, 'run')}. {plain(hint)}", width="content")
        pages = max(1, math.ceil(len(runs) / PAGE))
        page = (
            st.pagination(pages, key=f"runs_page-{pages}", max_visible_pages=3, persist_state="session")
            if pages > 1
            else 1
        )
    shown = runs[(page - 1) * PAGE : page * PAGE]
    run_rows(
        [row_of(run) for run in shown],
        opened=opened,
        ticked=state.ticked_runs,
        page=page,
        key="runs_rows",
        on_open=lambda run_id: open_run(state, run_id),
        on_tick=lambda run_id: tick_run(state, run_id),
    )


def row_of(run: Overview) -> RunRow:
    """A run as the list shows it."""
    before, after = run.answers
    look = f", {LOOK_WORDS[run.look].lower()}" if run.look else ""
    colour = "" if run.mean_de00 is None else f", CIEDE2000 {run.mean_de00:.1f} in the mask"
    best = run.best_step if run.best_step == run.steps else f"{run.best_step:,} (of {run.steps:,} run)"
    pictures = thumbnails(run.run_id)
    return RunRow(
        id=run.run_id,
        name=run.name,
        title=(
            f"{run.name}: {run.image_name}, {run.made_with.lower()}, model {run.model_name}, kept step "
            f"{best}, {per_cent(run.area_fraction)} of the pixels, "
            f"{CENTRE_FOUND[run.centre]}{colour}{look}; {run.started[:16].replace('T', ' ')} UTC"
        ),
        first=before,
        second=f"→ {after}",
        outcome=run.outcome.capitalize(),
        fooled=run.outcome in FOOLED,
        cost=f"{run.made_with} · {steps_words(run.best_step, run.steps)} steps",
        tags=run.label.tags,
        before=pictures[0],
        after=pictures[1],
    )


def open_run(state: SnapState, run_id: str) -> None:
    """Show a run beside the list (callback)."""
    state.opened_run, state.ticked_runs = run_id, ()


def tick_run(state: SnapState, run_id: str) -> None:
    """Tick a run, or take its tick away; two at most (callback)."""
    others = tuple(other for other in state.ticked_runs if other != run_id)
    state.ticked_runs = others if run_id in state.ticked_runs else (*others, run_id)[-2:]


def show_damaged(damaged: dict[str, str]) -> None:
    """Name the runs that cannot be read, with a way to delete them."""
    if not damaged:
        return
    with st.expander(
        f"{counted(len(damaged), 'saved run')} cannot be read and {'is' if len(damaged) == 1 else 'are'} "
        "left out"
    ):
        for run_id, why in damaged.items():
            with st.container(horizontal=True, vertical_alignment="center"):
                st.text(why, width="stretch")
                st.button(
                    "Delete for good", key=f"delete-damaged-{run_id}", on_click=delete_run, args=(run_id,)
                )
