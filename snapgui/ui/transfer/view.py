"""A finished matrix: its heat map, what it says in words, and what one can take away."""

import streamlit as st

from snapgui.transfer.read import SavedMatrix
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
from snapgui.ui.parts.downloads import show_methods
from snapgui.ui.parts.text import plain, plain_list, plain_rows
from snapgui.ui.transfer.ask import KIND
from snapgui.ui.transfer.chart import matrix_chart
from snapgui.ui.transfer.saved import show_saved
from snapgui.words import counted


def show_matrices() -> None:
    """Draw the list of matrices, newest first, and the chosen one."""
    show_saved(
        KIND,
        "matrix",
        "matrices",
        empty="Choose a labelled data set and two or more models above and press Run matrix.",
        of=lambda saved: counted(len(saved.about["models"]), "model"),
        draw=_show,
    )


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
    with st.expander("How this was measured"):
        show_methods(methods_words(matrix.about, summary))
