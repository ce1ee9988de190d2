"""Do readers agree with each other on the same picture, and with themselves when it comes again?"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

from snapgui.statistics import share
from snapgui.study.analysis.detection import found_in
from snapgui.study.analysis.estimates import Values, exact_share, or_none
from snapgui.study.analysis.rows import Table, session_of
from snapgui.study.design.study import Study
from snapgui.study.records import CHOICES
from snapgui.study.statistics.agreement import cohen, fleiss, repeat_agreement
from snapgui.study.statistics.detection import two_choice, yes_no
from snapgui.study.statistics.roc import lroc_area, roc_area
from snapgui.study.store.columns import Row

LEAST_SHARED = 5


def agreement_estimates(rows: Sequence[Row], question: str) -> Values:
    """Kappas of the main answers, all arms together: Fleiss' of all readers, Cohen's of every pair that
    shares pictures.
    """
    kept = [
        row for row in rows if row["trial_type"] == question and row["role"] == "main" and not row["excluded"]
    ]
    readers = sorted({row["participant_id"] for row in kept})
    place = {name: r for r, name in enumerate(readers)}
    word = CHOICES[question][1]  # type: ignore[index]
    pictures: Mapping[str, list[float]] = defaultdict(lambda: [np.nan] * len(readers))
    sources = {}
    for row in kept:
        # A choice between two is another picture when its sides are changed.
        name = f"{row['stim_id']} {row['stim_left']}"
        sources[name] = row["source_id"]
        if np.isnan(pictures[name][place[row["participant_id"]]]):
            pictures[name][place[row["participant_id"]]] = float(row["response"] == word)
    answers = np.array([pictures[name] for name in sorted(pictures)]).reshape(-1, len(readers))
    shared = answers[np.isfinite(answers).sum(1) > 1] if len(answers) else answers
    clusters = (
        np.array([sources[name] for name in sorted(pictures)])[np.isfinite(answers).sum(1) > 1]
        if len(answers)
        else []
    )
    return {
        "readers": readers,
        "pictures": len(answers),
        "pictures_shared": len(shared),
        "fleiss": or_none(fleiss, shared, clusters=clusters) if len(shared) > 1 else None,
        "pairs": [
            found
            for first, second in combinations(range(len(readers)), 2)
            if (found := _pair(answers, readers, first, second))
        ],
    }


def _pair(answers: np.ndarray, readers: Sequence[str], first: int, second: int) -> Values | None:
    both = answers[np.isfinite(answers[:, [first, second]]).all(1)][:, [first, second]]
    if len(both) < LEAST_SHARED:
        return None
    counts = [[int(((both[:, 0] == a) & (both[:, 1] == b)).sum()) for b in (0, 1)] for a in (0, 1)]
    return {
        "first": readers[first],
        "second": readers[second],
        "pictures": len(both),
        "counts": counts,
        "cohen": cohen(both[:, 0], both[:, 1]),
    }


def repeat_estimates(rows: Sequence[Row]) -> Values | None:
    """First and second answers to repeated trials of the same session, by question; None where there are
    none.
    """
    first = {(row["participant_id"], row["session_id"], row["trial_index"]): row for row in rows}
    pairs = [
        (first[key], row)
        for row in rows
        if row["role"] == "repeat"
        and not row["excluded"]
        and (key := (row["participant_id"], row["session_id"], row["repeat_of"])) in first
    ]
    questions = sorted({row["trial_type"] for _, row in pairs})
    return {
        question: _again([pair for pair in pairs if pair[1]["trial_type"] == question])
        for question in questions
    } or None


def _again(pairs: Sequence[tuple[Row, Row]]) -> Values:
    readers, sources = (sorted({row[name] for _, row in pairs}) for name in ("participant_id", "source_id"))
    same = np.full((len(readers), len(sources)), np.nan)
    for before, again in pairs:
        same[readers.index(again["participant_id"]), sources.index(again["source_id"])] = float(
            before["response"] == again["response"]
        )
    rated = [
        (before["rating"], again["rating"])
        for before, again in pairs
        if before["rating"] is not None and again["rating"] is not None
    ]
    ratings = or_none(repeat_agreement, *np.array(rated).T) if rated else None
    return {
        "same_answer": exact_share(same),
        "ratings": ratings,
        "by_reader": {
            name: {"same": int(np.nansum(same[r])), "of": int(np.isfinite(same[r]).sum())}
            for r, name in enumerate(readers)
        },
    }


def session_estimates(rows: Sequence[Row], study: Study) -> list[Values]:
    """One entry a session: how many trials of its list were answered, obvious pictures, whether it counts."""
    by_session: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        by_session.setdefault((row["participant_id"], row["session_id"]), []).append(row)
    found = []
    for (reader, session), own in sorted(by_session.items()):
        trials = study.lists[own[0]["list"]][session_of(own[0])]
        answered = {row["trial_index"] for row in own}
        catch = [row["correct"] for row in own if row["role"] == "catch" and row["correct"] is not None]
        found.append(
            {
                "participant_id": reader,
                "session_id": session,
                "list": own[0]["list"],
                "trials": len(trials),
                "answered": len(own),
                "missing": [trial.index for trial in trials if trial.index not in answered],
                "catch": share(sum(catch), len(catch)) if catch else None,
                "excluded": bool(own[0]["excluded"]),
                "reasons": own[0]["exclusion_reasons"],
            }
        )
    return found


def reader_estimates(table: Table, question: str) -> list[Values]:
    """Each reader alone, with the intervals of one reader: they speak of other pictures, not of other
    readers.
    """
    return [
        {"participant_id": name, "list": table.lists[r], **_one(table, r, question)}
        for r, name in enumerate(table.readers)
    ]


def _one(table: Table, r: int, question: str) -> Values:
    arms: Values = {}
    untouched = next((arm for arm in table.arms if arm not in table.altered), None)
    for arm in table.altered if question != "diagnosis" else table.arms:
        said = table.second[arm][r][np.isfinite(table.second[arm][r])]
        values: Values = {"answers": len(said)}
        if question == "which":
            right = table.correct[arm][r][np.isfinite(table.correct[arm][r])]
            values["two_choice"] = or_none(two_choice, int(right.sum()), len(right))
        elif question == "diagnosis":
            values["right"] = exact_share(table.correct[arm][r : r + 1])
        elif untouched is not None:
            alarmed = table.second[untouched][r][np.isfinite(table.second[untouched][r])]
            counts = int(said.sum()), int((1 - said).sum()), int(alarmed.sum()), int((1 - alarmed).sum())
            values["hit_rate"], values["false_alarm_rate"] = (
                share(counts[0], len(said)),
                share(counts[2], len(alarmed)),
            )
            values["yes_no"] = or_none(yes_no, *counts)
            kinds = [table.rating[name][r][np.isfinite(table.rating[name][r])] for name in (arm, untouched)]
            if len(kinds[0]) == len(said) and len(kinds[1]) == len(alarmed):
                ratings, truth = np.concatenate(kinds), np.repeat([1, 0], [len(kind) for kind in kinds])
                values["auc"] = or_none(roc_area, ratings, truth)
                found = found_in(table, arm)
                if found is not None:
                    own = found[r][np.isfinite(found[r])]
                    distances = np.concatenate(
                        [np.where(own == 1, 0.0, np.inf), np.full(len(alarmed), np.nan)]
                    )
                    values["lroc"] = or_none(lroc_area, ratings, truth, distances, radius_px=1)
        arms[arm] = values
    return {"arms": arms}
