"""Naturalness: how often patches fool the model against how well they are told from real tissue."""

from snapgui.ui.naturalness.view import show_naturalness
from snapgui.ui.parts.header import page_header
from snapgui.ui.state import get_state

page_header(
    get_state(),
    "Naturalness",
    "How often a patch fools the model, against how well detectors tell it from real tissue and how much it "
    "changes colours: SNAP, other attacks and controls in one figure, with their pictures.",
)
show_naturalness()
