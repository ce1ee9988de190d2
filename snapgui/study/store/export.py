"""A study's answers as files: one row per trial, and the table that iMRMC reads."""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from snapgui.engine.cells.outlines import Mask
from snapgui.engine.images import decode_pixels
from snapgui.study.design.freeze import read_file
from snapgui.study.design.settings import reasons_to_exclude
from snapgui.study.design.study import Study
from snapgui.study.records import Answer, ReaderSession, Response, Stimulus, Trial, right_choice
from snapgui.study.store.columns import COLUMNS, MISSING, Row
from snapgui.study.store.store import StudyStore

_FORMULA = tuple("=+-@|%＝＋－＠")


def export_files(store: StudyStore, name: str, folder: Path | None = None) -> dict[str, bytes]:
    """The files of a study by name: ``trials.csv`` and its dictionary, iMRMC tables, ``design.json``.

    The same answers give the same bytes.

    Readers who withdrew are left out. With the study's folder, clicks are compared with the masks.
    """
    study = store.study(name)
    rows = trial_rows(
        study,
        [
            (session, answers)
            for session, answers in store.sessions(name)
            if all(kind != "withdrawn" for kind, _ in store.events(session.id))
        ],
        read_masks(study, folder) if folder else {},
    )
    return {
        "trials.csv": to_csv(list(COLUMNS), rows).encode(),
        "trials.json": (json.dumps(COLUMNS, indent=2, ensure_ascii=False) + "\n").encode(),
        "imrmc_altered.csv": imrmc_csv(rows, "altered").encode(),
        "imrmc_diagnosis.csv": imrmc_csv(rows, "diagnosis").encode(),
        "design.json": store.design(name).encode(),
    }


def read_masks(study: Study, folder: Path) -> dict[str, Mask]:
    """Masks by stimulus; raises StudyError where a file is gone or changed."""
    return {
        stimulus.id: decode_pixels(read_file(folder, stimulus, stimulus.mask)).mean(axis=2) > 127.5
        for stimulus in study.stimuli
        if stimulus.mask in stimulus.files
    }


def trial_rows(
    study: Study, sessions: Iterable[tuple[ReaderSession, Sequence[Answer]]], masks: dict[str, Mask]
) -> list[Row]:
    """One row per answered trial, by reader, session and trial; values are plain, None where there is
    none.
    """
    stimuli, rows = study.by_id(), []
    for session, answers in sessions:
        responses = [answer.response for answer in answers]
        reasons = "; ".join(reasons_to_exclude(study.settings.exclusion, session.trials, responses, stimuli))
        for answer in answers:
            rows.append(
                {
                    "participant_id": session.reader.pseudonym,
                    "session_id": f"ses-{session.number + 1}",
                    "list": session.reader.list_index,
                    **trial_columns(
                        session.trials[answer.response.trial_index], answer.response, stimuli, masks
                    ),
                    "answered": answer.answered,
                    "excluded": int(bool(reasons)),
                    "exclusion_reasons": reasons or None,
                }
            )
    return rows


def trial_columns(
    trial: Trial, response: Response, stimuli: dict[str, Stimulus], masks: dict[str, Mask]
) -> Row:
    """What a row says of a trial of the design and of the answer to it."""
    shown = [stimuli[name] for name in trial.stimuli]
    one = next((stimulus for stimulus in shown if stimulus.arm.altered), shown[0])
    pair = trial.question == "which"
    right = right_choice(trial, stimuli)
    return {
        "trial_index": trial.index,
        "trial_type": trial.question,
        "design": trial.kind,
        "role": trial.role,
        "repeat_of": trial.repeat_of,
        "stim_id": one.id,
        "stim_left": shown[0].id if pair else None,
        "stim_right": shown[1].id if pair else None,
        "source_id": one.source,
        "arm": one.arm.name,
        "altered": int(one.arm.altered),
        "truth": one.truth,
        "model_fooled": None if one.details.get("fooled") is None else int(one.details["fooled"]),
        "response": response.choice,
        "correct_response": right,
        "correct": None if right is None else int(response.choice == right),
        "rating": response.rating,
        "response_time": _seconds(response.reaction_ms),
        "exposure_asked": _seconds(trial.exposure_ms),
        "exposure_shown": _seconds(response.shown_ms),
        "click_x": response.click_x_px,
        "click_y": response.click_y_px,
        "click_hit": _hit(response, masks.get(one.id)) if one.arm.altered else None,
        "comment": response.comment or None,
    }


def _seconds(ms: float | None) -> float | None:
    return None if ms is None else round(ms / 1000, 6)


def _hit(response: Response, mask: Mask | None) -> int | None:
    if mask is None or response.click_x_px is None or response.click_y_px is None:
        return None
    y, x = int(response.click_y_px), int(response.click_x_px)
    return int(y < mask.shape[0] and x < mask.shape[1] and bool(mask[y, x]))


def imrmc_csv(rows: Sequence[Row], question: str) -> str:
    """Ratings as the R package iMRMC reads them: ``readerID,caseID,modalityID,score``, truth first.

    Only main trials of sessions that are not excluded count. For ``altered`` a case is a picture, a modality
    an altered arm (by exposure in design D) whose cases are its own pictures and the untouched ones; for
    ``diagnosis`` a case is a source of known truth and a modality an arm.
    """
    counted = [
        row
        for row in rows
        if row["trial_type"] == question
        and row["role"] == "main"
        and not row["excluded"]
        and row["rating"] is not None
    ]
    truth: dict[str, int] = {}
    scores: list[Row] = []
    arms = sorted({row["arm"] for row in counted if row["altered"]})
    for row in counted:
        case, label = (
            (row["stim_id"], row["altered"]) if question == "altered" else (row["source_id"], row["truth"])
        )
        if label is None:
            continue
        truth[case] = label
        level = "" if row["exposure_asked"] is None else f" {row['exposure_asked'] * 1000:g} ms"
        for arm in arms if question == "altered" and not row["altered"] else [row["arm"]]:
            scores.append(
                {
                    "readerID": row["participant_id"],
                    "caseID": case,
                    "modalityID": f"{arm}{level}",
                    "score": row["rating"],
                }
            )
    known = [
        {"readerID": "truth", "caseID": case, "modalityID": "truth", "score": label}
        for case, label in sorted(truth.items())
    ]
    return to_csv(["readerID", "caseID", "modalityID", "score"], known + scores)


def to_csv(columns: Sequence[str], rows: Iterable[Row]) -> str:
    """Rows as CSV, lines ended by a line feed; None becomes n/a, and text that a spreadsheet would compute is
    defused.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(
        [
            MISSING if row[name] is None else defuse(row[name]) if isinstance(row[name], str) else row[name]
            for name in columns
        ]
        for row in rows
    )
    return stream.getvalue()


def defuse(text: str) -> str:
    """Text with a quote before it if a spreadsheet would take it for a formula; line breaks become spaces."""
    flat = " ".join(text.splitlines()).replace("\t", " ")
    return f"'{flat}" if flat.lstrip().startswith(_FORMULA) else flat
