"""Simulated readers for tests: a small study in a store, answered with a known sight for each arm."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from snapgui.study.design.freeze import freeze
from snapgui.study.design.study import make_study
from snapgui.study.records import CHOICES, Kind, Response
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
    odd = {one.source: rng.normal(0, 0.4) for one in stimuli}
    for reader in range(readers):
        sitting, bold = store.begin(store.enrol(name).pseudonym), rng.normal(0, 0.3)
        for trial in sitting.trials[: unfinished if reader == readers - 1 else None]:
            shown = [by_id[one] for one in trial.stimuli]
            sights = [SIGHT[one.arm.name] for one in shown]
            if trial.question == "which":
                inner = (sights[1] - sights[0]) / np.sqrt(2) + rng.normal()
            elif trial.question == "diagnosis":
                inner = (1.0 if shown[0].truth else -1.0) - 0.5 * (shown[0].arm.name == "SNAP") + rng.normal()
            else:
                inner = sights[0] + bold + odd[shown[0].source] - 0.4 + rng.normal()
            inner = rng.normal() if careless and reader == 1 else inner
            rating = int(1 + np.searchsorted([-1, -0.5, 0, 0.5, 1], inner))
            yes = rating > 3
            place = (4.5 if rng.random() < 0.7 else 20.5) if yes and trial.question == "altered" else None
            store.record(
                sitting.id,
                Response(
                    trial.index,
                    CHOICES[trial.question][yes],
                    rating,
                    place,
                    place,
                    float(np.exp(rng.normal(7, 0.4))),
                    trial.exposure_ms and trial.exposure_ms + 8.0,
                ),
            )
    return name
