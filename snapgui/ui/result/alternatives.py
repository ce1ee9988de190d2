"""Other ways to the same confidence, beside a finished run: small pictures, and confidence against
visibility.
"""

import streamlit as st

from snapgui.engine.victim.victim import Victim
from snapgui.errors import ModelError
from snapgui.runs.alternatives import Alternative, plan_alternatives
from snapgui.runs.records import RunResult
from snapgui.ui import resources
from snapgui.ui.parts.charts import show_chart
from snapgui.ui.parts.job import find_job
from snapgui.ui.parts.pictures import show_pixels
from snapgui.ui.parts.text import plain
from snapgui.ui.result.alternatives_job import kind_of, show_alternatives_job, start_alternatives
from snapgui.ui.result.charts import AXES, matched_chart, matched_points
from snapgui.ui.result.resources import saved_alternatives
from snapgui.ui.result.visibility import present_display
from snapgui.ui.result.visibility_words import difference, number
from snapgui.ui.state import get_state
from snapgui.words import counted, duration, per_cent

HELP = (
    "The same image, area and goal, reached in other ways: SNAP with each set of colours, one square of the "
    "same area, a small change of every pixel, and the same cells filled without looking at the model. Each "
    "attack ends at the goal of this run; each picture is saved with 8 bits and scored again."
)
CARD_ZOOM = 2


def shown_alternative(result: RunResult, *, key: str) -> Alternative | None:
    """The alternative that a person opened in place of the run's own picture."""
    chosen = st.session_state.get(_shown(key))
    if chosen is None or chosen[0] != result.run_id:
        return None
    return {alternative.name: alternative for alternative in saved_alternatives(result)}.get(chosen[1])


def say_shown(alternative: Alternative, *, key: str) -> None:
    """Say that another picture is shown than the run's own, with a way back."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"Shown in place of this run's picture: **{plain(alternative.words)}**.", width="content")
        st.button("Back to this run's picture", key=f"{key}-back", on_click=show_own, args=(key,))


def show_own(key: str) -> None:
    """Show the run's own picture again (callback)."""
    st.session_state[_shown(key)] = None


def show_alternatives(result: RunResult, *, key: str) -> None:
    """Draw what is kept beside a run, what is being made, and the button that makes the rest."""
    st.markdown("**Other ways to the same confidence**", help=HELP)
    found, job = saved_alternatives(result), find_job(kind_of(result))
    missing = len(plan_alternatives(result.request.attack)) - len(found)
    if missing and (job is None or not job.active):
        _offer(result, found, key)
    show_alternatives_job(result)
    if found:
        _cards(result, found, key)
        _frontier(result, found, key)


def _offer(result: RunResult, found: list[Alternative], key: str) -> None:
    victim, reason = _same_victim(result)
    if victim is None:
        st.caption(plain(reason))
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Make the rest" if found else "Compare with other attacks",
            key=f"{key}-alternatives",
            on_click=start_alternatives,
            args=(victim, result, present_display()),
        )
        st.caption(
            "SNAP with each set of colours, a square, a small change everywhere, and fillings: one after the "
            f"other, in the background.{plain(_estimate(result, found))}",
            width="content",
        )


def _estimate(result: RunResult, found: list[Alternative]) -> str:
    """How long the rest takes at most, by the pace of the run itself; empty where it made no step."""
    have = {alternative.name for alternative in found}
    steps = sum(
        plan.alteration.attack.steps
        for plan in plan_alternatives(result.request.attack)
        if plan.name not in have and plan.family != "control"
    )
    return f" At most about {duration(result.seconds / result.steps * steps)}." if result.steps else ""


def _same_victim(result: RunResult) -> tuple[Victim | None, str]:
    """The model of the run, or why it cannot be compared now."""
    if max(range(len(result.p_before)), key=result.p_before.__getitem__) == result.target:
        return (
            None,
            f"The model said {result.classes[result.target]} before the run, so there is nothing to compare.",
        )
    try:
        victim = resources.load_victim(get_state().model_path)
    except ModelError as error:
        return None, str(error)
    if victim.card.sha256 != result.model_sha256:
        return None, (
            f"This run was made with the model {result.model_name} ({result.model_sha256[:10]}); loaded is "
            f"{victim.card.name} ({victim.card.sha256[:10]}). Load the former on the Model page to compare."
        )
    return victim, ""


def _cards(result: RunResult, found: list[Alternative], key: str) -> None:
    width = max(result.request.pixels.shape[1] * CARD_ZOOM, 180)
    with st.container(horizontal=True, gap="small"):
        for place, alternative in enumerate(found, start=1):
            with st.container(width=width, gap="small"):
                show_pixels(alternative.pixels, CARD_ZOOM, alt=alternative.words)
                st.caption(card_words(alternative, result, place))
                st.button(
                    "Open in the viewer",
                    key=f"{key}-open-{alternative.name}",
                    on_click=_open,
                    args=(key, result.run_id, alternative.name),
                )
    sentences = {alternative.visibility.display.sentence for alternative in found}
    st.caption(
        f"All {CARD_ZOOM} times enlarged. “There”: where pixels could change. FLIP for the screen "
        f"at the time: {plain(' / '.join(sorted(sentences)))}"
    )


def _frontier(result: RunResult, found: list[Alternative], key: str) -> None:
    axis = st.segmented_control(
        "Visibility",
        list(AXES),
        default=next(iter(AXES)),
        required=True,
        key=f"{key}-axis",
        persist_state="session",
    )
    axis, alternative = axis or next(iter(AXES)), shown_alternative(result, key=key)
    opened = alternative.name if alternative is not None else ""
    chart = matched_chart(
        matched_points(found, result, axis),
        goal=result.request.attack.confidence,
        x_title=AXES[axis][0],
        y_title=f"{result.classes[result.target]}, per cent",
        opened=opened,
    )
    # A chart of its own for each picture opened: else a second click on the same point would only take the
    # selection back.
    chart_key = f"{key}-frontier-{opened}"
    show_chart(
        chart,
        key=chart_key,
        on_select=lambda: _open_point(key, chart_key, result.run_id),
        selection_mode="points",
    )
    st.caption(
        "Up is surer of the wrong class, left is harder to see. Numbers are those of the pictures "
        "above; click a point to open its picture in the viewer."
    )


def _open_point(key: str, chart_key: str, run_id: str) -> None:
    points = st.session_state[chart_key].selection.points
    if points:
        _open(key, run_id, points[0]["customdata"][0])


def _open(key: str, run_id: str, name: str) -> None:
    st.session_state[_shown(key)] = (run_id, name)


def _shown(key: str) -> str:
    return f"{key}-shown"


def card_words(alternative: Alternative, result: RunResult, place: int) -> str:
    """What stands under a small picture, in Markdown."""
    inside, whole = alternative.visibility.regions["mask"], alternative.visibility.regions["whole"]
    p = per_cent(alternative.p[result.target])
    lines = [
        f"**{place} {plain(alternative.words)}**",
        f"{plain(result.classes[result.target])} {p}{_outcome(alternative)}",
        f"{per_cent(alternative.area_fraction)} of the pixels",
        f"CIEDE2000 {difference(inside.de00.mean)} there, {difference(whole.de00.mean)} overall",
        f"FLIP {number(inside.flip.mean, 3)} there, {number(whole.flip.mean, 3)} overall",
    ]
    return "  \n".join(lines)


def _outcome(alternative: Alternative) -> str:
    if alternative.steps is None:
        return ", not optimised"
    return f", {counted(alternative.steps, 'step')}" if alternative.reached_goal else ", **goal not reached**"
