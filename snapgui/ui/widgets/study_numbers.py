"""Step 4 of a new study: how many pictures and trials, in how many sessions, for how long."""

from typing import Any

import streamlit as st

from snapgui.errors import SettingsError
from snapgui.study.recipe import MOST_SOURCES, Recipe, suggest_recipe, suggest_repeats
from snapgui.study.records import Kind


def ask_numbers(count: int, kind: Kind, arms: list[str]) -> tuple[Recipe, dict[str, Any]]:
    """Draw the numbers for so many pictures; gives the recipe and the settings that they make.

    Raises:
        SettingsError: no altered arm, or exposures that are no numbers.
    """
    # What is suggested depends on the pictures, so other pictures get controls of their own.
    key, names = f"study_{count}", ("untouched", *arms)
    suggested = suggest_recipe(count, names if arms else Recipe().arms)
    first, second, third = st.columns(3, vertical_alignment="bottom")
    sources = first.number_input("Pictures that count, at most", 1, MOST_SOURCES, suggested.sources, key=f"{key}_sources", persist_state="session",
                                 help="Drawn at random. Each reader meets each of them once in a session, under one arm.")
    practice = second.number_input("For practice", 0, 100, suggested.practice, key=f"{key}_practice", persist_state="session",
                                   help="Come first, from plain to subtle, and tell the truth afterwards. These pictures are not used again.")
    catch = third.number_input("Obvious ones", 0, 100, suggested.catch, key=f"{key}_catch", persist_state="session",
                               help="Pictures whose cells are shown in inverted colours: a reader who misses them was not looking.")
    repeats, gap = suggest_repeats(max(1, min(int(sources), count - int(practice) - int(catch))))
    first, second, third = st.columns(3, vertical_alignment="bottom")
    asked_again = first.number_input("Asked again", 0, 1000, repeats, key=f"{key}_{sources}_repeats", persist_state="session", help="Repeats show whether a reader agrees with themselves.")
    gap = second.number_input("At least so many trials later", 1, 1000, gap, key=f"{key}_{sources}_gap", persist_state="session")
    breaks = third.number_input("Break offered after, trials", 5, 1000, 40, 5, key="study_breaks", persist_state="session")
    first, second, third = st.columns(3, vertical_alignment="bottom")
    sessions = first.number_input("Sessions of each reader", 1, max(1, len(names)), 1, key=f"study_sessions_{len(names)}", persist_state="session",
                                  help="In each further session a reader meets every image under another arm.")
    washout = second.number_input("Days between sessions", 0, 365, 14, key="study_washout", persist_state="session", disabled=sessions == 1,
                                  help="Two weeks are usual, so that images are forgotten.")
    exposures = _ask_exposures(third) if kind == "D" else (250, 1000)
    settings = {
        "repeats": int(asked_again), "repeat_gap": int(gap), "break_every": int(breaks), "sessions": int(sessions),
        "washout_days": int(washout), "exposures_ms": exposures,
    }
    if not arms:
        raise SettingsError("Choose at least one altered arm: without one there is nothing to ask.")
    return Recipe(names, int(sources), int(practice), int(catch)), settings


def _ask_exposures(place: Any) -> tuple[int, ...]:
    text = place.text_input("Shown for, ms", "250, 1000", key="study_exposures", persist_state="session",
                            help="One or more times, with commas between. Every arm is shown at every time, so each further one asks for more pictures.")
    try:
        return tuple(int(part) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise SettingsError(f"The times are “{text[:40]}”; give whole numbers of milliseconds with commas between, such as 250, 1000.") from error
