"""Step 4 of a new study: how many pictures and trials, in how many sessions, for how long."""

from typing import Any

import streamlit as st

from snapgui.errors import SettingsError
from snapgui.study.design.planning import Planned, compute_power, power_words
from snapgui.study.design.recipe import MOST_SOURCES, Recipe, counted_trials, suggest_recipe, suggest_repeats
from snapgui.study.design.study import Study
from snapgui.study.records import Kind
from snapgui.ui.parts.text import plain
from snapgui.ui.studies.studies import session_words


def ask_numbers(count: int, kind: Kind, arms: list[str]) -> tuple[Recipe, dict[str, Any]]:
    """Draw the numbers for so many pictures; gives the recipe and the settings that they make.

    Raises:
        SettingsError: no altered arm, or exposures that are no numbers.
    """
    # What is suggested depends on the pictures, so other pictures get controls of their own.
    key, names = f"study_{count}", ("untouched", *arms)
    suggested = suggest_recipe(count, names if arms else Recipe().arms)
    first, second, third = st.columns(3, vertical_alignment="bottom")
    sources = first.number_input(
        "Pictures that count, at most",
        1,
        MOST_SOURCES,
        suggested.sources,
        key=f"{key}_sources",
        persist_state="session",
        help="Drawn at random. Each reader meets each of them once in a session, under one arm.",
    )
    practice = second.number_input(
        "Pictures for practice",
        0,
        100,
        suggested.practice,
        key=f"{key}_practice",
        persist_state="session",
        help="Come first, from plain to subtle; the reader is told the truth afterwards. These pictures are "
        "not used again.",
    )
    catch = third.number_input(
        "Obvious pictures",
        0,
        100,
        suggested.catch,
        key=f"{key}_catch",
        persist_state="session",
        help="Pictures whose cells are shown in inverted colours: a reader who misses them was not looking.",
    )
    repeats, gap = suggest_repeats(max(1, min(int(sources), count - int(practice) - int(catch))))
    first, second, third = st.columns(3, vertical_alignment="bottom")
    asked_again = first.number_input(
        "Repeated trials",
        0,
        1000,
        repeats,
        key=f"{key}_{sources}_repeats",
        persist_state="session",
        help="Repeats show whether a reader agrees with themselves.",
    )
    gap = second.number_input(
        "Trials between repeats, at least", 1, 1000, gap, key=f"{key}_{sources}_gap", persist_state="session"
    )
    breaks = third.number_input(
        "Trials between breaks", 5, 1000, 40, 5, key="study_breaks", persist_state="session"
    )
    first, second, third = st.columns(3, vertical_alignment="bottom")
    sessions = first.number_input(
        "Sessions per reader",
        1,
        max(1, len(names)),
        1,
        key=f"study_sessions_{len(names)}",
        persist_state="session",
        help="In each further session a reader meets every image under another arm.",
    )
    washout = second.number_input(
        "Days between sessions",
        0,
        365,
        14,
        key="study_washout",
        persist_state="session",
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
    text = place.text_input(
        "Exposure times, ms",
        "250, 1000",
        key="study_exposures",
        persist_state="session",
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


def show_power(study: Study, arms: list[str]) -> None:
    """Draw the column: the session, the number of readers, and the power in words, which follow every
    control.
    """
    settings = study.settings
    with st.container(border=True):
        st.markdown("**What a reader does**")
        sessions = (
            "One session"
            if settings.sessions == 1
            else f"{settings.sessions} sessions at least {settings.washout_days} days apart, each"
        )
        st.markdown(f"{plain(sessions)} of {plain(session_words(study))}.")
        st.markdown("**What the study can show**")
        left, right = st.columns(2, vertical_alignment="bottom")
        readers = left.number_input("Readers", 1, 1000, 6, key="study_readers", persist_state="session")
        share = right.number_input(
            "True share correct, per cent",
            51,
            99,
            60,
            key="study_share",
            persist_state="session",
            help="How often readers would be right in the long run, if the change can be seen: 50 is "
            "guessing. The study should detect such a share.",
        )
        arm = (
            arms[0]
            if len(arms) == 1
            else st.segmented_control(
                "On", arms, default=arms[0], required=True, key=f"study_power_{'-'.join(arms)}"
            )
            or arms[0]
        )
        altered, untouched = counted_trials(study, arm)
        if not altered:
            st.caption(f"No list shows {plain(arm)} in a trial that counts. Take more pictures.")
            return
        planned = Planned(
            int(readers), altered + untouched, share / 100, min(settings.margin, 0.99), *_assumptions()
        )
        st.caption(plain(_trials_words(settings.kind, arm, altered, untouched)))
        for sentence in power_words(planned, compute_power(planned), arm=arm):
            st.markdown(plain(sentence))
        lists = len(study.lists)
        st.caption(
            f"There are {lists:,} lists; with a multiple of {lists:,} readers each is used equally often."
        )


def _assumptions() -> tuple[float, float]:
    with st.popover("Assumptions"):
        reader = st.number_input(
            "Correlation of one reader's answers",
            0.0,
            0.9,
            0.02,
            0.01,
            key="study_reader_correlation",
            persist_state="session",
            help="Of being right: 0 if readers are equally good, more if some are better than others.",
        )
        case = st.number_input(
            "Correlation of two readers' answers to one picture",
            0.0,
            0.9,
            0.05,
            0.01,
            key="study_case_correlation",
            persist_state="session",
            help="Of being right: 0 if pictures are equally hard, more if some are easier than others.",
        )
        st.caption(
            "Exact binomial tests, one-sided at 95 %, on the number of independent answers that "
            "all answers are worth (Kish's design effect, both ways)."
        )
    return reader, case


def _trials_words(kind: str, arm: str, altered: int, untouched: int) -> str:
    if kind == "B":
        return f"Each reader answers {altered} pairs of {arm} and untouched."
    at = " at each exposure" if kind == "D" else ""
    return f"Each reader tells {altered} pictures of {arm} from {untouched} untouched ones{at}."
