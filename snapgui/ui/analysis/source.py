"""Whose answers are looked at: a study of the store, or the two files of an export."""

from dataclasses import dataclass

import streamlit as st

from snapgui.errors import SnapError
from snapgui.study.analysis.rows import TRIALS_FILE
from snapgui.study.design.freeze import DESIGN_FILE
from snapgui.study.store.export import export_files
from snapgui.study.store.folders import has_folder, study_folder
from snapgui.ui.parts.text import plain
from snapgui.ui.study_store import study_store

FILES = "Files of an export"


@dataclass(frozen=True)
class AnalysisSource:
    """The texts of an export, the folder of its pictures where there is one, further files of the export, and
    a name for downloads.
    """

    name: str
    trials: str
    design: str
    folder: str | None
    files: dict[str, bytes]


def choose_answers() -> AnalysisSource | None:
    """Draw the choice; None, with a sentence on the page, where there is nothing to look at yet."""
    try:
        studies = {name: title for name, title in reversed(study_store().studies())}
    except SnapError as error:
        st.error(plain(error))
        studies = {}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            "Study, the newest first",
            [*studies, FILES],
            key="analysis_study",
            width=520,
            format_func=lambda name: FILES if name == FILES else f"{studies[name]} ({name})",
        )
        if chosen != FILES:
            st.button("Recalculate", key="recalculate", help="Include the answers that came since.")
    return _uploaded() if chosen == FILES else _stored(chosen)


def _stored(name: str) -> AnalysisSource | None:
    try:
        folder = study_folder(name) if has_folder(name) else None
        files = export_files(study_store(), name, folder)
    except SnapError as error:
        st.error(plain(error))
        return None
    return AnalysisSource(
        name, files[TRIALS_FILE].decode(), files[DESIGN_FILE].decode(), str(folder) if folder else None, files
    )


def _uploaded() -> AnalysisSource | None:
    given = st.file_uploader(
        f"{TRIALS_FILE} and {DESIGN_FILE} of one export",
        type=["csv", "json"],
        accept_multiple_files=True,
        key="analysis_files",
    )
    texts = {}
    for file in given or []:
        try:
            text = file.getvalue().decode("utf-8-sig")
        except UnicodeDecodeError:
            st.error(
                f"{plain(file.name)} is no text in UTF-8. Choose the {TRIALS_FILE} and the {DESIGN_FILE} "
                "of one export."
            )
            return None
        texts[TRIALS_FILE if file.name.endswith(".csv") else DESIGN_FILE] = text
    if len(texts) < 2:
        st.info(
            f"Choose two files: the {TRIALS_FILE} and the {DESIGN_FILE} that an export holds. "
            "Everything here follows from these two."
        )
        return None
    return AnalysisSource("study", texts[TRIALS_FILE], texts[DESIGN_FILE], None, {})
