"""The light-box: what is shown of an audit's pictures, in which order, and what is done with those ticked."""

from collections.abc import Sequence
from typing import get_args

import streamlit as st

from snapgui.audit.read import FinishedAudit, picture_file
from snapgui.audit.shown import words
from snapgui.audit.shown.tiles import SORTS, Outcome, Tile, filling_names, pick_tiles, slides_of
from snapgui.audit.words import condition_names
from snapgui.data.datasets import PatchSet
from snapgui.errors import SnapError
from snapgui.report.audit.gallery import audit_sheet
from snapgui.report.audit.qupath import audit_geojson
from snapgui.report.pages.contact_sheet import MOST, sheet_png
from snapgui.shipped import PACKAGE
from snapgui.ui.audit.light_box.held import Held
from snapgui.ui.audit.light_box.tiles import Picture, light_box, told_ticks
from snapgui.ui.audit.light_box.viewer import open_viewer
from snapgui.ui.audit.resources import audit_tiles, audited_set, original_uri, stored_uri
from snapgui.ui.parts.downloads import file_button
from snapgui.ui.parts.text import plain
from snapgui.ui.state import SnapState
from snapgui.words import counted, shorten

PAGE = 60
EVERYONE, ALL_CLASSES, ALL_SLIDES = "All", "Both classes", "All slides"
ANY, NO_FILLING = "All", "No control fooled the model"
OUTCOME_WORDS: dict[Outcome, str] = {"all": "All", "fooled": "Fooled", "not fooled": "Not fooled"}
KEY = "light_box"


@st.fragment
def show_light_box(state: SnapState, audit: FinishedAudit) -> None:
    """Draw the choice, one page of tiles, and what is done with those ticked; a click opens the viewer."""
    tiles = audit_tiles(audit)
    if not tiles:
        st.info("This audit kept no picture: SNAP altered none.")
        return
    patches, trouble = _patches(audit)
    if trouble:
        st.warning(f"{plain(trouble)} The images before the attack cannot be shown or opened.")
    chosen, asked = _choose(audit, tiles)
    held = _held(audit)
    key = f"{KEY}-{audit.folder.name}"
    told = told_ticks(key)
    held.hear(told)
    if not chosen:
        st.info("No picture is like that. Choose All in one of the fields above.")
        return
    row = st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute")
    actions = row.container(horizontal=True, vertical_alignment="center", width="content")
    pages = -(-len(chosen) // PAGE)
    page = row.pagination(pages, key=f"{key}-page-{asked}") if pages > 1 else 1
    shown = chosen[(page - 1) * PAGE : page * PAGE]
    held.begin(f"{asked}, page {page}, {patches is not None}", forgotten=key not in st.session_state)
    pictures = [picture for tile in shown if (picture := _picture(audit, tile, patches)) is not None]
    if len(pictures) < len(shown):
        st.caption(f"{counted(len(shown) - len(pictures), 'picture')} of this page cannot be read.")
    opened = light_box(
        pictures,
        ticked=held.sent,
        occasion=held.occasion,
        key=key,
    )
    with actions:
        _take_along(state, audit, tiles, held)
        _tick_all(chosen, held)
    places = {str(tile.position): place for place, tile in enumerate(chosen)}
    if opened in places:
        held.at = places[opened]
        open_viewer(state, audit, patches, chosen, held)


def _held(audit: FinishedAudit) -> Held:
    held: Held = st.session_state.setdefault(f"{KEY}-held", {}).setdefault(audit.folder.name, Held())
    return held


def _patches(audit: FinishedAudit) -> tuple[PatchSet | None, str]:
    """The audited patches, or why they are gone."""
    try:
        return audited_set(audit), ""
    except SnapError as error:
        return None, str(error)


def _choose(audit: FinishedAudit, tiles: Sequence[Tile]) -> tuple[list[Tile], str]:
    """The fields above the tiles; gives the tiles asked for in their order, and what was asked."""
    classes, slides = audit.about["classes"], slides_of(tiles)
    both = len({tile.label for tile in tiles}) > 1
    names = condition_names(audit.settings)
    also = sorted({name for tile in tiles for name in tile.others}, key=list(names).index)
    places = st.columns([1.6, 1.0, *([1.0] if both else []), *([1.3] if slides else []), 1.8])
    sort = places[0].selectbox("Order", list(SORTS), key=f"{KEY}_sort", persist_state="session")
    outcome: Outcome = (
        places[1].selectbox(
            "Model",
            get_args(Outcome),
            key=f"{KEY}_outcome",
            persist_state="session",
            format_func=OUTCOME_WORDS.__getitem__,
        )
        or "all"
    )
    label, slide = None, ""
    if both:
        said = places[2].selectbox(
            "True class", [ALL_CLASSES, *classes], key=f"{KEY}_class-{audit.folder.name}"
        )
        label = None if said == ALL_CLASSES else classes.index(said)
    if slides:
        said = places[-2].selectbox(
            "Slide", [ALL_SLIDES, *slides], key=f"{KEY}_slide-{audit.folder.name}", format_func=shorten
        )
        slide = "" if said == ALL_SLIDES else said
    condition = places[-1].selectbox(
        "Controls and other changes",
        [ANY, NO_FILLING, *also],
        key=f"{KEY}_also-{audit.folder.name}",
        format_func=lambda name: f"Fooled too: {names[name]}" if name in names else name,
        help="The audit changed each image in other ways too. No control: the same cells in other colours "
        "left the model right, so it was SNAP that fooled it.",
    )
    chosen = pick_tiles(
        tiles,
        sort=sort,
        outcome=outcome,
        label=label,
        slide=slide,
        also="" if condition in (ANY, NO_FILLING) else condition,
        never=filling_names(audit) if condition == NO_FILLING else (),
    )
    return chosen, f"{sort}, {outcome}, {label}, {slide}, {condition}"


def _picture(audit: FinishedAudit, tile: Tile, patches: PatchSet | None) -> Picture | None:
    """What a tile shows; None where the stored picture cannot be read."""
    after = stored_uri(picture_file(audit, tile.picture))
    if not after:
        return None
    return Picture(
        id=str(tile.position),
        after=after,
        before=original_uri(audit, tile, patches),
        name=tile.id,
        words=f"{words.change(audit, tile)}, {words.difference(tile)} CIEDE2000",
        lines=words.lines(audit, tile),
        fooled=tile.fooled,
    )


def _take_along(state: SnapState, audit: FinishedAudit, tiles: Sequence[Tile], held: Held) -> None:
    """What can be done with the ticked pictures."""
    by_position = {str(tile.position): tile for tile in tiles}
    ticked = [by_position[position] for position in held.ticked if position in by_position]
    count = len(ticked)
    if st.button(
        f"Make a study of these {count:,}" if count else "Make a study",
        type="primary",
        key="light_box_study",
        disabled=not count,
        help="Would a person notice? Takes the ticked pictures, with their originals, to a new reader study."
        if count
        else "Tick pictures first.",
    ):
        hand_to_study(state, audit, ticked)
        st.switch_page(PACKAGE / "ui" / "pages" / "studies.py")
    name = audit.folder.name
    chosen = [tile.picture for tile in ticked]
    file_button(
        f"Contact sheet of these {count:,}" if count else "Contact sheet",
        lambda: sheet_png(audit_sheet(audit, pictures=chosen)),
        f"{name}-sheet.png",
        "image/png",
        "audit-sheet",
        f"The ticked pictures before and after on one sheet, at most {MOST}."
        if count
        else "The pictures that fooled the model most surely, before and after on one sheet.",
    )
    file_button(
        "For QuPath",
        lambda: audit_geojson(audit, pictures=chosen),
        f"{name}.geojson.zip",
        "application/zip",
        "audit-geojson",
        f"{'The ticked pictures' if count else 'All pictures'} before and after, each with its cells "
        "and altered pixels as GeoJSON.",
    )


def _tick_all(chosen: Sequence[Tile], held: Held) -> None:
    """Tick or untick everything that is shown, on whatever page of tiles."""
    left = [str(tile.position) for tile in chosen if str(tile.position) not in held.ticked]
    if left:
        st.button(
            f"Tick all {len(chosen):,}",
            key="light_box_all",
            on_click=held.tick,
            args=(left,),
            help="All that the fields above leave, on every page.",
        )
    if held.ticked:
        st.button("Untick all", key="light_box_none", on_click=held.tick, args=((),))
    st.caption("Point at a tile: the original. Click: open it.", width="content")


def hand_to_study(state: SnapState, audit: FinishedAudit, ticked: Sequence[Tile]) -> None:
    """Give the ticked pictures to the next new study."""
    state.study_pictures = audit.folder.name, tuple(tile.picture for tile in ticked)
    state.controls |= {"study_origin": "audit", "study_audit": audit.folder.name, "study_ticked": True}
