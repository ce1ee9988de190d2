"""A study's exported files as a bundle: answers, data dictionary, design, and the analysis where there is
one.
"""

from collections.abc import Mapping
from pathlib import Path

from snapgui.report.bundle.manifest import make_bundle
from snapgui.study.analysis.analyse import analyse, analysis_text
from snapgui.study.analysis.rows import TRIALS_FILE, read_rows
from snapgui.study.design.freeze import DESIGN_FILE, read_design
from snapgui.study.store.export import export_files
from snapgui.study.store.store import StudyStore


def study_bundle(files: Mapping[str, bytes], name: str) -> bytes:
    """The files of `study.export.export_files` (and ``analysis.json``, if given) with manifest and hashes;
    same files, same bytes.

    Raises:
        StudyError: there is no design among the files, or it was changed after it was frozen.
    """
    study, digest = read_design(files.get(DESIGN_FILE, b"").decode())
    return make_bundle(
        files,
        {
            "kind": "study",
            "name": name,
            "design_sha256": digest,
            "design": study.settings.kind,
            "stimuli": len(study.stimuli),
        },
    )


def study_zip(store: StudyStore, name: str, folder: Path | None = None) -> bytes:
    """A study of the store to take away: answers, design, and the analysis that follows from these two alone.

    With the study's folder, clicks are compared with the masks; raises StudyError where it is damaged.
    """
    files = export_files(store, name, folder)
    rows = read_rows(files[TRIALS_FILE].decode())
    if rows:
        files = files | {"analysis.json": analysis_text(analyse(rows, store.study(name))).encode()}
    return study_bundle(files, name)
