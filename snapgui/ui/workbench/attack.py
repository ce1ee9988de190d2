"""The workbench's controls: preset, area, cells, Run, and the rest folded as Expert."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from snapgui.engine.presets import PRESET_NAMES, PRESETS
from snapgui.engine.settings import GAMUTS, STARTS, TEXTURES, AttackSettings
from snapgui.engine.victim.victim import Victim
from snapgui.runs.records import RunRequest
from snapgui.ui import resources
from snapgui.ui.parts import words
from snapgui.ui.parts.controls import control
from snapgui.ui.parts.job import work_button
from snapgui.ui.parts.text import plain
from snapgui.ui.state import Choice, SnapState, bench_settings, control_values, get_state
from snapgui.ui.workbench.proposal import place_controls, size_controls
from snapgui.ui.workbench.resources import find_findings, predict_pixels
from snapgui.ui.workbench.run import bench_job
from snapgui.ui.workbench.work import KIND
from snapgui.words import GAMUT_WORDS, START_WORDS, TEXTURE_WORDS

Start = Callable[[SnapState, Victim, RunRequest], None]


def attack_controls(state: SnapState, victim: Victim | None) -> tuple[Any, bool]:
    """Draw them all; gives the place of the Run button, and whether another proposal is asked for."""
    _preset()
    size_controls(state)
    row = st.container(horizontal=True, gap="xsmall", wrap=False)
    with row:
        run_place = st.container(width="stretch")
        with st.popover("Expert", key="expert"):
            if victim is not None:
                _target(state, victim)
            pressed = place_controls(state)
            _expert_controls()
    return run_place, pressed


def run_button(state: SnapState, victim: Victim | None, start: Start, place: Any) -> None:
    """Draw the button that calls ``start`` into its place, and below what was found or why it is shut."""
    if victim is None:
        st.caption("No model is loaded, so there is nothing to attack. Load one on the Model page.")
        return
    request = _request(state, bench_settings(target=state.controls["target"])[1])
    fit = request is not None and _show_findings(victim, request)
    job = resources.registry().snapshot(state.jobs.get(KIND))
    busy = job is not None and job.active
    with place:
        work_button(
            "Run",
            request,
            lambda asked: start(state, victim, asked),
            key="run",
            ready=fit and not busy,
            type="primary",
            width="stretch",
            help="Optimise the colours of all cells together until the model is fooled or the step limit is "
            "reached.",
        )
    if busy and request is not None and bench_job(state) is None:
        st.caption("Another picture is being attacked, see the line at the top. Stop it or wait for its end.")
    elif busy:
        pass
    elif request is None:
        st.caption("Choose an image and a mask first.")
    elif any(job.kind == "audit" for job in resources.registry().active()):
        st.caption(
            "An audit is running; this run would wait for its end. Stop it on the Audit page to run now, and "
            "continue it later."
        )


def take_preset() -> None:
    """Set every control as the chosen preset has it; class, centre and seed stay as they are."""
    controls = get_state().controls
    if (name := controls["preset"]) is not None:
        preset, kept = PRESETS[name], ("preset", "target", "centre", "cell_seed")
        values = control_values(preset.attack, preset.cells)
        controls |= {key: value for key, value in values.items() if key not in kept}


def _preset() -> None:
    control(
        st.segmented_control,
        "Preset",
        PRESET_NAMES,
        key="preset",
        format_func=str.capitalize,
        then=take_preset,
        label_visibility="collapsed",
    )
    name = get_state().controls["preset"]
    st.caption(plain(PRESETS[name].words) if name is not None else "Settings of your own.")


def _target(state: SnapState, victim: Victim) -> None:
    classes = victim.card.classes
    state.controls["target"] %= len(classes)
    control(
        st.segmented_control,
        "Make the model say",
        range(len(classes)),
        required=True,
        key="target",
        format_func=lambda number: plain(classes[number]),
        help="The target class of the attack; with every new picture, one that the model does not say.",
    )


def _expert_controls() -> None:
    texture = control(
        st.selectbox,
        "Texture",
        TEXTURES,
        key="texture",
        format_func=TEXTURE_WORDS.__getitem__,
        help=words.TEXTURE_HELP,
    )
    if texture == "retouch":
        control(
            st.slider,
            "Stain change, at most, per cent",
            5.0,
            100.0,
            step=5.0,
            format="%.0f",
            key="bound",
            help="How much stronger or weaker each stain of a pixel may become.",
        )
    if texture == "nucleus":
        control(
            st.slider,
            "Unlikeliness of a nucleus, at most, standard deviations",
            0.5,
            4.0,
            step=0.25,
            format="%.2f",
            key="spread",
            help="How far each code of a painted nucleus may be from its mean among real nuclei.",
        )
    control(
        st.toggle,
        "As little change as fools the model",
        key="least_change",
        help="Once the goal is reached, the run goes on to its step limit and keeps the picture that "
        "changed least. Without it the run ends at its goal.",
    )
    control(
        st.selectbox,
        "Colours allowed",
        GAMUTS,
        key="gamut",
        format_func=GAMUT_WORDS.__getitem__,
        help=words.GAMUT_HELP,
    )
    control(
        st.selectbox,
        "Start colour",
        STARTS,
        key="start",
        format_func=START_WORDS.__getitem__,
        help=words.START_HELP,
    )
    left, right = st.columns(2)
    control(
        left.number_input,
        "Step limit",
        1,
        5000,
        step=10,
        key="steps",
        help="The run ends here even if the model is not fooled.",
    )
    control(
        right.number_input,
        "Goal, per cent",
        50.0,
        99.9,
        step=1.0,
        format="%.1f",
        key="confidence",
        help="The probability of the target class that the run is after.",
    )


def aim_away(state: SnapState, victim: Victim, choice: Choice) -> None:
    """For each new image, aim at a class that the model does not say already; before the control is drawn."""
    if state.picked.get("target") != choice.name:
        state.picked["target"] = choice.name
        p = predict_pixels(victim, choice.pixels)
        state.controls["target"] = min(range(len(p)), key=p.__getitem__)


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
            st.caption(f"Note: {plain(finding.text)}")
        elif finding.level == "warning":
            st.warning(plain(finding.text))
        else:
            st.error(plain(finding.text))
            fit = False
    return fit
