"""The matrices, or tables of defences, in the workspace: choose one, delete it."""

from collections.abc import Callable
from contextlib import suppress

import streamlit as st

from snapgui.errors import SnapError
from snapgui.transfer.read import SavedMatrix, delete_matrix, find_matrices, matrices_folder, read_matrix
from snapgui.ui.parts.text import plain
from snapgui.words import counted, shorten


def any_saved(kind: str) -> bool:
    """Whether the workspace holds one, finished or not."""
    try:
        return bool(find_matrices(matrices_folder(), kind))
    except SnapError:
        return False


def show_saved(
    kind: str,
    noun: str,
    nouns: str,
    *,
    empty: str,
    of: Callable[[SavedMatrix], str],
    draw: Callable[[SavedMatrix], None],
) -> None:
    """Draw the list, newest first, and the chosen one.

    Args:
        kind: the first word of its folders.
        noun, nouns: what one, and several, are called.
        empty: what to do where there is none.
        of: says in a few words what one is of.
        draw: draws a finished one.
    """
    try:
        folders = [folder.name for folder in find_matrices(matrices_folder(), kind)]
    except SnapError as error:
        st.error(plain(error))
        return
    if not folders:
        st.info(plain(f"No {noun} is saved yet. {empty}"))
        return
    read = {name: _read(name) for name in folders}

    def label(name: str) -> str:
        saved = read[name]
        if isinstance(saved, str):
            return f"{name}, damaged"
        state = "" if saved.summary is not None else ", not complete"
        began = str(saved.about["started"])[:16].replace("T", " ")
        presets = " and ".join(saved.settings.presets)
        return f"{shorten(str(saved.about['data']))}, {of(saved)}, {presets}, {began}{state}"

    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            plain(f"{counted(len(folders), noun, nouns)}, the newest first; times are UTC"),
            folders,
            key=f"{kind}_choice",
            format_func=label,
        )
        with st.popover("Delete", key=f"{kind}-delete"):
            st.write(plain(f"The {noun} and its pictures are removed from the disk."))
            st.button("Delete for good", key=f"{kind}-delete-now", on_click=_delete, args=(chosen,))
    saved = read[chosen]
    if isinstance(saved, str):
        st.error(plain(saved))
    elif saved.summary is None:
        st.info(
            plain(f"This {noun} is not complete. Ask for the same one again above: what is done is kept.")
        )
    else:
        draw(saved)


def _read(name: str) -> SavedMatrix | str:
    try:
        return read_matrix(matrices_folder() / name)
    except SnapError as error:
        return str(error)


def _delete(name: str) -> None:
    # Another window may have deleted it already.
    with suppress(SnapError):
        delete_matrix(matrices_folder(), name)
