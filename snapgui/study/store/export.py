"""A study's answers as files: one row per trial, and the table that iMRMC reads."""

import csv
import io
import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from snapgui.engine.cells.outlines import Mask
from snapgui.engine.images import decode_pixels
from snapgui.study.design.freeze import check_folder, read_file
from snapgui.study.design.settings import reasons_to_exclude
from snapgui.study.design.study import Study
from snapgui.study.records import Answer, ReaderSession, Response, Stimulus, Trial, right_choice
from snapgui.study.store.columns import COLUMNS, MISSING, Row
from snapgui.study.store.store import StudyStore
from snapgui.words import defuse


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
    tables = {
        name: text.encode()
        for question in ("altered", "diagnosis")
        for name, text in imrmc_files(rows, question).items()
    }
    return {
        "trials.csv": to_csv(list(COLUMNS), rows).encode(),
        "trials.json": (json.dumps(COLUMNS, indent=2, ensure_ascii=False) + "\n").encode(),
        **tables,
        "design.json": store.design(name).encode(),
    }


def read_masks(study: Study, folder: Path) -> dict[str, Mask]:
    """Masks by stimulus; raises StudyError where a file is gone or changed, the design of the folder among
    them.
    """
    check_folder(folder, study)
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


def imrmc_files(rows: Sequence[Row], question: str) -> dict[str, str]:
    """Ratings of one question by name of the file: `imrmc_csv`, and `imrmc_input` where there are any."""
    program = imrmc_input(rows, question)
    return {f"imrmc_{question}.csv": imrmc_csv(rows, question)} | (
        {f"imrmc_{question}.imrmc": program} if program else {}
    )


def imrmc_csv(rows: Sequence[Row], question: str) -> str:
    """Ratings as a data frame for the R package iMRMC: ``readerID,caseID,modalityID,score``, truth first; see
    `imrmc_input` for its program.
    """
    truth, scores = _ratings(rows, question)
    known = [
        {"readerID": "truth", "caseID": case, "modalityID": "truth", "score": label}
        for case, label in truth.items()
    ]
    return to_csv(["readerID", "caseID", "modalityID", "score"], known + scores)


def imrmc_input(rows: Sequence[Row], question: str) -> str:
    """The same ratings as the program iMRMC opens them, an ``.imrmc`` file: how many readers, cases and
    modalities there are, then ``BEGIN DATA:`` and lines of reader, case, modality and score, the truth by
    reader -1. Empty where there are no ratings.

    Other programs that read such files want numbers for readers and cases and names without spaces; lines
    above the data say what they stand for.
    """
    truth, scores = _ratings(rows, question)
    if not scores:
        return ""
    readers, cases, modalities = (
        {name: number for number, name in enumerate(names, start=1)}
        for names in (
            sorted({row["readerID"] for row in scores}),
            truth,
            sorted({row["modalityID"] for row in scores}),
        )
    )
    names = {name: f"{number}_{re.sub(r'[^0-9A-Za-z]+', '_', name)}" for name, number in modalities.items()}
    lines = [f"SNAP Studio: answers to the question '{question}' for iMRMC", ""]
    lines += [f"reader {number} is {_in_header(name)}" for name, number in readers.items()]
    lines += [f"modality {names[name]} is {_in_header(name)}" for name in modalities]
    lines += [f"case {number} is {_in_header(name)}" for name, number in cases.items()]
    altered = sum(truth.values())
    lines += [
        "",
        f"NR: {len(readers)}",
        f"N0: {len(cases) - altered}",
        f"N1: {altered}",
        f"NM: {len(modalities)}",
    ]
    lines += ["", "BEGIN DATA:", *(f"-1,{cases[case]},0,{label}" for case, label in truth.items())]
    lines += [
        f"{readers[row['readerID']]},{cases[row['caseID']]},{names[row['modalityID']]},{row['score']}"
        for row in scores
    ]
    return "\n".join(lines) + "\n"


def _in_header(name: str) -> str:
    """A name on one line, without colons: iMRMC takes ``N0:`` for a number wherever it stands."""
    return " ".join(name.replace(":", " ").split())


def _ratings(rows: Sequence[Row], question: str) -> tuple[dict[str, int], list[Row]]:
    """The truth of each case, and one score a row.

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
    return dict(sorted(truth.items())), scores


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
