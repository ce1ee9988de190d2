"""A finished table of defences: what it means, its numbers, and what one can take away."""

import streamlit as st

from snapgui.transfer.defence_words import alarm_words, defence_rows, methods_words, verdict_words
from snapgui.transfer.read import SavedMatrix
from snapgui.transfer.words import area_words, subject_words, transfer_csv
from snapgui.ui.parts.downloads import show_methods
from snapgui.ui.parts.text import plain, plain_list, plain_rows
from snapgui.ui.transfer.defence_ask import KIND
from snapgui.ui.transfer.saved import show_saved
from snapgui.words import counted


def show_tables() -> None:
    """Draw the list of tables, newest first, and the chosen one."""
    show_saved(
        KIND,
        "table",
        "tables",
        empty="Choose a labelled data set and defences above and press Try defences.",
        of=lambda saved: counted(len(saved.about["models"]) - 1, "defence"),
        draw=_show,
    )


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
    head, *rows = defence_rows(summary, preset)
    st.table(plain_rows({title: [row[n] for row in rows] for n, title in enumerate(head)}), hide_index=True)
    st.caption(
        plain(
            f"{subject_words(summary)} {area_words(summary, preset)} Does not know: patches made on the "
            "undefended model. Knows: made through the defence. Knows another: made through another defence, "
            "the strongest of those. Black box: by scores alone. Sham: the change mirrored within its cells. "
            "Accuracy and time: on untouched patches of both classes."
            f"{alarm_words(summary)}"
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
    with st.expander("How this was measured"):
        show_methods(methods_words(table.about, summary))
