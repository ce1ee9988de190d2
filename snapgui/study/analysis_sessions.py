"""Who took part: sessions, what is missing, what was left out and why, catch trials, and each reader alone."""

from collections.abc import Sequence

import numpy as np

from snapgui.statistics import share
from snapgui.study.analysis_detection import found_in
from snapgui.study.analysis_figures import Figures, exact_share, or_none
from snapgui.study.analysis_rows import Table, session_of
from snapgui.study.design import Study
from snapgui.study.detection import two_choice, yes_no
from snapgui.study.export import Row
from snapgui.study.roc import lroc_area, roc_area


def session_figures(rows: Sequence[Row], study: Study) -> list[Figures]:
    """One entry a session: how many trials of its list were answered, catch trials, whether it counts."""
    by_session: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        by_session.setdefault((row["participant_id"], row["session_id"]), []).append(row)
    found = []
    for (reader, session), own in sorted(by_session.items()):
        trials = study.lists[own[0]["list"]][session_of(own[0])]
        answered = {row["trial_index"] for row in own}
        catch = [row["correct"] for row in own if row["role"] == "catch" and row["correct"] is not None]
        found.append({
            "participant_id": reader, "session_id": session, "list": own[0]["list"], "trials": len(trials), "answered": len(own),
            "missing": [trial.index for trial in trials if trial.index not in answered],
            "catch": share(sum(catch), len(catch)) if catch else None,
            "excluded": bool(own[0]["excluded"]), "reasons": own[0]["exclusion_reasons"],
        })
    return found


def reader_figures(table: Table, question: str) -> list[Figures]:
    """Each reader alone, with the intervals of one reader: they speak of other pictures, not of other readers."""
    return [{"participant_id": name, "list": table.lists[r], **_one(table, r, question)} for r, name in enumerate(table.readers)]


def _one(table: Table, r: int, question: str) -> Figures:
    arms: Figures = {}
    untouched = next((arm for arm in table.arms if arm not in table.altered), None)
    for arm in table.altered if question != "diagnosis" else table.arms:
        said = table.second[arm][r][np.isfinite(table.second[arm][r])]
        figures: Figures = {"answers": len(said)}
        if question == "which":
            right = table.correct[arm][r][np.isfinite(table.correct[arm][r])]
            figures["two_choice"] = or_none(two_choice, int(right.sum()), len(right))
        elif question == "diagnosis":
            figures["right"] = exact_share(table.correct[arm][r : r + 1])
        elif untouched is not None:
            calm = table.second[untouched][r][np.isfinite(table.second[untouched][r])]
            counts = int(said.sum()), int((1 - said).sum()), int(calm.sum()), int((1 - calm).sum())
            figures["hit_rate"], figures["false_alarm_rate"] = share(counts[0], len(said)), share(counts[2], len(calm))
            figures["yes_no"] = or_none(yes_no, *counts)
            kinds = [table.rating[name][r][np.isfinite(table.rating[name][r])] for name in (arm, untouched)]
            if len(kinds[0]) == len(said) and len(kinds[1]) == len(calm):
                ratings, truth = np.concatenate(kinds), np.repeat([1, 0], [len(kind) for kind in kinds])
                figures["auc"] = or_none(roc_area, ratings, truth)
                found = found_in(table, arm)
                if found is not None:
                    own = found[r][np.isfinite(found[r])]
                    distances = np.concatenate([np.where(own == 1, 0.0, np.inf), np.full(len(calm), np.nan)])
                    figures["lroc"] = or_none(lroc_area, ratings, truth, distances, radius_px=1)
        arms[arm] = figures
    return {"arms": arms}
