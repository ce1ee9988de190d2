"""The workbench's filmstrip: which picture, from the demo, a folder or a file."""

from pathlib import Path

import streamlit as st

from snapgui.data.demo import DemoPatch
from snapgui.engine.images import WINDOW_PX, decode_told, read_pixels
from snapgui.engine.victim.victim import Victim
from snapgui.errors import SnapError
from snapgui.ui import resources
from snapgui.ui.filmstrip.batch import batch_controls
from snapgui.ui.filmstrip.folder import choose_from_folder
from snapgui.ui.filmstrip.resources import list_demo_patches
from snapgui.ui.parts import words
from snapgui.ui.parts.gallery import Thumbnail, gallery
from snapgui.ui.parts.pictures import show_pixels
from snapgui.ui.parts.text import plain
from snapgui.ui.pixels import window_overview
from snapgui.ui.state import Choice, SnapState, choose_window, take_picture

SOURCES = ("Demo", "Folder", "File")
OVERVIEW_PX = 200


def choose_image(state: SnapState, victim: Victim | None) -> None:
    """Draw the whole strip; the choice lands in the state, and ticked pictures can be run together."""
    source = st.segmented_control(
        "Where from",
        SOURCES,
        default=SOURCES[0],
        required=True,
        key="image_source",
        persist_state="session",
        label_visibility="collapsed",
        width="stretch",
    )
    if source == "Folder":
        choose_from_folder(state, victim)
    elif source == "File":
        _choose_file(state)
    else:
        _choose_demo(state, victim)
    if state.large_field is not None:
        _choose_window(state)


def _choose_demo(state: SnapState, victim: Victim | None) -> None:
    try:
        patches = {patch.name: patch for patch in list_demo_patches()}
    except SnapError as error:
        st.error(plain(error))
        return
    if not patches:
        st.info("The demo patches are missing from assets/demo. Choose a folder or a file instead.")
        return
    items = [
        Thumbnail(
            name,
            resources.thumbnail(patch.path),
            f"{name}, true class {words.CLASSES[patch.true_class]}",
            f"True class: {words.CLASSES[patch.true_class]}",
        )
        for name, patch in sorted(patches.items(), key=lambda pair: (-pair[1].true_class, pair[0]))
    ]
    # Something lies on the bench from the start, so that every control has a meaning.
    if state.choice is None:
        _take_demo(state, patches[items[0].id])
    shown = state.choice.name if state.choice and state.choice.synthetic else None
    picked, ticked = gallery(items, selected=shown, key="demo_gallery", ticking=True)
    st.caption(
        "Synthetic: they show no patient.",
        help="Made by a program in the likeness of lymph node sections.",
    )
    if picked in patches:
        _take_demo(state, patches[picked])
    batch_controls(state, victim, ticked, lambda name: _of_demo(patches[name]))


def _take_demo(state: SnapState, patch: DemoPatch) -> None:
    try:
        take_picture(state, _of_demo(patch))
    except SnapError as error:
        st.error(plain(error))


def _of_demo(patch: DemoPatch) -> Choice:
    return Choice(read_pixels(patch.path), patch.name, patch.true_class, synthetic=True)


def _choose_file(state: SnapState) -> None:
    upload = st.file_uploader(
        "A picture from this computer",
        key="image_file",
        help="PNG, JPEG, TIFF, WebP or BMP, at most 20 MB. It stays on this computer.",
    )
    if upload is None or state.picked.get("File") == upload.file_id:
        return
    try:
        pixels, told = decode_told(upload.getvalue(), name=upload.name)
        take_picture(state, Choice(pixels, Path(upload.name).name, told=told))
    except SnapError as error:
        st.error(plain(error))
    else:
        state.picked["File"] = upload.file_id


def _choose_window(state: SnapState) -> None:
    whole = state.large_field
    assert whole is not None
    height, width = whole.pixels.shape[:2]
    st.caption(
        f"{plain(whole.name)} is {width:,} x {height:,} px. Choose the window of {WINDOW_PX} px "
        "that the model reads."
    )
    key = f"{whole.name}-{width}-{height}"
    left = _window_slider("From the left, px", width - WINDOW_PX, f"left-{key}")
    top = _window_slider("From the top, px", height - WINDOW_PX, f"top-{key}")
    overview = window_overview(whole.pixels, left=left, top=top, size_px=WINDOW_PX, width_px=OVERVIEW_PX)
    show_pixels(overview, 1, alt=f"{whole.name} with the chosen window framed")
    wanted = f"{whole.name} at {left}, {top}"
    if state.choice is not None and state.choice.name != wanted:
        choose_window(state, left=left, top=top)


def _window_slider(label: str, highest: int, key: str) -> int:
    if highest == 0:
        return 0
    return st.slider(plain(label), 0, highest, highest // 2, key=key, persist_state="session")
