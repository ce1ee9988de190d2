"""How long an audit may take, by the pace of the last audit or run on this computer, or by a trial."""

import time

import streamlit as st
import torch

from snapgui.audit.read import audits_folder
from snapgui.audit.settings import AuditSettings, conditions_of
from snapgui.audit.store import find_audits, read_summary
from snapgui.engine.images import WINDOW_PX
from snapgui.engine.victim.victim import Victim
from snapgui.errors import SnapError
from snapgui.runs.store import list_runs, load_run
from snapgui.words import duration

OPTIMISED = ("attack", "square", "whole")


def most_steps(settings: AuditSettings, images: int) -> int:
    """Attack steps on single images that an audit makes at most."""
    return images * sum(
        condition.attack.steps * condition.draws
        for condition in conditions_of(settings)
        if condition.kind in OPTIMISED
    )


def estimate_words(settings: AuditSettings, images: int, victim: Victim) -> str:
    """A sentence on the time that an audit of so many attacked images takes at most."""
    pace, source = _pace()
    if pace is None:
        pace, source = _tried_pace(victim.card.sha256, victim), "a trial of this model"
    seconds = most_steps(settings, images) * pace
    return f"At most about {duration(seconds)}, by {source} on this computer."


def _pace() -> tuple[float | None, str]:
    """Seconds for one step on one image, all else that it needs included, and of what."""
    try:
        for folder in find_audits(audits_folder()):
            if (folder / "summary.json").is_file():
                summary = read_summary(folder)
                steps = sum(row.get("image_steps", 0) for row in summary["conditions"])
                if steps and summary.get("seconds"):
                    return summary["seconds"] / steps, "the pace of the last audit"
        for run in list_runs()[:1]:
            if run.steps:
                return load_run(run.run_id).seconds / run.steps, "the pace of the last run"
    except (SnapError, OSError, KeyError, TypeError, AttributeError):
        pass
    return None, ""


@st.cache_data(max_entries=4, show_spinner=False)
def _tried_pace(sha256: str, _victim: Victim) -> float:
    """Seconds of one attack step on one image, tried with a grey one: forwards and backwards, and a third
    more for all else.
    """
    image = torch.full((1, 3, WINDOW_PX, WINDOW_PX), 0.5, device=_victim.mean.device)
    spent = []
    for _ in range(3):
        image = image.detach().requires_grad_(True)
        begin = time.perf_counter()
        _victim(image).sum().backward()
        spent.append(time.perf_counter() - begin)
    return min(spent) * 4 / 3
