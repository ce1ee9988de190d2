"""Steps 5 and 6 of a new study: what is fixed beforehand, and what readers are told."""

import streamlit as st

from snapgui.study.design.settings import ExclusionRule
from snapgui.study.design.texts import (
    CONTACT,
    DEFAULT_TITLE,
    consent_text,
    exclusion_words,
    instructions_text,
)
from snapgui.study.records import Kind
from snapgui.ui.parts.text import plain


def ask_beforehand() -> tuple[float, ExclusionRule]:
    """Draw the margin and the rule that leaves sessions out, and give them."""
    first, second, third, fourth = st.columns(4, vertical_alignment="bottom")
    margin = first.number_input(
        "Margin, per cent correct",
        51,
        95,
        60,
        key="study_margin",
        persist_state="session",
        help="Up to this share of correct answers the change counts as practically unnoticed; 50 is "
        "guessing. It cannot be changed after the answers are seen.",
    )
    catch = second.number_input(
        "Obvious pictures found, per cent at least",
        0,
        100,
        75,
        5,
        key="study_min_catch",
        persist_state="session",
        help="Sessions below are left out.",
    )
    fast = third.number_input(
        "Too fast below, ms", 0, 5000, 200, 50, key="study_fast", persist_state="session"
    )
    share = fourth.number_input(
        "Too fast answers, per cent at most",
        0,
        100,
        20,
        5,
        key="study_fast_share",
        persist_state="session",
        help="Sessions above are left out.",
    )
    rule = ExclusionRule(min_catch_share=catch / 100, fast_ms=float(fast), max_fast_share=share / 100)
    st.caption(plain(exclusion_words(rule)))
    return margin / 100, rule


def ask_words(kind: Kind) -> tuple[str, str, str]:
    """Draw the texts that readers see; gives title, consent and instructions."""
    title = st.text_input(
        "Title",
        DEFAULT_TITLE,
        key="study_title",
        persist_state="session",
        max_chars=120,
        help="Readers see it. It must not hint at what is altered, or that anything is.",
    ).strip()
    contact = st.text_input(
        "Responsible",
        key="study_contact",
        persist_state="session",
        max_chars=300,
        placeholder="name and address of the investigator; number of the ethics approval",
        help="Stands in the consent in place of the brackets.",
    ).strip()
    # Each question has texts of its own; what was written for one stays with it.
    consent = st.text_area(
        "Consent", consent_text(kind), key=f"study_consent_{kind}", persist_state="session", height=220
    )
    instructions = st.text_area(
        "Instructions",
        instructions_text(kind),
        key=f"study_instructions_{kind}",
        persist_state="session",
        height=220,
        help="The keys need not be named: the reader's page shows them.",
    )
    return title or DEFAULT_TITLE, consent.replace(CONTACT, contact or CONTACT), instructions
