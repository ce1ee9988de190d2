"""The analysis of a reader study, from nothing but what its export holds: `trials.csv` and `design.json`."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from snapgui.study.analysis.answers import choice_estimates, diagnosis_estimates, time_estimates
from snapgui.study.analysis.detection import detection_estimates
from snapgui.study.analysis.estimates import Values, plain
from snapgui.study.analysis.readers import (
    agreement_estimates,
    reader_estimates,
    repeat_estimates,
    session_estimates,
)
from snapgui.study.analysis.rows import check_rows, read_folder, read_store, tabulate
from snapgui.study.analysis.verdict import SOURCES_OF_METHODS, verdict
from snapgui.study.analysis.visibility import measure_folder, measures_of, visibility_estimates
from snapgui.study.design.freeze import design_text
from snapgui.study.design.study import Study
from snapgui.study.store.columns import Row
from snapgui.study.store.store import StudyStore

FORMAT = 2
QUESTIONS = ("altered", "which", "diagnosis")


def analyse(
    rows: Sequence[Row],
    study: Study,
    *,
    measures: Mapping[str, Mapping[str, float]] | None = None,
) -> Values:
    """All that a study allows to estimate, as plain values; the same rows give the same.

    Args:
        rows: of `trials.csv`, as `analysis_rows.read_rows` gives them.
        study: the frozen design.
        measures: of visibility, by picture; those that the design holds where none are given.

    Raises:
        StudyError: rows that do not belong to the design.
    """
    check_rows(rows, study)
    settings, seed = study.settings, study.settings.seed
    tables = {question: tabulate(rows, question) for question in QUESTIONS}
    altered, which, diagnosis = (tables[question] for question in QUESTIONS)
    main = {question: table for question, table in tables.items() if table is not None}
    seen = measures_of(study) if measures is None else measures
    found: Values = plain(
        {
            "format": FORMAT,
            "study": {
                "title": settings.title,
                "sha256": json.loads(design_text(study))["sha256"],
                "kind": settings.kind,
                "seed": seed,
                "margin": settings.margin,
                "exclusion": settings.exclusion.to_json(),
                "lists": len(study.lists),
                "level": 0.95,
                # Designs of before have neither, and their analyses stay as they were.
                **({"primary": study.primary.to_json()} if study.primary else {}),
                **({"shams": study.shams.to_json()} if study.shams else {}),
            },
            "answers": {
                "rows": len(rows),
                "readers": len({row["participant_id"] for row in rows}),
                "by_role": dict(sorted(Counter(row["role"] for row in rows).items())),
                "counted": {question: sum(_main(row, question) for row in rows) for question in QUESTIONS},
            },
            "sessions": session_estimates(rows, study),
            "detection": detection_estimates(altered, margin=settings.margin) if altered else None,
            "by_exposure": _by_exposure(rows, settings.margin),
            "choices": choice_estimates(which, margin=settings.margin) if which else None,
            "diagnosis": diagnosis_estimates(diagnosis) if diagnosis else None,
            "reaction_times": {
                question: time_estimates([row for row in rows if _main(row, question)], table)
                for question, table in main.items()
            },
            "readers": {question: reader_estimates(table, question) for question, table in main.items()},
            "agreement": {question: agreement_estimates(rows, question) for question in main},
            "repeats": repeat_estimates(rows),
            "visibility": visibility_estimates(
                rows, seen, question="which" if which else "altered", seed=seed
            ),
            "methods": SOURCES_OF_METHODS,
        }
    )
    return found | {"verdict": verdict(found)}


def _main(row: Row, question: str) -> bool:
    return row["trial_type"] == question and row["role"] == "main" and not row["excluded"]


def _by_exposure(rows: Sequence[Row], margin: float) -> list[Values] | None:
    """Design D: detection at each time of exposure that was asked, with the times that were measured."""
    levels = sorted(
        {row["exposure_asked"] for row in rows if row["role"] == "main" and row["exposure_asked"] is not None}
    )
    found = []
    for level in levels:
        own = [row for row in rows if row["exposure_asked"] == level]
        table = tabulate(own, "altered")
        if table is not None:
            shown = sorted(
                row["exposure_shown"]
                for row in own
                if _main(row, "altered") and row["exposure_shown"] is not None
            )
            found.append(
                {
                    "exposure_asked_s": level,
                    "exposure_shown_s": {
                        "n": len(shown),
                        "median": float(np.median(shown)),
                        "lowest": shown[0],
                        "highest": shown[-1],
                    }
                    if shown
                    else None,
                    **detection_estimates(table, margin=margin),
                }
            )
    return found or None


def analyse_folder(folder: Path) -> Values:
    """The analysis of an exported study; its pictures are measured where they lie beside the table.

    Raises:
        StudyError: a file is gone, damaged or does not belong to the others.
    """
    rows, study = read_folder(folder)
    return analyse(rows, study, measures=measures_for(study, folder))


def analyse_store(store: StudyStore, name: str, folder: Path | None = None) -> Values:
    """The analysis of a study of the store, by way of its export; ``folder`` holds its pictures. Raises
    StudyError.
    """
    rows, study = read_store(store, name, folder)
    return analyse(rows, study, measures=measures_for(study, folder))


def measures_for(study: Study, folder: Path | None) -> dict[str, dict[str, float]]:
    """Measures of visibility of a study: of its pictures where they lie in a folder, else those that the
    design holds.
    """
    there = folder is not None and (folder / "stimuli").is_dir()
    return measure_folder(study, folder) if folder is not None and there else measures_of(study)


def analysis_text(analysis: Mapping[str, Any]) -> str:
    """`analysis.json`: the same estimates, the same text."""
    return json.dumps(analysis, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
