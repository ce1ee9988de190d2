"""Of a new study's protocol: how many pictures and trials, in how many sessions, for how long; and what that
can show.
"""

from typing import Any

import streamlit as st

from snapgui.errors import SettingsError
from snapgui.study.design.planning import Planned, compute_power, power_words
from snapgui.study.design.recipe import MOST_SOURCES, Recipe, counted_trials, suggest_repeats
from snapgui.study.design.study import Study
from snapgui.study.records import Kind
from snapgui.ui.parts.controls import own_control
from snapgui.ui.parts.text import plain
from snapgui.ui.state import get_state
from snapgui.ui.studies.presets import QUICK, numbers_key
from snapgui.ui.studies.studies import session_words
from snapgui.words import counted


def ask_numbers(count: int, kind: Kind, arms: list[str]) -> tuple[Recipe, dict[str, Any]]:
    """Draw the numbers for so many pictures; gives the recipe and the settings that they make.

    Raises:
        SettingsError: no altered arm, or exposures that are no numbers.
    """
    # What is suggested depends on the pictures, so other pictures get controls of their own.
    key, names = numbers_key(count), ("untouched", *arms)
    suggested = QUICK.numbers(count)
    first, second, third = st.columns(3, vertical_alignment="bottom")
    sources = own_control(
        first.number_input,
        "Pictures that count, at most",
        1,
        MOST_SOURCES,
        key=f"{key}_sources",
        first=suggested["sources"],
        help="Drawn at random. Each reader meets each of them once in a session, under one arm.",
    )
    practice = own_control(
        second.number_input,
        "Pictures for practice",
        0,
        100,
        key=f"{key}_practice",
        first=suggested["practice"],
        help="Come first, from plain to subtle; the reader is told the truth afterwards. These pictures are "
        "not used again.",
    )
    catch = own_control(
        third.number_input,
        "Obvious pictures",
        0,
        100,
        key=f"{key}_catch",
        first=suggested["catch"],
        help="Pictures whose cells are shown in inverted colours: a reader who misses them was not looking.",
    )
    repeats, gap = suggest_repeats(max(1, min(int(sources), count - int(practice) - int(catch))))
    first, second, third = st.columns(3, vertical_alignment="bottom")
    asked_again = own_control(
        first.number_input,
        "Repeated trials",
        0,
        1000,
        key=f"{key}_{sources}_repeats",
        first=repeats,
        help="Repeats show whether a reader agrees with themselves.",
    )
    gap = own_control(
        second.number_input,
        "Trials between repeats, at least",
        1,
        1000,
        key=f"{key}_{sources}_gap",
        first=gap,
    )
    breaks = own_control(
        third.number_input, "Trials between breaks", 5, 1000, key="study_breaks", first=40, step=5
    )
    first, second, third = st.columns(3, vertical_alignment="bottom")
    sessions = own_control(
        first.number_input,
        "Sessions per reader",
        1,
        max(1, len(names)),
        key=f"study_sessions_{len(names)}",
        first=1,
        help="In each further session a reader meets every image under another arm.",
    )
    washout = own_control(
        second.number_input,
        "Days between sessions",
        0,
        365,
        key="study_washout",
        first=14,
        disabled=sessions == 1,
        help="Two weeks are usual, so that images are forgotten.",
    )
    exposures = _ask_exposures(third) if kind == "D" else (250, 1000)
    settings = {
        "repeats": int(asked_again),
        "repeat_gap": int(gap),
        "break_every": int(breaks),
        "sessions": int(sessions),
        "washout_days": int(washout),
        "exposures_ms": exposures,
    }
    if not arms:
        raise SettingsError("Choose at least one altered arm: without one there is nothing to ask.")
    return Recipe(names, int(sources), int(practice), int(catch)), settings


def _ask_exposures(place: Any) -> tuple[int, ...]:
    text = own_control(
        place.text_input,
        "Exposure times, ms",
        key="study_exposures",
        first="250, 1000",
        help="One or more times, with commas between. Every arm is shown at every time, so each further "
        "one needs more pictures.",
    )
    try:
        return tuple(int(part) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise SettingsError(
            f"The times are “{text[:40]}”; give whole numbers of milliseconds with commas between, "
            "such as 250, 1000."
        ) from error


def ask_readers() -> int:
    """Draw how many readers there will be, and give it."""
    return int(
        own_control(
            st.number_input,
            "Readers",
            1,
            1000,
            key="study_readers",
            first=QUICK.readers,
            help="Decide it now: who stops asking readers once the answer pleases makes every interval too "
            "narrow.",
        )
    )


def show_power(study: Study, arms: list[str]) -> None:
    """Draw what a reader does and what the study can show, in words that follow every control."""
    settings = study.settings
    readers = get_state().controls["study_readers"]
    sessions = (
        "One session"
        if settings.sessions == 1
        else f"{settings.sessions} sessions at least {settings.washout_days} days apart, each"
    )
    st.markdown(f"**What a reader does.** {plain(sessions)} of {plain(session_words(study))}.")
    st.markdown("**What the study can show**")
    left, right = st.columns(2, vertical_alignment="bottom")
    share = own_control(
        left.number_input,
        "True share right, %",
        51,
        99,
        key="study_share",
        first=60,
        help="How often readers would be right in the long run, if the change can be seen: 50 is "
        "guessing. The study should detect such a share.",
    )
    arm = arms[0]
    if len(arms) > 1:
        arm = own_control(right.selectbox, "On", arms, key=f"study_power_{'-'.join(arms)}", first=arms[0])
    altered, untouched = counted_trials(study, arm)
    if not altered:
        st.caption(f"No list shows {plain(arm)} in a trial that counts. Take more pictures.")
        return
    planned = Planned(int(readers), altered + untouched, share / 100, min(settings.margin, 0.99), *_assumed())
    st.caption(plain(_trials_words(settings.kind, arm, altered, untouched)))
    for sentence in power_words(planned, compute_power(planned), arm=arm):
        st.markdown(plain(sentence))
    lists = len(study.lists)
    if readers % lists:
        st.caption(
            f"There are {lists:,} lists; with a multiple of {lists:,} readers each is used equally often."
        )


ASSUMED = {"study_reader_correlation": 0.02, "study_case_correlation": 0.05}


def _assumed() -> tuple[float, float]:
    reader, case = (get_state().controls.setdefault(key, value) for key, value in ASSUMED.items())
    return reader, case


def ask_assumptions() -> None:
    """Draw what the power calculation assumes of answers that resemble each other."""
    left, right = st.columns(2, vertical_alignment="bottom")
    own_control(
        left.number_input,
        "Correlation of one reader's answers",
        0.0,
        0.9,
        key="study_reader_correlation",
        first=ASSUMED["study_reader_correlation"],
        step=0.01,
        help="Of being right: 0 if readers are equally good, more if some are better than others.",
    )
    own_control(
        right.number_input,
        "Correlation of two readers' answers to one picture",
        0.0,
        0.9,
        key="study_case_correlation",
        first=ASSUMED["study_case_correlation"],
        step=0.01,
        help="Of being right: 0 if pictures are equally hard, more if some are easier than others.",
    )
    st.caption(
        "The power is that of exact binomial tests, one-sided at 95 %, on the number of independent answers "
        "that all answers are worth (Kish's design effect, both ways)."
    )


def _trials_words(kind: str, arm: str, altered: int, untouched: int) -> str:
    if kind == "B":
        return f"Each reader answers {counted(altered, 'pair')} of {arm} and untouched."
    at = " at each exposure" if kind == "D" else ""
    others = counted(untouched, "untouched one")
    return f"Each reader tells {counted(altered, 'picture')} of {arm} from {others}{at}."
