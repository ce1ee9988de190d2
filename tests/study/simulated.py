"""Simulated readers for tests: a small study in a store, answered with a known sight for each arm."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from snapgui.study.analysis.analyse import analyse
from snapgui.study.design.freeze import freeze
from snapgui.study.design.settings import StudySettings
from snapgui.study.design.study import make_study
from snapgui.study.records import (
    CHOICES,
    OBVIOUS,
    SHAM,
    SNAP,
    UNTOUCHED,
    Answer,
    Arm,
    Kind,
    Reader,
    ReaderSession,
    Response,
    Stimulus,
    Trial,
)
from snapgui.study.store.export import trial_rows
from snapgui.study.store.store import StudyStore

SIGHT = {"untouched": 0.0, "SNAP": 1.2, "sham": 0.5, "obvious": 5.0}


def answer_study(
    store: StudyStore,
    folder: Path,
    pictures: Callable,
    settings,
    *,
    kind: Kind = "A",
    sources: int = 18,
    readers: int = 6,
    careless: bool = False,
    unfinished: int | None = None,
    seed: int = 0,
) -> str:
    """A study made, frozen and answered; the second reader may be careless, the last may stop after so many
    trials.
    """
    stimuli, files = pictures(sources)
    freeze(make_study(stimuli, replace(settings, kind=kind)), files, folder)
    name, rng = store.create_study(folder), np.random.default_rng(seed)
    by_id = store.study(name).by_id()
    odd = {stimulus.source: rng.normal(0, 0.4) for stimulus in stimuli}
    for reader in range(readers):
        session, bold = store.begin(store.enrol(name).pseudonym), rng.normal(0, 0.3)
        for trial in session.trials[: unfinished if reader == readers - 1 else None]:
            store.record(
                session.id, answer_trial(trial, by_id, rng, bold, odd, careless=careless and reader == 1)
            )
    return name


def answer_trial(
    trial: Trial,
    by_id: Mapping[str, Stimulus],
    rng: np.random.Generator,
    bold: float,
    odd: Mapping[str, float],
    *,
    careless: bool = False,
) -> Response:
    """What a reader of some boldness answers; sources look odd to all."""
    shown = [by_id[name] for name in trial.stimuli]
    sights = [SIGHT[stimulus.arm.name] for stimulus in shown]
    if trial.question == "which":
        inner = (sights[1] - sights[0]) / np.sqrt(2) + rng.normal()
    elif trial.question == "diagnosis":
        inner = (1.0 if shown[0].truth else -1.0) - 0.5 * (shown[0].arm.name == "SNAP") + rng.normal()
    else:
        inner = sights[0] + bold + odd[shown[0].source] - 0.4 + rng.normal()
    inner = rng.normal() if careless else inner
    rating = int(1 + np.searchsorted([-1, -0.5, 0, 0.5, 1], inner))
    yes = rating > 3
    place = (4.5 if rng.random() < 0.7 else 20.5) if yes and trial.question == "altered" else None
    return Response(
        trial.index,
        CHOICES[trial.question][yes],
        rating,
        place,
        place,
        float(np.exp(rng.normal(7, 0.4))),
        trial.exposure_ms and trial.exposure_ms + 8.0,
    )


def analyse_simulated(settings: StudySettings, *, readers: int = 4, sources: int = 12) -> dict[str, Any]:
    """The analysis of a study that was never drawn nor stored, its pictures all alike."""
    stimuli = [
        Stimulus(f"{use}{number}{arm.name}", f"{use}{number}", arm, number % 2, use, {}, details(arm, number))
        for use, count, arms in (
            ("main", sources, (UNTOUCHED, SNAP, SHAM)),
            ("practice", 2, (UNTOUCHED, SNAP, SHAM)),
            ("catch", 2, (UNTOUCHED, OBVIOUS)),
        )
        for number in range(count)
        for arm in arms
    ]
    study, rng = make_study(stimuli, settings), np.random.default_rng(0)
    by_id, odd = study.by_id(), {stimulus.source: rng.normal(0, 0.4) for stimulus in stimuli}
    whole_picture = {stimulus.id: np.ones((24, 24), bool) for stimulus in stimuli}
    sessions = []
    for reader in range(readers):
        who, trials = Reader(f"READ-{reader}", "s", reader), study.lists[reader][0]
        bold = rng.normal(0, 0.3)
        answers = [Answer(answer_trial(trial, by_id, rng, bold, odd), "") for trial in trials]
        sessions.append((ReaderSession(str(reader), who, 0, trials), answers))
    return analyse(trial_rows(study, sessions, whole_picture), study)


def details(arm: Arm, number: int) -> dict[str, Any]:
    """A measure of visibility for altered pictures."""
    return {"mean_change_levels": number + 0.5} if arm.altered else {}
