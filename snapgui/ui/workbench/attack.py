"""Column 3 of the workbench: what the attack aims at, and the button that starts it."""

from collections.abc import Callable

import streamlit as st

from snapgui.engine.settings import GAMUTS, STARTS, AttackSettings
from snapgui.engine.victim.victim import Victim
from snapgui.runs.records import RunRequest
from snapgui.ui import resources
from snapgui.ui.parts import words
from snapgui.ui.state import Choice, SnapState, bench_settings
from snapgui.ui.workbench.resources import find_findings, predict_pixels
from snapgui.ui.workbench.work import KIND
from snapgui.words import GAMUT_WORDS

Start = Callable[[SnapState, Victim, RunRequest], None]


def attack_controls(state: SnapState, victim: Victim | None, start: Start) -> None:
    """Draw the whole column; the button calls ``start``."""
    st.subheader("3 Attack", anchor=False)
    if victim is None:
        st.caption("No model is loaded, so there is nothing to attack. Load one on the Model page.")
        return
    settings = _settings(state, victim)
    request = _request(state, settings)
    fit = request is not None and _show_findings(victim, request)
    job = resources.registry().snapshot(state.jobs.get(KIND))
    busy = job is not None and job.active
    st.button(
        "Run",
        type="primary",
        width="stretch",
        key="run",
        disabled=busy or not fit,
        on_click=start,
        args=(state, victim, request),
        help="Optimise the colours of all cells together until the model is fooled or the step limit is "
        "reached.",
    )
    if busy:
        st.caption("The attack is running, see below. Stop it or wait for its end.")
    elif request is None:
        st.caption("Choose an image and a mask first.")
    elif any(job.kind == "audit" for job in resources.registry().active()):
        st.caption(
            "An audit is running; this run would wait for its end. Stop it on the Audit page to run now, and "
            "continue it later."
        )


def _settings(state: SnapState, victim: Victim) -> AttackSettings:
    classes = victim.card.classes
    target = st.segmented_control(
        "Make the model say",
        range(len(classes)),
        required=True,
        key="target",
        persist_state="session",
        format_func=classes.__getitem__,
        help="The target class of the attack.",
    )
    st.selectbox(
        "Colours allowed",
        GAMUTS,
        key="gamut",
        persist_state="session",
        format_func=GAMUT_WORDS.__getitem__,
        help=words.GAMUT_HELP,
    )
    st.selectbox(
        "Start colour",
        STARTS,
        key="start",
        persist_state="session",
        format_func=words.START_WORDS.__getitem__,
        help=words.START_HELP,
    )
    left, right = st.columns(2)
    left.number_input(
        "Step limit",
        1,
        5000,
        step=10,
        key="steps",
        persist_state="session",
        help="The run ends here even if the model is not fooled.",
    )
    right.number_input(
        "Goal, per cent",
        50.0,
        99.9,
        step=1.0,
        format="%.1f",
        key="confidence",
        persist_state="session",
        help="The run ends once the model gives the target class this probability.",
    )
    return bench_settings(target=target or 0)[1]


def aim_away(state: SnapState, victim: Victim, choice: Choice) -> None:
    """For each new image, aim at a class that the model does not say already; before the control is drawn."""
    if state.picked.get("target") != choice.name:
        state.picked["target"] = choice.name
        p = predict_pixels(victim, choice.pixels)
        st.session_state["target"] = min(range(len(p)), key=p.__getitem__)


def _request(state: SnapState, settings: AttackSettings) -> RunRequest | None:
    choice, mask = state.choice, state.mask
    if choice is None or mask is None:
        return None
    return RunRequest(
        choice.pixels,
        mask.mask,
        settings,
        cells=mask.cells,
        image_name=choice.name,
        mask_source=mask.source,
        true_class=choice.true_class,
        synthetic=choice.synthetic,
    )


def _show_findings(victim: Victim, request: RunRequest) -> bool:
    """Say what was found; False where the run cannot be made."""
    fit = True
    for finding in find_findings(victim, request):
        if finding.level == "note":
            st.caption(f"Note: {finding.text}")
        elif finding.level == "warning":
            st.warning(finding.text)
        else:
            st.error(finding.text)
            fit = False
    return fit
