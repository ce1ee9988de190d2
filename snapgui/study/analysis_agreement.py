"""Do readers agree with each other on the same picture, and with themselves when it comes again?"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

from snapgui.study.agreement import cohen, fleiss, repeat_agreement
from snapgui.study.analysis_figures import Figures, exact_share, or_none
from snapgui.study.export import Row
from snapgui.study.records import CHOICES

LEAST_SHARED = 5


def agreement_figures(rows: Sequence[Row], question: str) -> Figures:
    """Kappas of the main answers, all arms together: Fleiss' of all readers, Cohen's of every pair that shares pictures."""
    kept = [row for row in rows if row["trial_type"] == question and row["role"] == "main" and not row["excluded"]]
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
    clusters = np.array([sources[name] for name in sorted(pictures)])[np.isfinite(answers).sum(1) > 1] if len(answers) else []
    return {
        "readers": readers, "pictures": len(answers), "pictures_shared": len(shared),
        "fleiss": or_none(fleiss, shared, clusters=clusters) if len(shared) > 1 else None,
        "pairs": [found for one, other in combinations(range(len(readers)), 2) if (found := _pair(answers, readers, one, other))],
    }


def _pair(answers: np.ndarray, readers: Sequence[str], one: int, other: int) -> Figures | None:
    both = answers[np.isfinite(answers[:, [one, other]]).all(1)][:, [one, other]]
    if len(both) < LEAST_SHARED:
        return None
    counts = [[int(((both[:, 0] == a) & (both[:, 1] == b)).sum()) for b in (0, 1)] for a in (0, 1)]
    return {"first": readers[one], "second": readers[other], "pictures": len(both), "counts": counts, "cohen": cohen(both[:, 0], both[:, 1])}


def repeat_figures(rows: Sequence[Row]) -> Figures | None:
    """First and second answers to repeated trials of the same session, by question; None where there are none."""
    first = {(row["participant_id"], row["session_id"], row["trial_index"]): row for row in rows}
    pairs = [
        (first[key], row) for row in rows
        if row["role"] == "repeat" and not row["excluded"] and (key := (row["participant_id"], row["session_id"], row["repeat_of"])) in first
    ]
    questions = sorted({row["trial_type"] for _, row in pairs})
    return {question: _again([pair for pair in pairs if pair[1]["trial_type"] == question]) for question in questions} or None


def _again(pairs: Sequence[tuple[Row, Row]]) -> Figures:
    readers, sources = (sorted({row[name] for _, row in pairs}) for name in ("participant_id", "source_id"))
    same = np.full((len(readers), len(sources)), np.nan)
    for one, again in pairs:
        same[readers.index(again["participant_id"]), sources.index(again["source_id"])] = float(one["response"] == again["response"])
    rated = [(one["rating"], again["rating"]) for one, again in pairs if one["rating"] is not None and again["rating"] is not None]
    ratings = or_none(repeat_agreement, *np.array(rated).T) if rated else None
    return {
        "same_answer": exact_share(same), "ratings": ratings,
        "by_reader": {name: {"same": int(np.nansum(same[r])), "of": int(np.isfinite(same[r]).sum())} for r, name in enumerate(readers)},
    }
