"""Which runs a person asks for, and in which order."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from snapgui.runs.shelf.overview import Overview

ORDERS: dict[str, Callable[[Overview], Any]] = {
    "Newest first": lambda run: run.started,
    "Oldest first": lambda run: run.started,
    "Name, A to Z": lambda run: run.name.casefold(),
    "Surest first": lambda run: run.p_after[run.target],
    "Fewest steps first": lambda run: run.best_step,
    "Smallest area first": lambda run: run.area_fraction,
    "Least colour difference first": lambda run: math.inf if run.mean_de00 is None else run.mean_de00,
}
_FALLING = ("Newest first", "Surest first")
NEWEST = "Newest first"


@dataclass(frozen=True)
class Wanted:
    """What a person asks for; an empty word asks for nothing.

    Attributes:
        text: words that all stand in name, image, tags or id.
        outcome, made_with: as `Overview` tells them.
        model: SHA-256 of its weights.
        order: one of `ORDERS`.
    """

    text: str = ""
    outcome: str = ""
    made_with: str = ""
    model: str = ""
    order: str = NEWEST


def choose_runs(runs: Sequence[Overview], wanted: Wanted) -> list[Overview]:
    """The runs asked for, in the order asked for; of equals the newest first."""
    words = wanted.text.casefold().split()
    found = [
        run
        for run in runs
        if all(word in _words_of(run) for word in words)
        and wanted.outcome in ("", run.outcome)
        and wanted.made_with in ("", run.made_with)
        and wanted.model in ("", run.model_sha256)
    ]
    newest = sorted(found, key=lambda run: (run.started, run.run_id), reverse=True)
    return sorted(newest, key=ORDERS[wanted.order], reverse=wanted.order in _FALLING)


def models_of(runs: Sequence[Overview]) -> dict[str, str]:
    """The models that were attacked, by SHA-256, each by a name that no other has."""
    names = {run.model_sha256: run.model_name for run in runs}
    return {
        sha: f"{name} ({sha[:10]})" if list(names.values()).count(name) > 1 else name
        for sha, name in sorted(names.items(), key=lambda item: item[1])
    }


def tags_of(runs: Sequence[Overview]) -> list[str]:
    """Every tag that was given, once."""
    return sorted({tag for run in runs for tag in run.label.tags}, key=str.casefold)


def _words_of(run: Overview) -> str:
    return "\n".join((run.name, run.image_name, *run.label.tags, run.run_id)).casefold()
