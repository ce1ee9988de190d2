"""The mask editor on the workbench's stage: where pixels may change, drawn, edited or loaded from a file."""

import streamlit as st

from snapgui.engine.cells.outlines import area_fraction, outlines_of, touches_centre, understand_mask
from snapgui.engine.cells.qupath import cells_geojson
from snapgui.engine.images import encode_png
from snapgui.errors import SnapError
from snapgui.ui.parts import words
from snapgui.ui.parts.controls import control
from snapgui.ui.parts.text import plain
from snapgui.ui.pixels import mask_pixels
from snapgui.ui.state import Choice, MaskChoice, SnapState, get_state, redo_mask, set_mask, undo_mask
from snapgui.ui.workbench.canvas import drawn_strokes, mask_canvas, new_strokes
from snapgui.ui.workbench.keys import BRUSH_LEAST_PX, BRUSH_MOST_PX, mask_keys
from snapgui.ui.workbench.strokes import TOOL_COLOURS, Tool, apply_strokes
from snapgui.words import CENTRE_FOUND, counted, per_cent

MAGNIFIED = (1, 2, 3)
CANVAS_KEY = "mask_canvas"
TOOL_HELP: dict[Tool, str] = {
    "Brush": "Paint cells with the mouse. The brush's width is in pixels of the image, about 1 µm each: a "
    "lymphocyte is about 7, a tumour cell 16. Keys [ and ].",
    "Outline": "Draw a closed line around a cell; its inside is marked.",
    "Polygon": "Click corner after corner, then the first corner again.",
    "Erase": "Wipe away what must not change.",
}


def edit_mask(state: SnapState, zoom: int) -> None:
    """Draw the mask of the picture on the bench, ``zoom`` times enlarged, below the tools that change it."""
    choice, mask = state.choice, state.mask
    assert choice is not None
    if zoom != state.canvas_zoom:
        state.canvas_zoom = zoom
        # Strokes on the canvas are in the mask; at another zoom they would lie elsewhere.
        state.canvas_revision += 1
    with st.container(key="stage_bar", gap="xsmall"):
        with st.container(horizontal=True, gap="xsmall", wrap=False):
            tool = st.segmented_control(
                "Draw",
                tuple(TOOL_COLOURS),
                default="Brush",
                required=True,
                key="tool",
                persist_state="session",
                label_visibility="collapsed",
                width="content",
            )
            _magnify(state)
        with st.container(horizontal=True, gap="xsmall", vertical_alignment="center", wrap=False):
            _tools(state, choice, tool)
            mask_keys(state, CANVAS_KEY)
    with st.container(gap=None):
        with st.container(key="stage_line"):
            st.markdown(_mask_words(mask) if mask is not None else "")
        if mask is not None:
            _canvas(state, choice, mask, tool, zoom)
    if state.mask_error:
        st.error(plain(state.mask_error))
    st.caption(TOOL_HELP[tool])


@st.fragment
def _canvas(state: SnapState, choice: Choice, mask: MaskChoice, tool: Tool, zoom: int) -> None:
    """The canvas: a stroke draws the whole page anew; that an emptied one reports itself empty does not."""
    if state.mask is not mask:
        st.rerun()
    with st.container(horizontal=True, horizontal_alignment="center"):
        mask_canvas(
            choice.pixels,
            mask.mask,
            tool=tool,
            brush_px=state.controls["brush_px"],
            zoom=canvas_zoom(state),
            height_px=zoom * mask.mask.shape[0],
            revision=state.canvas_revision,
            key=CANVAS_KEY,
            on_stroke=take_strokes,
        )


def _tools(state: SnapState, choice: Choice, tool: Tool) -> None:
    mask = state.mask
    st.button(
        "",
        icon=":material/undo:",
        key="undo",
        disabled=not state.undo,
        on_click=undo_mask,
        args=(state,),
        help="Undo the last change of the mask. Key Ctrl+Z.",
    )
    st.button(
        "",
        icon=":material/redo:",
        key="redo",
        disabled=not state.redo,
        on_click=redo_mask,
        args=(state,),
        help="Redo it. Key Ctrl+Shift+Z.",
    )
    st.button("Clear", disabled=mask is None or not mask.mask.any(), on_click=_clear, args=(state,))
    _mask_file(state, choice)
    control(
        st.number_input,
        "Brush, px",
        BRUSH_LEAST_PX,
        BRUSH_MOST_PX,
        key="brush_px",
        width=130,
        icon=":material/brush:",
        label_visibility="collapsed",
        disabled=tool not in ("Brush", "Erase"),
    )


def _magnify(state: SnapState) -> None:
    """Let a person look closer: the canvas is then larger than its place, and is scrolled."""
    times = st.segmented_control(
        "Enlarge the canvas",
        MAGNIFIED,
        default=state.magnified,
        required=True,
        key="magnified",
        format_func=lambda times: f"{times} x",
        label_visibility="collapsed",
        width="content",
    )
    if times != state.magnified:
        state.magnified = times
        # Strokes on the canvas are in the mask; at another zoom they would lie elsewhere.
        state.canvas_revision += 1


def canvas_zoom(state: SnapState) -> int:
    """The whole-number zoom of the canvas."""
    return state.canvas_zoom * state.magnified


def _mask_words(choice: MaskChoice) -> str:
    mask = choice.mask
    centre = CENTRE_FOUND["open" if touches_centre(mask) else "excluded"]
    cells = len(outlines_of(mask))
    return (
        f"**Area {per_cent(area_fraction(mask))}** ({int(mask.sum())} px) in {counted(cells, 'cell')}, "
        f"{centre}, {words.SOURCE_WORDS[choice.source]}"
    )


def take_strokes() -> None:
    """Bring new strokes of the canvas into the mask (callback)."""
    state = get_state()
    strokes, state.strokes_seen = new_strokes(drawn_strokes(CANVAS_KEY), state.strokes_seen)
    if strokes and state.mask is not None:
        drawn = state.mask.source == "drawn"
        mask = apply_strokes(state.mask.mask, strokes, zoom=canvas_zoom(state))
        set_mask(state, MaskChoice(mask, "drawn" if drawn else "edited", state.mask.cells))


def _clear(state: SnapState) -> None:
    if state.mask is not None:
        set_mask(state, MaskChoice(state.mask.mask & False, "drawn"))


def _mask_file(state: SnapState, choice: Choice) -> None:
    with st.popover("Mask file"):
        if state.mask is not None:
            st.download_button(
                "Save mask (PNG)",
                encode_png(mask_pixels(state.mask.mask)),
                f"mask-{choice.name}.png",
                "image/png",
                on_click="ignore",
                disabled=not state.mask.mask.any(),
            )
            st.download_button(
                "Save cells (GeoJSON)",
                cells_geojson(state.mask.mask),
                f"cells-{choice.name}.geojson",
                "application/geo+json",
                on_click="ignore",
                disabled=not state.mask.mask.any(),
                help="Annotations, to open on the image in QuPath.",
            )
        upload = st.file_uploader(
            "Load a mask",
            type=["png", "tif", "tiff", "bmp", "webp", "geojson", "json", "roi", "zip"],
            key="mask_file",
            help="White, or labels that are not 0, mark where pixels may change; of a picture with "
            "transparency, what is not transparent. Same size as the image. QuPath's GeoJSON and ImageJ's "
            ".roi or .zip are read too.",
        )
        if upload is not None and state.picked.get("mask") != upload.file_id:
            try:
                mask, words_of_it = understand_mask(
                    upload.getvalue(),
                    shape=(choice.pixels.shape[0], choice.pixels.shape[1]),
                    name=upload.name,
                )
            except SnapError as error:
                st.error(plain(error))
            else:
                state.picked["mask"] = upload.file_id
                set_mask(state, MaskChoice(mask, "imported"))
                st.toast(f"Of {plain(upload.name)}, {plain(words_of_it)} may change: {int(mask.sum())} px.")
                st.rerun()
