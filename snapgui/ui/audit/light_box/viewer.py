"""The viewer over the page: one stored picture beside its original, with its numbers in words."""

from collections.abc import Sequence

import streamlit as st

from snapgui.audit.read import FinishedAudit, picture_file, snap_mask
from snapgui.audit.shown import words
from snapgui.audit.shown.tiles import Tile
from snapgui.data.datasets import PatchSet
from snapgui.engine.cells.outlines import Mask
from snapgui.engine.images import read_pixels
from snapgui.errors import SnapError
from snapgui.runs.naturalness import HELP
from snapgui.shipped import PACKAGE
from snapgui.ui import resources
from snapgui.ui.audit.bench import put_on_bench
from snapgui.ui.audit.light_box.held import Held
from snapgui.ui.audit.light_box.pair import pair, pressed
from snapgui.ui.audit.resources import original_uri, stored_uri
from snapgui.ui.parts.card import show_card
from snapgui.ui.parts.text import plain
from snapgui.ui.state import SnapState
from snapgui.words import shorten


def open_viewer(
    state: SnapState, audit: FinishedAudit, patches: PatchSet | None, tiles: Sequence[Tile], held: Held
) -> None:
    """Open the dialog at ``held.at``; the arrow keys go through ``tiles`` as they are sorted."""
    dialog = st.dialog(
        f"Pictures of {plain(shorten(audit.about['data']))}", width="large", on_dismiss="rerun"
    )
    dialog(lambda: _show(state, audit, patches, tiles, held))()


def _show(
    state: SnapState, audit: FinishedAudit, patches: PatchSet | None, tiles: Sequence[Tile], held: Held
) -> None:
    # What was pressed is known before anything is drawn, so that no picture stands under another's words.
    shown, turned = pressed()
    if shown is not None:
        held.at = min(max(int(shown), 0), len(tiles) - 1)
    if turned is not None:
        held.turn(str(tiles[min(int(turned), len(tiles) - 1)].position))
    tile = tiles[held.at]
    with st.container(horizontal=True, vertical_alignment="center"):
        with st.container(key="light_box_card"):
            show_card(words.tile_card(audit, tile), of=tile.id)
        if st.button(
            "Open on the Workbench",
            key="light_box_bench",
            disabled=patches is None,
            help="Puts the original with these cells and the audit's settings there, to try further.",
        ):
            _open_on_bench(state, audit, patches, tile)
    mask, trouble, side = _mask(audit, tile)
    pair(
        original_uri(audit, tile, patches),
        stored_uri(picture_file(audit, tile.picture)),
        mask,
        side_px=side,
        at=held.at,
        of=len(tiles),
        ticked=str(tile.position) in held.ticked,
    )
    if trouble:
        st.error(plain(trouble))
    with st.expander("Measurements and controls"):
        for told in (words.about_look(tile), words.about_controls(audit, tile)):
            st.markdown(plain(told))
        st.caption(f"{plain(_where(tile))}. {HELP}")


def _where(tile: Tile) -> str:
    slide = f", slide {tile.slide}" if tile.slide and tile.slide not in tile.id else ""
    return f"{shorten(tile.id, 44)}{slide}"


def _mask(audit: FinishedAudit, tile: Tile) -> tuple[Mask | None, str, int]:
    """The cells, or why they cannot be shown, and the side of the picture in px."""
    try:
        pixels = read_pixels(picture_file(audit, tile.picture))
        return snap_mask(audit, tile.picture, pixels), "", pixels.shape[1]
    except (SnapError, OSError) as error:
        return None, str(error), 96


def _open_on_bench(state: SnapState, audit: FinishedAudit, patches: PatchSet | None, tile: Tile) -> None:
    if patches is None:
        return
    try:
        put_on_bench(state, audit, patches, dict(tile.row))
    except SnapError as error:
        st.error(plain(error))
    else:
        model = resources.shipped_model() if state.model_path is None else state.model_path
        if model.resolve() != audit.model:
            st.toast("The model that is loaded is not the one of this audit.")
        st.switch_page(PACKAGE / "ui" / "pages" / "workbench.py")
