"""The verdict card, the same wherever an altered picture is shown."""

from html import escape

import streamlit as st

from snapgui.runs.verdict import Card


def show_card(card: Card, *, of: str) -> None:
    """Draw the answers before and after, the findings in a word or two, and one sentence.

    ``of`` names for scripts and tests what the card is of.
    """
    chips = "".join(
        f'<span class="snap-chip{" on" if chip.holds else ""}">{escape(chip.words)}</span>'
        for chip in card.chips
    )
    st.html(
        f'<div class="snap-card" data-of="{escape(of)}">'
        f'<p class="answers"><span>{escape(card.before)}</span> <span>→ {escape(card.after)}</span></p>'
        f'<p class="chips">{chips}</p><p class="sentence">{escape(card.sentence)}</p></div>'
    )
