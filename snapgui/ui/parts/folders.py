"""A field for a folder of this computer: the last one, those used before, and a walk through folders."""

import json
from pathlib import Path
from urllib.parse import unquote, urlsplit

import streamlit as st

from snapgui.errors import SnapError
from snapgui.ui.parts.text import plain
from snapgui.ui.state import get_state
from snapgui.words import as_text
from snapgui.workspace import workspace, write_whole

FILE, KEPT, LISTED = "folders.json", 8, 200


def folder_field(label: str, *, key: str, placeholder: str, words: str, begin_with_last: bool = True) -> str:
    """Draw the field, with a list of folders beside it; gives the path, empty where there is none yet.

    A folder that is there is remembered in the workspace and offered on every page.
    """
    folders = get_state().folders
    recent = recent_folders()
    if begin_with_last and key not in folders and recent:
        folders[key] = recent[0]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if st.session_state.get(key, "") != folders.get(key, ""):
            st.session_state[key] = folders.get(key, "")
        typed = st.text_input(
            plain(label),
            key=key,
            placeholder=placeholder,
            help=plain(words),
            on_change=_take_typed,
            args=(key,),
        )
        with st.popover("Browse", key=f"{key}-browse"):
            _browse(key, recent)
    path = typed_path(typed)
    if path and Path(path).is_dir():
        remember_folder(path)
    return path


def typed_path(text: str) -> str:
    """A path as a person pastes it: without quotes and ``file://``, its ``~`` written out."""
    text = text.strip().strip("\"'\u201c\u201d").strip()
    if text.lower().startswith("file:"):
        parts = urlsplit(text)
        text = unquote(parts.path)
        # file:///C:/data is C:/data on Windows.
        if len(text) > 2 and text[0] == "/" and text[2] == ":":
            text = text[1:]
    return str(Path(text).expanduser()) if text else ""


def recent_folders() -> list[str]:
    """Folders used before that are still there, the last one first; none where nothing can be read."""
    try:
        names = json.loads((workspace() / FILE).read_text(encoding="utf-8"))["recent"]
        return [name for name in names if isinstance(name, str) and Path(name).is_dir()]
    except (OSError, ValueError, TypeError, KeyError, SnapError):
        return []


def remember_folder(path: str) -> None:
    """Put a folder first in the list that the workspace keeps; a full disk only forgets it."""
    recent = recent_folders()
    if recent[:1] == [path]:
        return
    kept = [path, *(name for name in recent if name != path)][:KEPT]
    try:
        write_whole(workspace() / FILE, json.dumps({"recent": kept}).encode(), advice="It is not remembered.")
    except SnapError:
        return


def _take_typed(key: str) -> None:
    get_state().folders[key] = st.session_state[key]


def _set(key: str, path: str) -> None:
    get_state().folders[key] = path


def _walk(key: str, path: str) -> None:
    get_state().folders[f"{key}-at"] = path


def _browse(key: str, recent: list[str]) -> None:
    folders = get_state().folders
    for name in recent:
        st.button(plain(name), key=f"{key}-recent-{name}", on_click=_set, args=(key, name))
    present = typed_path(folders.get(key, ""))
    at = Path(folders.get(f"{key}-at") or (present if present and Path(present).is_dir() else Path.home()))
    st.caption(plain(at))
    with st.container(horizontal=True):
        st.button("Up", key=f"{key}-up", on_click=_walk, args=(key, str(at.parent)))
        st.button("Take this folder", key=f"{key}-take", on_click=_set, args=(key, str(at)))
    try:
        inside = sorted(path for path in at.iterdir() if path.is_dir() and not path.name.startswith("."))
    except OSError as error:
        st.caption(f"It cannot be read ({plain(error.strerror)}).")
        return
    if len(inside) > LISTED:
        st.caption(f"The first {LISTED} of {len(inside):,} folders in it:")
    with st.container(height=240, border=False):
        for path in inside[:LISTED]:
            st.button(
                plain(path.name),
                key=f"{key}-in-{as_text(path)}",
                on_click=_walk,
                args=(key, str(path)),
                type="tertiary",
            )
