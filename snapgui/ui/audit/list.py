"""The audits in the workspace: choose one, continue it, delete it, see what came out."""

from pathlib import Path

import streamlit as st

from snapgui.audit.read import SavedAudit, audits_folder, read_audit, why_not_continued
from snapgui.audit.store import delete_audit, find_audits
from snapgui.audit.words import GROUP_WORDS, settings_words
from snapgui.errors import SnapError
from snapgui.ui import resources
from snapgui.ui.audit.audits import AuditTask
from snapgui.ui.audit.progress import KIND, start_audit
from snapgui.ui.audit.view import show_audit
from snapgui.ui.parts.job import find_job, work_button
from snapgui.ui.parts.text import plain
from snapgui.ui.state import SnapState
from snapgui.words import counted, shorten

CHOICE = "audit_choice"


def show_saved_audits(state: SnapState) -> None:
    """Draw the list, newest first, and the chosen audit."""
    try:
        folders = {folder.name: folder for folder in find_audits(audits_folder())}
    except SnapError as error:
        st.error(plain(error))
        return
    if not folders:
        job = find_job(KIND)
        if job is None or not job.active:
            st.info("No audit is saved yet. Give a labelled data set above and press Run audit.")
        return
    read = {name: _read(folder) for name, folder in folders.items()}
    _bring_to_view(state, folders)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            f"{counted(len(folders), 'audit')}, the newest first; times are UTC",
            list(folders),
            key=CHOICE,
            format_func=lambda name: label_of(name, read[name]),
        )
        _delete(chosen)
    audit = read[chosen]
    if isinstance(audit, str):
        st.error(plain(audit))
    elif audit.finished:
        show_audit(state, audit.folder)
        with st.expander("How this audit was made"):
            st.markdown(plain(_about(audit)))
    else:
        st.caption(plain(_about(audit)))
        _continue(audit)


def any_audit() -> bool:
    """Whether the workspace holds an audit, finished or not."""
    try:
        return bool(find_audits(audits_folder()))
    except SnapError:
        return False


def _read(folder: Path) -> SavedAudit | str:
    """An audit, or why it cannot be read."""
    try:
        return read_audit(folder)
    except SnapError as error:
        return str(error)


def _bring_to_view(state: SnapState, folders: dict[str, Path]) -> None:
    """Choose the audit that just ended, once; forget a choice that is gone."""
    snapshot = resources.registry().snapshot(state.jobs.get(KIND))
    if snapshot is not None and snapshot.result is not None and state.audit_seen != snapshot.job_id:
        state.audit_seen = snapshot.job_id
        st.session_state[CHOICE] = snapshot.result.folder.name
    if st.session_state.get(CHOICE) not in folders:
        st.session_state.pop(CHOICE, None)


def label_of(name: str, audit: SavedAudit | str) -> str:
    """One line of the list."""
    if isinstance(audit, str):
        return f"{name}, cannot be read"
    status = (
        "finished" if audit.finished else f"not finished, {audit.images_done:,} of {audit.images:,} images"
    )
    split = f", {audit.settings.split}" if audit.settings.split else ""
    when = audit.about["started"][:16].replace("T", " ")
    return f"{when} · {shorten(audit.about['data'])}{split} · {audit.images:,} images · {status}"


def _about(audit: SavedAudit) -> str:
    settings = audit.settings
    compared = [
        "controls" if group == "standard" else GROUP_WORDS[group].lower() for group in settings.groups
    ]
    attacked = {"metastasis": "metastases", "normal": "normal patches", "both": "patches of both classes"}[
        settings.source
    ]
    return " · ".join(
        [
            f"Attacked: {attacked}",
            settings_words(settings.cells, settings.attack),
            f"compared: {', '.join(compared)}",
            f"model {audit.about['model']} ({audit.about['model_sha256'][:10]})",
            f"started {audit.about['started'][:16].replace('T', ' ')} UTC",
            audit.folder.name,
        ]
    )


def _continue(audit: SavedAudit) -> None:
    st.markdown(
        f"**Not finished: {audit.images_done:,} of {audit.images:,} images are done.** The table "
        "is made at the end."
    )
    trouble = why_not_continued(audit)
    if trouble:
        st.warning(plain(trouble))
    task = AuditTask(audit.model, audit.data, audit.folder.parent, audit.settings, continues=audit)
    working = resources.registry().active()
    # Which audit one is that began anew is not known before its patches are read: it may be this one.
    busy = any(job.kind == KIND for job in working)
    work_button(
        "Add to the queue" if working and not busy else "Continue",
        task,
        start_audit,
        key="continue_audit",
        ready=not trouble and not busy,
        help="Does the rest with the settings, the data set and the model of its start.",
    )
    if busy and not trouble:
        st.caption("An audit is running or waits. This one can be continued when it has ended.")


def _delete(name: str) -> None:
    working = any(job.kind == "audit" for job in resources.registry().active())
    # A key of its own closes it once this audit is gone: left open, it would offer the next one.
    why_not = "Not while an audit is running." if working else None
    with st.popover("Delete this audit", key=f"delete-{name}", disabled=working, help=plain(why_not)):
        st.markdown(f"This deletes {plain(name)} with its table and its pictures for good.")
        st.button("Delete for good", key="delete_audit", on_click=forget_audit, args=(name,))


def forget_audit(name: str) -> None:
    """Delete an audit (callback)."""
    delete_audit(audits_folder(), name)
    st.session_state.pop(CHOICE, None)
