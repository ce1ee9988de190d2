"""“Spot it”: on the first visit a person may guess which of two pictures was altered, six times, and is then
never asked again.
"""

import streamlit as st

from snapgui.errors import SnapError
from snapgui.ui.parts.pictures import show_pixels
from snapgui.ui.parts.text import plain
from snapgui.ui.workbench.spot_pairs import PAIRS, Pair, keep_answer, read_pairs, was_asked

ZOOM = 3
KEY = "spot"
# Where the altered picture stands on the left: drawn once, so that every person sees the same.
SIDES = (True, False, False, True, False, True)


def spot_invitation(*, working: bool) -> None:
    """Invite a person who was never asked; Skip, the first answer and a run (``working``) all end that."""
    if KEY not in st.session_state:
        st.session_state[KEY] = None if was_asked() else []
    if st.session_state[KEY] is None:
        return
    if working:
        _skip()
        return
    with st.container(border=True, key="spot"):
        st.markdown("**Can you spot it?** Six pairs, about a minute: which picture was altered?")
        with st.container(horizontal=True, gap="xsmall"):
            if st.button("Try", key="spot_try"):
                keep_answer(None)
                _game()
            st.button("No, thanks", key="spot_skip", type="tertiary", on_click=_skip)


def _end() -> None:
    st.session_state[KEY] = None


def _skip() -> None:
    answers: list[bool] = st.session_state[KEY] or []
    st.session_state[KEY] = None
    if len(answers) < PAIRS:
        keep_answer(None)


@st.dialog("Spot it", width="medium", on_dismiss=_skip)
def _game() -> None:
    try:
        pairs = read_pairs()
    except SnapError as error:
        st.error(plain(error))
        return
    answers: list[bool] | None = st.session_state[KEY]
    if answers is None:
        st.rerun()
    if len(answers) == len(pairs):
        st.markdown(f"#### {plain(spot_words(answers, pairs))}")
        st.caption(
            "By chance one finds half of them. The patches are synthetic; whether a pathologist notices such "
            "changes in tissue is what a blinded reader study measures: see the page Studies."
        )
        keep_answer(sum(answers))
        st.button("Close", key="spot_close", on_click=_end)
        return
    place = len(answers)
    pair, altered_first = pairs[place], SIDES[place]
    st.markdown(
        f"Pair {place + 1:,} of {len(pairs)}. In one picture the stain of some nuclei was changed so that "
        "the model misses the metastasis. Which?"
    )
    left, right = (pair.altered, pair.original) if altered_first else (pair.original, pair.altered)
    for column, pixels, words, right_answer in zip(
        st.columns(2), (left, right), ("Left", "Right"), (altered_first, not altered_first), strict=True
    ):
        with column:
            show_pixels(pixels, ZOOM, alt=f"{words} picture")
            st.button(
                f"{plain(words)} was altered",
                key=f"spot-{words}-{place}",
                on_click=_answer,
                args=(place, right_answer),
            )


def _answer(place: int, right: bool) -> None:
    # A second press on a button that is about to go counts once.
    if len(st.session_state[KEY]) == place:
        st.session_state[KEY].append(right)


def spot_words(answers: list[bool], pairs: list[Pair]) -> str:
    """What came out, such as ``You found 2 of 6; the model was fooled by 6.``"""
    fooled = sum(pair.fooled for pair in pairs)
    return f"You found {sum(answers)} of {len(answers)}; the model was fooled by {fooled}."
