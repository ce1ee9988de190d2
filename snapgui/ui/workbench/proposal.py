"""Cells are proposed: how many, how large, scattered or where the model looks."""

from dataclasses import replace

import streamlit as st

from snapgui.engine.cells.outlines import draw_mask
from snapgui.engine.cells.placement import place_cells
from snapgui.engine.cells.proposals import propose_cells
from snapgui.engine.settings import CENTRES, PLACEMENTS, AttackSettings, CellSettings
from snapgui.engine.victim.victim import ModelCard, Victim
from snapgui.errors import MaskError, SnapError
from snapgui.ui.parts import words
from snapgui.ui.parts.controls import control
from snapgui.ui.state import Choice, MaskChoice, SnapState, bench_settings, set_mask
from snapgui.words import PLACEMENT_WORDS


def size_controls(state: SnapState) -> None:
    """How much of the picture may change, and in how many cells."""
    left, right = st.columns(2)
    every = state.controls["placement"] == "all_nuclei"
    control(
        left.slider,
        "Area, at most, per cent" if every else "Area, per cent",
        0.5,
        30.0,
        step=0.5,
        format="%.1f",
        key="area",
        help="Share of the image that the cells cover together.",
    )
    control(
        right.slider,
        "Cells",
        1,
        40,
        key="count",
        disabled=every,
        help="How many cells are proposed; with all nuclei, as many as there are.",
    )


def place_controls(state: SnapState) -> bool:
    """Where cells are proposed; True when another proposal is asked for."""
    control(
        st.segmented_control,
        "Placement",
        PLACEMENTS,
        required=True,
        key="placement",
        format_func=PLACEMENT_WORDS.__getitem__,
        help=words.PLACEMENT_HELP,
    )
    control(
        st.segmented_control,
        "Cells in the centre",
        CENTRES,
        required=True,
        key="centre",
        format_func=words.CENTRE_CHOICES.__getitem__,
        help=words.CENTRE_HELP,
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        control(
            st.number_input,
            "Arrangement",
            0,
            9999,
            key="cell_seed",
            width=120,
            help="The seed of the places: another number gives another arrangement, the same number the same "
            "cells.",
        )
        return st.button(
            "Propose cells",
            disabled=state.choice is None,
            help="Replace the mask with a new proposal.",
        )


def update_proposal(state: SnapState, victim: Victim | None, *, pressed: bool) -> None:
    """Propose cells where it was asked for, where there are none, or where what decides a proposal that is on
    the bench has changed.
    """
    if state.choice is None:
        return
    cells, attack = bench_settings(target=state.controls["target"])
    proposed = state.mask is not None and state.mask.source == "proposed" and state.cells_seen is not None
    asked = what_decides(cells, attack, victim)
    if pressed or state.mask is None or (proposed and asked != state.cells_seen):
        with st.spinner("Placing cells"):
            propose(state, state.choice, cells, attack, victim)
    state.cells_seen = asked


def what_decides(
    cells: CellSettings, attack: AttackSettings, victim: Victim | None
) -> tuple[CellSettings, ModelCard | None, AttackSettings | None]:
    """All that decides where cells lie: scattered ones and nuclei are the same whatever model and attack."""
    if victim is None or cells.placement not in ("gain", "trim"):
        return cells, None, None
    # Trim attacks for a few steps of its own; gain looks once at the untouched image.
    short = AttackSettings(target=attack.target)
    if cells.placement == "trim":
        short = replace(
            short,
            gamut=attack.gamut,
            start=attack.start,
            texture=attack.texture,
            bound=attack.bound,
            grid_px=attack.grid_px,
        )
    return cells, victim.card, short


def propose(
    state: SnapState,
    choice: Choice,
    settings: CellSettings,
    attack: AttackSettings,
    victim: Victim | None,
) -> None:
    """Put a proposed mask on the bench; where none can be made, keep what is there and say why."""
    shape = (choice.pixels.shape[0], choice.pixels.shape[1])
    try:
        if victim is not None:
            cells = place_cells(victim, choice.pixels, settings, attack)
        elif settings.placement not in ("gain", "trim"):
            cells = propose_cells(choice.pixels, settings)
        else:
            raise MaskError(
                f"“{PLACEMENT_WORDS[settings.placement]}” asks the model, and none is loaded. "
                "Load one on the Model page, or scatter cells."
            )
    except SnapError as error:
        if state.mask is None:
            set_mask(state, MaskChoice(draw_mask([], shape), "proposed", settings))
        state.mask_error = str(error)
    else:
        set_mask(state, MaskChoice(draw_mask(cells, shape), "proposed", settings))
