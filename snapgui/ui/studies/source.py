"""Step 1 of a new study: from which pictures it is made."""

from pathlib import Path

import streamlit as st

from snapgui.audit.read import SavedAudit, audits_folder, read_audit
from snapgui.audit.store import find_audits
from snapgui.errors import SnapError
from snapgui.runs.store import RunSummary, list_runs
from snapgui.study.pictures.material import Material
from snapgui.ui.parts.controls import control, own_control
from snapgui.ui.parts.folders import folder_field
from snapgui.ui.parts.text import plain
from snapgui.ui.state import get_state
from snapgui.ui.studies.resources import study_material
from snapgui.words import counted, shorten

ORIGINS = {"audit": "An audit", "runs": "Saved runs", "pairs": "A folder"}
FOLDER_HELP = (
    "A folder with the folders “untouched” and “altered” in it, pictures of the same names in both. A "
    "folder “mask” (white where they may differ), further folders (each becomes an arm of its name) and "
    "labels.csv (name,label: 0 normal, 1 metastasis) may stand beside them."
)


def choose_material() -> Material | None:
    """Draw the choice and give the pictures; None, with a sentence on the page, where there are none yet."""
    controls = get_state().controls
    if "study_origin" not in controls:
        controls["study_origin"] = _likely_origin()
    origin = control(
        st.segmented_control,
        "Take pictures from",
        list(ORIGINS),
        required=True,
        key="study_origin",
        format_func=ORIGINS.__getitem__,
    )
    try:
        material = {"audit": _from_audit, "runs": _from_runs, "pairs": _from_folder}[origin or "audit"]()
    except (SnapError, OSError) as error:
        st.error(plain(error))
        return None
    if material is not None:
        known = sum(truth is not None for truth in material.truths)
        classes = (
            (
                f", {sum(truth == 1 for truth in material.truths):,} metastases and "
                f"{sum(truth == 0 for truth in material.truths):,} normal"
            )
            if known
            else ""
        )
        unknown = (
            f", the class of {len(material.truths) - known:,} is not known"
            if known < len(material.truths)
            else ""
        )
        count = len(material.names)
        st.markdown(
            f"**{counted(count, 'picture')}** from {plain(shorten(material.label, 48))}"
            f"{plain(classes)}{plain(unknown)}."
        )
        for remark in material.remarks:
            st.caption(plain(remark))
    return material


def _likely_origin() -> str:
    """What there is something of: a finished audit before runs before a folder."""
    try:
        return (
            "audit" if _finished_audits() else "runs" if any(run.flipped for run in list_runs()) else "pairs"
        )
    except SnapError:
        return "pairs"


def _finished_audits() -> dict[str, SavedAudit]:
    return {
        folder.name: audit
        for folder in find_audits(audits_folder())
        if (audit := _finished(folder)) is not None
    }


def _from_audit() -> Material | None:
    audits = _finished_audits()
    if not audits:
        st.info(
            "There is no finished audit. Let one run to its end on the Audit page, or take saved runs or a "
            "folder."
        )
        return None
    controls = get_state().controls
    if controls.get("study_audit") not in audits:
        controls["study_audit"] = next(iter(audits))
    name = control(
        st.selectbox,
        "Audit",
        list(audits),
        key="study_audit",
        format_func=lambda name: _label(audits[name]),
    )
    audit_name, ticked = get_state().study_pictures
    ticked = ticked if audit_name == name else ()
    if ticked:
        fooled_only = False
        if not own_control(
            st.toggle,
            f"Only the {len(ticked):,} ticked",
            key="study_ticked",
            first=True,
            help="The pictures that were ticked on the Audit page, whether they fooled the model or not.",
        ):
            ticked = ()
    else:
        fooled_only = own_control(
            st.toggle, "Only those that fooled the model", key="study_fooled", first=True
        )
    audit = audits[name]
    data = ""
    if not audit.data.is_dir():
        data = folder_field(
            f"The audit's data set is not at {audit.data} any more. Where is it now?",
            key=f"study_data_{name}",
            placeholder="/path/to/data",
            words="The folder to which the data set was moved.",
            begin_with_last=False,
        )
        if not data:
            return None
    return study_material(
        "audit",
        (str(audit.folder),),
        data=data,
        fooled_only=fooled_only,
        pictures=ticked,
    )


def _finished(folder: Path) -> SavedAudit | None:
    try:
        audit = read_audit(folder)
    except SnapError:
        return None
    return audit if audit.finished else None


def _label(audit: SavedAudit) -> str:
    split = f", {audit.settings.split}" if audit.settings.split else ""
    return (
        f"{audit.about['started'][:16].replace('T', ' ')} · {shorten(audit.about['data'])}{split} · "
        f"{audit.images:,} images"
    )


def _from_runs() -> Material | None:
    runs = list_runs()
    if not runs:
        st.info(
            "There is no saved run. Press Run on the Workbench a few times, or take an audit or a folder."
        )
        return None
    fooled = [run for run in runs if run.flipped]
    by_id = {run.run_id: run for run in runs}
    controls = get_state().controls
    controls["study_runs"] = [name for name in controls.get("study_runs", []) if name in by_id]
    chosen = control(
        st.multiselect,
        "Runs",
        list(by_id),
        key="study_runs",
        format_func=lambda run_id: _run_label(by_id[run_id]),
        placeholder=f"all {len(fooled)} that fooled the model" if fooled else "choose runs",
    )
    taken = [by_id[run_id] for run_id in chosen] or fooled
    if not taken:
        st.info("None of the saved runs fooled the model. Choose runs to show them all the same.")
        return None
    return study_material("runs", tuple(str(run.path) for run in taken))


def _run_label(run: RunSummary) -> str:
    return (
        f"{shorten(run.image_name)} · {run.started[5:16].replace('T', ' ')} · "
        f"{'fooled' if run.flipped else 'not fooled'}"
    )


def _from_folder() -> Material | None:
    path = folder_field(
        "Folder on this computer",
        key="study_folder",
        placeholder="/path/to/pairs",
        words=FOLDER_HELP,
        begin_with_last=False,
    )
    if not path:
        st.caption(FOLDER_HELP)
        return None
    return study_material("pairs", (path,))
