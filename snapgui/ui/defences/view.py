"""The tables of defences in the workspace: choose one, read it, take it away."""

from contextlib import suppress

import streamlit as st

from snapgui.errors import SnapError
from snapgui.transfer.defence_words import HEAD, defence_rows, methods_words, verdict_words
from snapgui.transfer.read import SavedMatrix, delete_matrix, find_matrices, matrices_folder, read_matrix
from snapgui.transfer.words import area_words, subject_words, transfer_csv
from snapgui.ui.parts.text import plain, plain_list, plain_rows
from snapgui.words import counted, shorten

KIND = "defend"


def any_table() -> bool:
    """Whether the workspace holds a table, finished or not."""
    try:
        return bool(find_matrices(matrices_folder(), KIND))
    except SnapError:
        return False


def show_tables() -> None:
    """Draw the list, newest first, and the chosen table."""
    try:
        folders = {folder.name: folder for folder in find_matrices(matrices_folder(), KIND)}
    except SnapError as error:
        st.error(plain(error))
        return
    if not folders:
        st.info(
            "No table is saved yet. Choose a labelled data set and defences above and press Try defences."
        )
        return
    read = {name: _read(name) for name in folders}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            f"{counted(len(folders), 'table')}, the newest first; times are UTC",
            list(folders),
            key="defend_choice",
            format_func=lambda name: _label(name, read[name]),
        )
        with st.popover("Delete", key="defend-delete"):
            st.write("The table and its pictures are removed from the disk.")
            st.button("Delete for good", key="defend-delete-now", on_click=_delete, args=(chosen,))
    table = read[chosen]
    if isinstance(table, str):
        st.error(plain(table))
    elif table.summary is None:
        st.info("This table is not complete. Ask for the same one again above: what is done is kept.")
    else:
        _show(table)


def _show(table: SavedMatrix) -> None:
    summary = table.summary
    assert summary is not None
    preset = st.segmented_control(
        "Preset", summary["presets"], default=summary["presets"][0], required=True, key="defend_preset"
    )
    sentences = verdict_words(summary, preset)
    if sentences:
        st.markdown("**What it means**")
        st.markdown(plain_list(sentences))
    st.markdown("**Metastases called normal, by who attacks**")
    rows = defence_rows(summary, preset)
    st.table(plain_rows({title: [row[n] for row in rows] for n, title in enumerate(HEAD)}), hide_index=True)
    st.caption(
        plain(
            f"{subject_words(summary)} {area_words(summary, preset)} Does not know: patches made on the "
            "undefended model. Knows: made through the defence. Black box: by scores alone. Sham: the change "
            "mirrored within its cells. Accuracy and time: on untouched patches of both classes."
        )
    )
    st.download_button(
        "Numbers (CSV)",
        transfer_csv(summary),
        f"{table.folder.name}.csv",
        "text/csv",
        key="defend_csv",
        on_click="ignore",
    )
    with st.expander("Methods paragraph"):
        st.markdown(plain(methods_words(table.about, summary)))


def _read(name: str) -> SavedMatrix | str:
    try:
        return read_matrix(matrices_folder() / name)
    except SnapError as error:
        return str(error)


def _label(name: str, table: SavedMatrix | str) -> str:
    if isinstance(table, str):
        return f"{name}, damaged"
    about = table.about
    defences = counted(len(about["models"]) - 1, "defence")
    state = "" if table.summary is not None else ", not complete"
    return f"{shorten(str(about['data']))}, {defences}, {str(about['started'])[:16].replace('T', ' ')}{state}"


def _delete(name: str) -> None:
    # Another window may have deleted it already.
    with suppress(SnapError):
        delete_matrix(matrices_folder(), name)
