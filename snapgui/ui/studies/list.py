"""The studies that there are: a list, and the chosen one with its address, its files, and a way to delete
it.
"""

from collections.abc import Callable

import streamlit as st

from snapgui.errors import SnapError
from snapgui.report.study.bundle import study_zip
from snapgui.report.study.methods import study_methods
from snapgui.study.design.freeze import read_design
from snapgui.study.design.texts import CONTACT, exclusion_words
from snapgui.study.reading.preview import Preview, preview_frozen
from snapgui.study.store.deletion import delete_study
from snapgui.study.store.folders import has_folder, remove_folder, study_folder
from snapgui.ui.parts.downloads import show_methods
from snapgui.ui.parts.text import plain
from snapgui.ui.studies.resources import reader_servers
from snapgui.ui.studies.serve import show_serving
from snapgui.ui.studies.studies import StoredStudy, about_study, reader_address, stored_studies, study_table
from snapgui.ui.study_store import study_store
from snapgui.words import counted

TryOut = Callable[[Callable[[], Preview]], None]


def show_studies(try_out: TryOut) -> bool:
    """Draw the list, newest first, and the chosen study; gives whether there is any.

    ``try_out`` is a callback that shows a preview.
    """
    if notice := st.session_state.pop("study_notice", ""):
        st.info(plain(notice))
    try:
        studies, damaged = stored_studies(study_store())
    except SnapError as error:
        st.error(plain(error))
        return False
    for sentence in damaged:
        st.error(plain(sentence))
    if not studies:
        return False
    # A new study changes the key, so that it comes to view; the newest is chosen first.
    choice = st.dataframe(
        study_table(studies),
        hide_index=True,
        key=f"studies-{len(studies)}-{studies[0].name}",
        on_select="rerun",
        selection_mode="single-row",
        height="auto" if len(studies) <= 5 else 216,
        selection_default={"selection": {"rows": [0]}},
    )
    rows = [row for row in choice.selection.rows if row < len(studies)]
    if rows:
        _show_study(studies[rows[0]], try_out)
    else:
        st.caption("Click the box at the left of a row to see that study.")
    return True


def _show_study(stored: StoredStudy, try_out: TryOut) -> None:
    settings = stored.study.settings
    st.subheader(plain(settings.title), anchor=False)
    st.caption(plain(about_study(stored)))
    left, right = st.columns([1.4, 1], gap="medium")
    with left:
        _show_address(stored, try_out)
    with right:
        counts = stored.counts
        for place, name, value in zip(
            st.columns(3),
            ("Readers", "Sessions done", "Answers"),
            (counts.readers, counts.sessions_done, counts.responses),
            strict=True,
        ):
            place.metric(plain(name), f"{value:,}")
        if counts.withdrawn:
            st.caption(f"{counted(counts.withdrawn, 'session')} withdrawn and left out of every export.")
        st.caption(plain(exclusion_words(settings.exclusion)))
    _downloads(stored)


def _show_address(stored: StoredStudy, try_out: TryOut) -> None:
    st.markdown("**Address for readers**")
    st.code(
        reader_address(
            st.context.url,
            stored.name,
            port=st.get_option("server.port"),
            base_path=st.get_option("server.baseUrlPath") or "",
        ),
        language=None,
    )
    if not has_folder(stored.name):
        st.warning(
            "The pictures of this study are not in this computer's workspace, so it cannot be read "
            "here. Copy its folder from the computer that froze it."
        )
        return
    if CONTACT in stored.study.settings.consent:
        st.warning(
            "The consent names nobody who is responsible: it still has brackets. Make the study "
            "anew before you ask readers."
        )
    show_serving(stored.name)
    st.button(
        "Try as a reader",
        key="try_stored",
        on_click=try_out,
        args=(lambda: preview_frozen(stored.study, study_folder(stored.name)),),
        help="The first trials as readers see them. Nothing of it is kept; who opens the address instead "
        "counts as a reader.",
    )


def _downloads(stored: StoredStudy) -> None:
    store, name = study_store(), stored.name
    design = store.design(name)
    st.caption(f"SHA-256 of the design: {plain(read_design(design)[1])}")
    with st.container(horizontal=True):
        st.download_button(
            "Design (JSON)",
            design,
            f"{name}-design.json",
            "application/json",
            key="study_design",
            on_click="ignore",
            help="Everything that was fixed: pictures by their SHA-256, arms, lists, seed, texts. It "
            "holds the truth: keep it from readers.",
        )
        st.download_button(
            "Answers (ZIP)",
            lambda: zip_of(name),
            f"{name}.zip",
            "application/zip",
            key="study_export",
            on_click="ignore",
            help="One row per trial (CSV) with an explanation of the columns, the tables for iMRMC, and "
            "the design. The same answers give the same bytes.",
        )
        with st.popover("Methods", key=f"methods-{name}"):
            show_methods(study_methods(stored.study, read_design(design)[1]))
        _delete(stored)


def zip_of(name: str) -> bytes:
    """The export of a study."""
    return study_zip(study_store(), name, study_folder(name) if has_folder(name) else None)


def _delete(stored: StoredStudy) -> None:
    # A key of its own closes it once this study is gone: left open, it would offer the next one.
    with st.popover("Delete this study", key=f"delete-{stored.name}"):
        title, answers = stored.study.settings.title, stored.counts.responses
        if answers:
            st.markdown(
                f"This deletes **{counted(answers, 'answer')} of {counted(stored.counts.readers, 'reader')}**"
                " with the design and the pictures, for good. Download the answers first."
            )
            typed = st.text_input(f"To confirm, type the title: {plain(title)}", key=f"confirm-{stored.name}")
        else:
            st.markdown("This deletes the design and its pictures for good. No reader has answered yet.")
            typed = title
        st.button(
            "Delete for good",
            key="delete_study",
            disabled=typed.strip() != title,
            on_click=_forget,
            args=(stored.name,),
        )


def _forget(name: str) -> None:
    """Delete a study, and stop offering it (callback)."""
    try:
        if reader_servers().offer(name) is not None:
            reader_servers().stop(name)
        delete_study(study_store(), name)
    except SnapError as error:
        st.session_state["study_notice"] = str(error)
        return
    remove_folder(name)
    st.session_state["study_notice"] = f"{name} is deleted."
