"""Of a new study's protocol: what is fixed beforehand, and what readers are told."""

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
from snapgui.ui.parts.controls import own_control
from snapgui.ui.parts.text import plain


def ask_beforehand() -> tuple[float, ExclusionRule]:
    """Draw the margin and the rule that leaves sessions out, and give them."""
    first, second, third, fourth = st.columns(4, vertical_alignment="bottom")
    margin = own_control(
        first.number_input,
        "Margin, per cent correct",
        51,
        95,
        key="study_margin",
        first=60,
        help="Up to this share of correct answers the change counts as practically unnoticed; 50 is "
        "guessing. It cannot be changed after the answers are seen.",
    )
    catch = own_control(
        second.number_input,
        "Obvious pictures found, per cent at least",
        0,
        100,
        key="study_min_catch",
        first=75,
        step=5,
        help="Sessions below are left out.",
    )
    fast = own_control(
        third.number_input, "Too fast below, ms", 0, 5000, key="study_fast", first=200, step=50
    )
    share = own_control(
        fourth.number_input,
        "Too fast answers, per cent at most",
        0,
        100,
        key="study_fast_share",
        first=20,
        step=5,
        help="Sessions above are left out.",
    )
    rule = ExclusionRule(min_catch_share=catch / 100, fast_ms=float(fast), max_fast_share=share / 100)
    st.caption(plain(exclusion_words(rule)))
    return margin / 100, rule


def ask_title() -> tuple[str, str]:
    """Draw the title and who is responsible, and give them."""
    title = own_control(
        st.text_input,
        "Title",
        key="study_title",
        first=DEFAULT_TITLE,
        max_chars=120,
        help="Readers see it. It must not hint at what is altered, or that anything is.",
    ).strip()
    contact = own_control(
        st.text_input,
        "Responsible",
        key="study_contact",
        first="",
        max_chars=300,
        placeholder="name and address of the investigator; number of the ethics approval",
        help="Stands in the consent in place of the brackets.",
    ).strip()
    return title or DEFAULT_TITLE, contact or CONTACT


def ask_texts(kind: Kind) -> tuple[str, str]:
    """Draw the texts that readers see, and give consent and instructions; each question has its own, and what
    was written for one stays with it.
    """
    left, right = st.columns(2)
    consent = own_control(
        left.text_area, "Consent", key=f"study_consent_{kind}", first=consent_text(kind), height=220
    )
    instructions = own_control(
        right.text_area,
        "Instructions",
        key=f"study_instructions_{kind}",
        first=instructions_text(kind),
        height=220,
        help="The keys need not be named: the reader's page shows them.",
    )
    return consent, instructions
