"""The workbench's stage: mask editor, running attack and comparison viewer take turns, and the picture keeps
its place and its size.
"""

import streamlit as st

from snapgui.engine.images import UM_PER_PX, WINDOW_PX
from snapgui.engine.tissue import why_not_tissue
from snapgui.engine.victim.victim import Victim
from snapgui.runs.records import Progress
from snapgui.ui.jobs import Snapshot
from snapgui.ui.parts.browser import FALLBACK_HEIGHT_PX, zoom_for
from snapgui.ui.parts.job import follow_job, stage_words
from snapgui.ui.parts.pictures import show_pixels
from snapgui.ui.parts.text import plain
from snapgui.ui.parts.words import CLASSES
from snapgui.ui.result.view import show_pictures
from snapgui.ui.state import Choice, SnapState
from snapgui.ui.workbench.mask import edit_mask
from snapgui.ui.workbench.resources import predict_pixels
from snapgui.ui.workbench.run import bench_job, bench_result
from snapgui.words import duration, per_cent, shorten

# Shares of the page's width: filmstrip, stage, controls and verdict.
SHARES = (0.16, 0.47, 0.37)
# Menu, header, name, tools and the lines around the picture.
BESIDE_PX = 322


def show_stage(state: SnapState, victim: Victim | None) -> None:
    """Draw what there is of the picture on the bench."""
    if state.choice is None:
        st.caption("Choose an image on the left. The cells that may change are then shown and drawn here.")
        return
    job, result = bench_job(state), bench_result(state)
    running = job is not None and job.active
    with st.container(gap="xsmall"):
        with st.container(key="stage_head", horizontal=True, vertical_alignment="top", wrap=False):
            st.markdown(picture_words(state.choice, victim), width="stretch")
            if result is not None and not running:
                _choose_stage(state)
        if running:
            assert job is not None
            _show_run(state, job, victim.card.classes if victim else CLASSES)
        elif result is not None and state.stage == "Result":
            show_pictures(result, key="bench", zoom=stage_zoom(state))
        else:
            edit_mask(state, stage_zoom(state))


def stage_zoom(state: SnapState) -> int:
    """The whole-number zoom of the picture on the stage."""
    width = state.page_px and round(state.page_px * SHARES[1]) - 8
    wide = zoom_for(width or 620, 1, least=3, most=10)
    high = ((state.page_height_px or FALLBACK_HEIGHT_PX) - BESIDE_PX) // WINDOW_PX
    return max(3, min(wide, high))


def picture_words(choice: Choice, victim: Victim | None) -> str:
    """The picture on the bench: its name, what the model says of it and what is true, in Markdown."""
    name = f"**{plain(shorten(choice.name))}**, {choice.pixels.shape[1] * UM_PER_PX:.0f} µm wide"
    if choice.synthetic:
        name += ", synthetic"
    if choice.told:
        name += f"  \n{plain(choice.told)}"
    if victim is None:
        return name
    if instead := why_not_tissue(choice.pixels):
        # A classifier names a class for anything that it is shown.
        return f"{name}  \nThis shows {plain(instead)}, not tissue that can be read: no class is named."
    p = predict_pixels(victim, choice.pixels)
    top = max(range(len(p)), key=p.__getitem__)
    true = (
        "not known" if choice.true_class is None else f"**{plain(victim.card.classes[choice.true_class])}**"
    )
    return f"{name}  \nModel says **{plain(victim.card.classes[top])}** {per_cent(p[top])} · truth: {true}"


def _choose_stage(state: SnapState) -> None:
    def take() -> None:
        state.stage = st.session_state["stage"]

    if st.session_state.get("stage", state.stage) != state.stage:
        st.session_state["stage"] = state.stage
    st.segmented_control(
        "On the stage",
        ("Mask", "Result"),
        default=None if "stage" in st.session_state else state.stage,
        required=True,
        key="stage",
        on_change=take,
        label_visibility="collapsed",
        width="content",
    )


def _show_run(state: SnapState, job: Snapshot, classes: tuple[str, ...]) -> None:
    zoom = stage_zoom(state)

    def draw(job: Snapshot) -> None:
        progress: Progress | None = job.progress
        text = stage_words(
            job, lambda now: _progress_words(now, job, classes), starting="Starting", unit="step"
        )
        with st.container(gap="xsmall"):
            with st.container(key="stage_bar"):
                st.progress(progress.step / progress.steps if progress else 0.0, text=plain(text))
            with st.container(gap=None):
                with st.container(key="stage_line"):
                    kept = _kept_words(progress, job, classes) if progress else "Not changed yet"
                    st.markdown(plain(kept))
                with st.container(horizontal=True, horizontal_alignment="center"):
                    show_pixels(
                        progress.preview if progress else job.topic.pixels,
                        zoom,
                        alt="best result so far" if progress else "the picture as it is",
                    )

    follow_job(job.job_id, draw)


def _progress_words(progress: Progress, job: Snapshot, classes: tuple[str, ...]) -> str:
    target = job.topic.attack.target
    return (
        f"Step {progress.step} of {progress.steps} · {classes[target]} {per_cent(progress.p[target])} · "
        f"{progress.ms_per_step:.0f} ms per step · at most {duration(progress.left_s)} left"
    )


def _kept_words(progress: Progress, job: Snapshot, classes: tuple[str, ...]) -> str:
    # Not "best": where the least change is sought, what is kept may be less sure than the step before it.
    target = job.topic.attack.target
    said = f"{classes[target]} {per_cent(progress.best_p_target)}"
    return f"Kept so far: step {progress.best_step:,}, {said}"
