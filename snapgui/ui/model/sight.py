"""Where the weight of an answer lies in a picture, and where an attack moved it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st
import torch
from numpy.typing import NDArray

from snapgui.data.demo import demo_patches
from snapgui.engine.images import read_pixels, require_window, to_image
from snapgui.engine.victim.sight import ROLLOUT, Sight, weight_maps
from snapgui.engine.victim.victim import Victim
from snapgui.errors import DataError, SnapError
from snapgui.runs.shelf.overview import Overview, Stamp, kept_runs, read_overview
from snapgui.runs.store import load_run
from snapgui.ui.model.prediction import FolderTask
from snapgui.ui.model.weights import LEGEND, Weights, caption, overlay, sentences, share_rows
from snapgui.ui.parts.pictures import show_pixels
from snapgui.ui.parts.text import plain, plain_rows
from snapgui.ui.state import SnapState
from snapgui.words import per_cent

RUN, DEMO, FOLDER = "A saved run", "A demo patch", "The folder above"
# Choices in a list: more nobody reads.
MOST = 500
MOST_ZOOM = 3
# Of the page, words and pictures; gaps between pictures are left free.
SHARES = (1.2, 1.0)
GAPS_PX = 90


@dataclass(frozen=True)
class Chosen:
    """One picture uint8 ``(H, W, 3)``, or one before and after an attack on the cells of ``mask``."""

    pictures: tuple[NDArray[np.uint8], ...]
    name: str
    mask: NDArray[np.bool_] | None = None
    made_on: str = ""
    made_on_sha256: str = ""


@st.fragment
def show_sight(state: SnapState, victim: Victim, task: FolderTask | None) -> None:
    """Draw the choice of a picture, its maps, and in words where the weight lies; of a folder that is to be
    predicted its pictures can be chosen.
    """
    st.subheader("Where the weight of an answer lies", anchor=False)
    left, right = st.columns(SHARES, gap="medium")
    with left:
        try:
            chosen = _choose(task)
            if chosen is None:
                return
            p = _predict(victim.card.sha256, chosen.pictures, victim)
        except SnapError as error:
            st.error(plain(error))
            return
        try:
            # What speaks for the last answer, which is that after the attack, is shown first.
            weights, opacity = _ask(victim, chosen, int(p[-1].argmax()))
        except SnapError as error:
            st.info(plain(error))
            return
        for sentence in sentences(weights):
            # A number and its sign stay on one line.
            st.markdown(plain(sentence.replace(" %", "\u00a0%")))
        st.table(plain_rows(share_rows(weights)), hide_index=True)
        if chosen.made_on_sha256 not in ("", victim.card.sha256):
            st.caption(plain(f"The patch was made on {chosen.made_on}; here {victim.card.name} answers."))
        st.caption(plain(caption(weights)))
    with right:
        _draw(state, victim, chosen, weights, p, opacity)


def _choose(task: FolderTask | None) -> Chosen | None:
    runs = _saved_runs(tuple(sorted(kept_runs().items())))
    sources = [source for source, there in ((RUN, runs), (DEMO, True), (FOLDER, task)) if there]
    source = st.segmented_control(
        "Picture from", sources, default=sources[0], required=True, key="sight_source", width="stretch"
    )
    if source == RUN:
        found = {run.run_id: run for run in runs}
        run_id = _one_of("Run", list(found), lambda one: _run_words(found[one]), source)
        return _of_run(run_id) if run_id else None
    if source == DEMO:
        demo = {patch.name: patch for patch in demo_patches()}
        name = _one_of("Patch", sorted(demo), str, source)
        return Chosen((read_pixels(demo[name].path),), name) if name else None
    assert task is not None
    # Another folder begins anew.
    row = _one_of(
        "Patch", range(min(len(task.names), MOST)), lambda i: task.names[i], f"{task.folder}-{task.split}"
    )
    if len(task.names) > MOST:
        st.caption(f"The first {MOST:,} of {len(task.names):,}.")
    if row is None:
        return None
    return Chosen((require_window(task.read(row)[0], task.names[row]),), task.names[row])


def _one_of(label: str, options: Any, words: Callable[[Any], str], source: str) -> Any:
    return st.selectbox(plain(label), options, format_func=words, key=f"sight-{source}-{len(options)}")


def _run_words(run: Overview) -> str:
    before, after = run.answers
    return f"{run.name}, {run.made_with.lower()}: {before} → {after}"


def _of_run(run_id: str) -> Chosen:
    result = load_run(run_id)
    request = result.request
    return Chosen(
        (request.pixels, result.adversarial),
        request.image_name,
        request.mask,
        result.model_name,
        result.model_sha256,
    )


def _ask(victim: Victim, chosen: Chosen, answer: int) -> tuple[Weights, float]:
    """Class and opacity, and the maps that belong to them; raises ModelError where there are none."""
    classes = victim.card.classes
    left, right = st.columns(2)
    sight = _maps(victim.card.sha256, chosen.pictures, answer, victim)
    of_class = answer
    if sight.method != ROLLOUT:
        of_class = left.segmented_control(
            "What speaks for",
            range(len(classes)),
            default=answer,
            required=True,
            format_func=lambda i: plain(classes[i]),
            # Another picture, another answer.
            key=f"sight_class-{chosen.name}-{answer}",
        )
        sight = _maps(victim.card.sha256, chosen.pictures, of_class, victim)
        left = right
    opacity = left.slider("Map over picture, %", 0, 100, 60, 10, key="sight_opacity") / 100
    maps = sight.maps.numpy()
    return Weights(maps, sight.method, sight.places, classes[of_class], chosen.mask), opacity


def _draw(
    state: SnapState,
    victim: Victim,
    chosen: Chosen,
    weights: Weights,
    p: NDArray[np.float32],
    opacity: float,
) -> None:
    titles = ("Before", "After") if chosen.mask is not None else ("The picture",)
    column_px = ((state.page_px or 1000) - GAPS_PX) * SHARES[1] / sum(SHARES) / 2
    zoom = max(1, min(MOST_ZOOM, int(column_px // chosen.pictures[0].shape[1])))
    columns = st.columns(2, gap="small")
    for i, (title, pixels) in enumerate(zip(titles, chosen.pictures, strict=True)):
        says = f"{victim.card.classes[int(p[i].argmax())]} {per_cent(float(p[i].max()))}"
        mapped = overlay(pixels, weights.maps[i], zoom, opacity=opacity, mask=weights.mask)
        second = columns[i] if len(titles) > 1 else columns[1]
        with columns[i]:
            st.markdown(f"**{plain(title)}**: {plain(says)}")
            show_pixels(pixels, zoom, alt=f"{chosen.name}, {title.lower()}")
        with second:
            if len(titles) == 1:
                st.markdown("**Its map**")
            show_pixels(mapped, 1, alt=f"{chosen.name}, {title.lower()}, under the map of its weight")
    st.html(LEGEND)
    st.caption(
        "Weight of each place, against an even spread."
        + (" White: the rims of the altered cells." if chosen.mask is not None else "")
    )


@st.cache_data(max_entries=4, show_spinner=False)
def _saved_runs(kept: tuple[tuple[str, Stamp], ...]) -> list[Overview]:
    """The newest runs that can be read."""
    runs = []
    for run_id, _ in sorted(kept, reverse=True)[:MOST]:
        try:
            runs.append(read_overview(run_id))
        except DataError:
            continue
    return sorted(runs, key=lambda run: run.started, reverse=True)


@st.cache_data(max_entries=64, show_spinner=False)
def _maps(sha256: str, pictures: tuple[NDArray[np.uint8], ...], of_class: int, _victim: Victim) -> Sight:
    return weight_maps(_victim, torch.stack([to_image(one) for one in pictures]), of_class)


@st.cache_data(max_entries=64, show_spinner=False)
def _predict(sha256: str, pictures: tuple[NDArray[np.uint8], ...], _victim: Victim) -> NDArray[np.float32]:
    return _victim.predict(torch.stack([to_image(one) for one in pictures])).cpu().numpy()
