"""The matrices in the workspace: choose one, read it, take it away."""

from contextlib import suppress

import streamlit as st

from snapgui.errors import SnapError
from snapgui.transfer.read import (
    SavedMatrix,
    delete_matrix,
    find_matrices,
    matrices_folder,
    read_matrix,
)
from snapgui.transfer.words import (
    KIND_WORDS,
    area_words,
    kinds_of,
    matrix_rows,
    methods_words,
    robust_words,
    subject_words,
    transfer_csv,
)
from snapgui.ui.parts.charts import show_chart
from snapgui.ui.parts.text import plain, plain_list, plain_rows
from snapgui.ui.transfer.chart import matrix_chart
from snapgui.words import counted, shorten

CHOICE = "transfer_choice"


def any_matrix() -> bool:
    """Whether the workspace holds a matrix, finished or not."""
    try:
        return bool(find_matrices(matrices_folder()))
    except SnapError:
        return False


def show_matrices() -> None:
    """Draw the list, newest first, and the chosen matrix."""
    try:
        folders = {folder.name: folder for folder in find_matrices(matrices_folder())}
    except SnapError as error:
        st.error(plain(error))
        return
    if not folders:
        st.info(
            "No matrix is saved yet. Choose a labelled data set and two or more models above and press Run "
            "matrix."
        )
        return
    read = {name: _read(name) for name in folders}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            f"{counted(len(folders), 'matrix', 'matrices')}, the newest first; times are UTC",
            list(folders),
            key=CHOICE,
            format_func=lambda name: _label(name, read[name]),
        )
        with st.popover("Delete", key="transfer-delete"):
            st.write("The matrix and its pictures are removed from the disk.")
            st.button("Delete for good", key="transfer-delete-now", on_click=_delete, args=(chosen,))
    matrix = read[chosen]
    if isinstance(matrix, str):
        st.error(plain(matrix))
    elif matrix.summary is None:
        st.info("This matrix is not complete. Run the same one again above: what is done is kept.")
    else:
        _show(matrix)


def _show(matrix: SavedMatrix) -> None:
    summary = matrix.summary
    assert summary is not None
    with st.container(horizontal=True, vertical_alignment="bottom"):
        preset = st.segmented_control(
            "Preset", summary["presets"], default=summary["presets"][0], required=True, key="transfer_preset"
        )
        kinds = kinds_of(summary, preset)
        kind = st.segmented_control(
            "Shown",
            kinds,
            default=kinds[0],
            required=True,
            key="transfer_kind",
            help=plain_list(f"{name}: {KIND_WORDS[name]}" for name in kinds),
        )
    show_chart(matrix_chart(summary, preset, kind), key="transfer_chart")
    st.caption(
        plain(
            f"Per cent of the metastases that the model of the column calls normal; patches were made on the "
            f"model of the line. {subject_words(summary)} {area_words(summary, preset)}"
        )
    )
    sentences = [words for words in robust_words(summary) if words.startswith(f"{preset}:")]
    if sentences:
        st.markdown("**Which model is harder to fool?**")
        st.markdown(plain_list(words.partition(": ")[2] for words in sentences))
    with st.expander("Numbers with their intervals"):
        head, *rows = matrix_rows(summary, preset, kind)
        columns = {title: [row[n] for row in rows] for n, title in enumerate(head)}
        st.table(plain_rows(columns), hide_index=True)
    with st.container(horizontal=True):
        st.download_button(
            "Numbers (CSV)",
            transfer_csv(summary),
            f"{matrix.folder.name}.csv",
            "text/csv",
            key="transfer_csv",
            on_click="ignore",
        )
    with st.expander("Methods paragraph"):
        st.markdown(plain(methods_words(matrix.about, summary)))


def _read(name: str) -> SavedMatrix | str:
    try:
        return read_matrix(matrices_folder() / name)
    except SnapError as error:
        return str(error)


def _label(name: str, matrix: SavedMatrix | str) -> str:
    if isinstance(matrix, str):
        return f"{name}, damaged"
    about = matrix.about
    models = counted(len(about["models"]), "model")
    state = "" if matrix.summary is not None else ", not complete"
    return f"{shorten(str(about['data']))}, {models}, {str(about['started'])[:16].replace('T', ' ')}{state}"


def _delete(name: str) -> None:
    # Another window may have deleted it already.
    with suppress(SnapError):
        delete_matrix(matrices_folder(), name)
