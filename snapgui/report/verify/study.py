"""The claims of a study's bundle, made again: the frozen design, the answers that belong to it, and the
analysis.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from snapgui.errors import SnapError
from snapgui.report.bundle.manifest import NOTICE, read_json
from snapgui.report.verify.checks import Check, agree, check, check_names, compare
from snapgui.study.analysis.analyse import analyse
from snapgui.study.analysis.rows import TRIALS_FILE, check_rows, read_rows, session_of
from snapgui.study.design.freeze import DESIGN_FILE, read_design
from snapgui.study.design.settings import reasons_to_exclude
from snapgui.study.design.study import Study, made_again
from snapgui.study.records import UNTOUCHED, Response, Trial, is_stimulus_id, stimulus_id
from snapgui.study.store.columns import COLUMNS, Row
from snapgui.study.store.export import imrmc_files, to_csv, trial_columns
from snapgui.study.store.folders import is_study_name, study_name
from snapgui.words import defuse

ANALYSIS_FILE = "analysis.json"
COLUMNS_FILE, IMRMC = "trials.json", ("altered", "diagnosis")
ABOUT = {
    *("format", "tool", "notice", "kind", "name", "design_sha256", "design", "stimuli", "exported_with"),
    "files",
}
WHO = (
    "who answered, what and when (response, rating, times, clicks, comment), the words of exclusion_reasons "
    "and exported_with: no file can show them"
)
# Of a design.
FROZEN = (
    "when the design was frozen, and so whether margin, primary outcome and exclusion rule were chosen "
    "before the first answer: compare its SHA-256 with the one noted then; its title, words to readers, "
    "washout_days, break_every, exposures_ms that no list uses, and truth, files, details and shams of its "
    "pictures: no file can show them"
)
# Measured on the pictures, which a bundle of answers does not hold.
FROM_PICTURES = ("visibility",)
# Sentences, and what has been computed in another way since format 1.
OTHERWISE_SINCE_1 = ("format", "verdict", "methods", "exposure_shown_s")
Read = Callable[[str], bytes]
# What a reader did; the rest of a row follows from the design and from these.
GIVEN = (
    "response",
    "rating",
    "response_time",
    "exposure_shown",
    "click_x",
    "click_y",
    "click_hit",
    "comment",
)


def check_study_claims(manifest: dict[str, Any], names: list[str], read: Read) -> Iterator[Check]:
    """Every claim of a study that can be made again."""
    try:
        study, digest = read_design(read(DESIGN_FILE).decode())
        yield check(
            digest == manifest.get("design_sha256"),
            f"the design is the one frozen, SHA-256 {digest[:12]}",
            f"the design has SHA-256 {digest[:12]}; manifest.json states another",
        )
        yield from check_design(study, digest, manifest.get("name"))
        text = read(TRIALS_FILE).decode()
        rows = read_rows(text)
        check_rows(rows, study)
        if to_csv(list(COLUMNS), rows) != text:
            words = (
                "other columns or spellings than this version writes, which other programs may read otherwise"
            )
            yield Check("stated", f"{TRIALS_FILE} has {words}")
        yield Check("holds", f"all {len(rows):,} answers belong to trials of the design")
        yield from check_answers(rows, study)
        yield from _other_files(manifest, study, rows, names, read)
    except (SnapError, ValueError, KeyError, IndexError, TypeError) as error:
        yield Check("fails", f"the answers and their design belong together: {error}")
        return
    if ANALYSIS_FILE not in names:
        absent = f"{ANALYSIS_FILE}: it is not in the bundle; " if rows else ""
        yield Check("stated", absent + WHO)
        return
    stated = read_json(read(ANALYSIS_FILE), ANALYSIS_FILE)
    try:
        measured = analyse(rows, study)
    except SnapError as error:
        yield Check("fails", f"the analysis can be made from the answers: {error}")
        return
    earlier = stated.get("format") == 1
    if not earlier:
        yield Check("stated", WHO)
    again = _as_before(measured) if earlier else measured
    told = _as_before(stated, again) if earlier else stated
    other = [
        part for part in again if part not in FROM_PICTURES and not agree(told.get(part), again[part], 1e-6)
    ]
    if not earlier:
        other += sorted(str(part)[:30] for part in set(stated) ^ set(measured))[:20]
    yield check(
        not other,
        f"{ANALYSIS_FILE}, made again from the answers, is the same"
        + (" in all numbers that are made today" if earlier else ""),
        f"{ANALYSIS_FILE}, made again from the answers, differs in {', '.join(other)}",
    )
    if earlier:
        yield Check(
            "unchecked",
            f"{ANALYSIS_FILE}: an earlier version wrote it, so neither its sentences nor the numbers "
            f"that are made otherwise today or no longer; nor {WHO}",
        )
    for part in FROM_PICTURES:
        if not agree(stated.get(part), measured.get(part), 1e-6):
            yield Check(
                "unchecked",
                f"{ANALYSIS_FILE}, {part}: it was measured on pictures that are not in the bundle",
            )


def _other_files(
    manifest: dict[str, Any], study: Study, rows: list[Row], names: list[str], read: Read
) -> Iterator[Check]:
    """What stands beside answers and design: no further files, and tables that follow from the answers."""
    again = {name: text.encode() for question in IMRMC for name, text in imrmc_files(rows, question).items()}
    optional = {ANALYSIS_FILE, COLUMNS_FILE, *again}
    yield from check_names(names, {DESIGN_FILE, TRIALS_FILE}, optional)
    same = (manifest.get("design"), manifest.get("stimuli")) == (study.settings.kind, len(study.stimuli))
    yield compare(
        same and manifest.get("notice") == NOTICE,
        "manifest.json and the design agree in kind and number of pictures",
        "manifest.json and the design differ in kind, number of pictures or notice",
    )
    if COLUMNS_FILE in names:
        same = read_json(read(COLUMNS_FILE), COLUMNS_FILE) == COLUMNS
        words = f"{COLUMNS_FILE} explains the columns" + ("" if same else " otherwise than they are here")
        yield Check("holds" if same else "unchecked", words)
    for name in sorted(set(again) & set(names)):
        yield check(read(name) == again[name], f"{name} follows from the answers")
    unknown = [str(name)[:30] for name in sorted(set(manifest) - ABOUT)]
    if unknown:
        yield Check(
            "stated", f"{', '.join(unknown[:20])} of manifest.json: this version knows no such fields"
        )


def _as_before(part: Any, like: Any = None) -> Any:
    """A part of an analysis without what is made otherwise since format 1, nor what another lacks."""
    if isinstance(part, Mapping):
        return {
            name: _as_before(value, like[name] if isinstance(like, Mapping) else None)
            for name, value in part.items()
            if name not in OTHERWISE_SINCE_1 and (not isinstance(like, Mapping) or name in like)
        }
    if isinstance(part, list):
        likes = like if isinstance(like, list) and len(like) == len(part) else [None] * len(part)
        return [_as_before(value, other) for value, other in zip(part, likes, strict=True)]
    return part


def check_design(study: Study, digest: str, name: Any) -> Iterator[Check]:
    """What a design says of itself: its name, its pictures' names, its lists and its primary outcome."""
    if is_study_name(str(name)):
        yield compare(
            name == study_name(digest),
            "the study is called after its design",
            f"the study is called {str(name)[:40]}, and this design is of {study_name(digest)}",
        )
    else:
        yield Check("stated", f"the name of the study, {str(name)[:40]}: it is not one that the store gives")
    seed = study.settings.seed
    other = [
        one.id
        for one in study.stimuli
        if one.id != stimulus_id(seed, one.use, one.source, one.arm.name)
        or one.arm.altered == (one.arm.name == UNTOUCHED.name)
    ]
    if len(other) < len(study.stimuli) or all(is_stimulus_id(one) for one in other):
        yield compare(
            not other,
            f"the names of its {len(study.stimuli)} pictures follow from seed, use, source and arm",
            f"the names of {len(other)} pictures do not follow from seed, use, source and arm, the first of "
            f"them {other[0][:40] if other else ''}",
        )
    else:
        yield Check("stated", "seed, uses, sources and arms: the names of the pictures are of another kind")
    again = made_again(study)
    if study.primary is None:
        yield Check("stated", "the primary outcome: the design, as those of earlier versions, names none")
    else:
        yield compare(
            study.primary == again.primary,
            "the primary outcome is the one that kind and margin ask for",
            "the primary outcome is not the one that kind and margin ask for",
        )
    if _in_order(again) == _in_order(study):
        words = "seed, settings and pictures give the same lists"
        yield Check("holds", f"{words}, practice by its sources")
    else:
        yield Check(
            "unchecked",
            "the lists of the design: seed, settings and pictures give others, so they were changed or made "
            "by another version",
        )
    yield Check("stated", FROZEN)


def _in_order(study: Study) -> list[list[list[Trial]]]:
    """The lists, practice by its sources: which of their arms it shows hangs on an order that is not kept."""
    stimuli = study.by_id()
    return [
        [
            [
                replace(trial, stimuli=tuple(stimuli[name].source for name in trial.stimuli))
                if trial.role == "practice"
                else trial
                for trial in trials
            ]
            for trials in sessions
        ]
        for sessions in study.lists
    ]


def check_answers(rows: Sequence[Row], study: Study) -> Iterator[Check]:
    """One line: trial, truth, right answer and exclusion of every row follow from the design, or do not."""
    wrong: list[str] = []
    stimuli = study.by_id()
    sessions: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        sessions.setdefault((str(row["participant_id"]), str(row["session_id"])), []).append(row)
    for (reader, session), own in sessions.items():
        trials = study.lists[own[0]["list"]][session_of(own[0])]
        by_index = {trial.index: trial for trial in trials}
        for row in own:
            trial = by_index.get(row["trial_index"])
            if trial is None or row["list"] != own[0]["list"]:
                wrong.append(f"trial {row['trial_index']} of {reader}, {session}, is none of the design")
                continue
            designed = trial_columns(trial, _response(row), stimuli, {})
            differ = [
                name
                for name, value in designed.items()
                if name not in GIVEN and row[name] != (defuse(value) if isinstance(value, str) else value)
            ]
            if differ:
                place = f"trial {row['trial_index']} of {reader}, {session}"
                wrong.append(f"{place}, has another {', '.join(differ)}")
        wrong += _exclusion(study, trials, own, f"{reader}, {session}")
    yield compare(
        not wrong,
        f"trials, truth, right answers and exclusions of all {len(rows):,} answers follow from the design",
        f"answers contradict the design: {'; '.join(wrong[:5])}",
    )


def _exclusion(study: Study, trials: Sequence[Trial], rows: Sequence[Row], who: str) -> list[str]:
    responses = [_response(row) for row in rows]
    reasons = reasons_to_exclude(study.settings.exclusion, trials, responses, study.by_id())
    if any(bool(row["excluded"]) != bool(reasons) for row in rows):
        return [f"{who}, is {'not ' if reasons else ''}excluded, against the rule of the design"]
    return []


def _response(row: Row) -> Response:
    seconds = row["response_time"]
    return Response(
        row["trial_index"],
        row["response"],
        rating=row["rating"],
        reaction_ms=None if seconds is None else seconds * 1000,
    )
