"""Beside a new study: what a session holds, and what so many readers can show."""

import streamlit as st

from snapgui.study.design import Study
from snapgui.study.planning import Planned, compute_power, power_words
from snapgui.study.recipe import counted_trials
from snapgui.ui.studies import session_words


def show_power(study: Study, arms: list[str]) -> None:
    """Draw the column: the session, the number of readers, and the power in words, which follow every control."""
    settings = study.settings
    with st.container(border=True):
        st.markdown("**What a reader does**")
        sessions = "One session" if settings.sessions == 1 else f"{settings.sessions} sessions at least {settings.washout_days} days apart, each"
        st.markdown(f"{sessions} of {session_words(study)}.")
        st.markdown("**What the study can show**")
        left, right = st.columns(2, vertical_alignment="bottom")
        readers = left.number_input("Readers", 1, 1000, 6, key="study_readers", persist_state="session")
        share = right.number_input("True share right, per cent", 51, 99, 60, key="study_share", persist_state="session",
                                   help="How often readers are right in truth, if the change can be seen: 50 is guessing. The study should find such a share.")
        arm = arms[0] if len(arms) == 1 else st.segmented_control("On", arms, default=arms[0], required=True, key=f"study_power_{'-'.join(arms)}") or arms[0]
        altered, untouched = counted_trials(study, arm)
        if not altered:
            st.caption(f"No list shows {arm} in a trial that counts. Take more pictures.")
            return
        planned = Planned(int(readers), altered + untouched, share / 100, min(settings.margin, 0.99), *_assumptions())
        st.caption(_trials_words(settings.kind, arm, altered, untouched))
        for sentence in power_words(planned, compute_power(planned), arm=arm):
            st.markdown(sentence)
        lists = len(study.lists)
        st.caption(f"There are {lists} lists; with a multiple of {lists} readers each is used equally often.")


def _assumptions() -> tuple[float, float]:
    with st.popover("Assumptions"):
        reader = st.number_input("Likeness of two answers of one reader", 0.0, 0.9, 0.02, 0.01, key="study_reader_correlation", persist_state="session",
                                 help="Correlation of being right: 0 if readers are equally good, more if some are better than others.")
        case = st.number_input("Likeness of two readers' answers to one picture", 0.0, 0.9, 0.05, 0.01, key="study_case_correlation", persist_state="session",
                               help="Correlation of being right: 0 if pictures are equally hard, more if some are easier than others.")
        st.caption("Exact binomial tests, one-sided at 95 %, on the number of independent answers that all answers are worth (Kish's design effect, both ways).")
    return reader, case


def _trials_words(kind: str, arm: str, altered: int, untouched: int) -> str:
    if kind == "B":
        return f"Each reader answers {altered} pairs of {arm} and untouched."
    at = " at each exposure" if kind == "D" else ""
    return f"Each reader tells {altered} pictures of {arm} from {untouched} untouched ones{at}."
