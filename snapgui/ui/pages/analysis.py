"""Analysis: what the answers of a reader study show, with bounds; also while it is running."""

from snapgui.ui.analysis.source import choose_answers
from snapgui.ui.analysis.view import show_analysis
from snapgui.ui.parts.header import page_header
from snapgui.ui.state import get_state

state = get_state()
page_header(
    state,
    "Analysis",
    "Did readers notice? Every arm against untouched pictures, SNAP beside its sham, with "
    "intervals that hold for other readers and other pictures.",
)
source = choose_answers()
if source is not None:
    show_analysis(source)
