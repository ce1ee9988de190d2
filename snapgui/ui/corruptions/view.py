"""Corruptions beside SNAP: what came out in words, the figure, and what a corruption looks like."""

import streamlit as st

from snapgui.audit.read import SavedAudit, finished_audits
from snapgui.corruptions.methods import corruption_methods
from snapgui.corruptions.store import Comparison, has_comparison, read_audited, read_shipped, table_of
from snapgui.corruptions.summary import OUTCOMES
from snapgui.corruptions.words import CAVEAT, HEAD, explanation, headline, point_cells
from snapgui.engine.corruptions.catalogue import corruption_of
from snapgui.errors import SnapError
from snapgui.ui.corruptions.chart import corruption_chart
from snapgui.ui.corruptions.resources import example
from snapgui.ui.parts.charts import show_chart
from snapgui.ui.parts.downloads import file_button, show_methods
from snapgui.ui.parts.text import plain, plain_rows
from snapgui.ui.result.comparison.viewer import comparison as viewer
from snapgui.ui.result.resources import compare_pictures
from snapgui.ui.result.visibility import present_display

RELEASE = "The shipped model, measured with this release"
SOURCE, POINT, MEASURE, OUTCOME, CURVE = (
    f"corruptions_{name}" for name in ("source", "point", "measure", "outcome", "curve")
)
MEASURE_WORDS = {"CIEDE2000": "de00", "SSIM": "ssim"}
OUTCOME_WORDS = {"Metastases": "lost", "Normal patches": "turned"}


def show_corruptions() -> None:
    """Draw what came out, the figure, and the corruption that was clicked."""
    audit = _choose_source()
    try:
        found = read_shipped() if audit is None else read_audited(audit)
    except SnapError as error:
        st.error(plain(error))
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        outcome = OUTCOME_WORDS[_choice("Pictures of", OUTCOME_WORDS, OUTCOME)]
        measure = MEASURE_WORDS[_choice("Visibility by", MEASURE_WORDS, MEASURE)]
        curves = {words: curve for curve, words in found.curves.items()}
        curve = curves[_choice("SNAP as", curves, CURVE)] if len(curves) > 1 else next(iter(found.curves))
    st.markdown(plain(headline(found, curve, outcome)))
    kind, grade = _choose_point(found, measure, outcome)
    _show_example(kind, grade, OUTCOMES[outcome])
    _show_numbers(found, kind, curve, outcome)
    _downloads(found, "release" if audit is None else audit.folder.name)


def _choose_source() -> SavedAudit | None:
    """An audit, or None for what was measured of the release."""
    audits = {audit.folder.name: audit for audit in finished_audits(has_comparison)}
    if not audits:
        return None
    chosen = st.selectbox(
        "Whose pictures",
        [RELEASE, *audits],
        key=SOURCE,
        format_func=lambda name: f"Audit {name}" if name in audits else name,
    )
    return audits.get(chosen or RELEASE)


def _choice(label: str, options: dict[str, str], key: str) -> str:
    first = next(iter(options))
    chosen = st.segmented_control(
        plain(label), list(options), default=first, required=True, key=key, persist_state="session"
    )
    return chosen if chosen in options else first


def _choose_point(found: Comparison, measure: str, outcome: str) -> tuple[str, int]:
    """Draw the figure and give kind and grade that were clicked or chosen from the list, at first a blur."""
    points = [(str(point["kind"]), int(point["grade"])) for point in found.numbers["corruptions"]]
    if st.session_state.get(POINT) not in points:
        blurs = [point for point in points if point[0] == "gaussian_blur"]
        st.session_state[POINT] = (blurs or points)[0]
    opened = st.session_state[POINT]
    # A chart of its own for each point opened, as on the figure of naturalness.
    key = f"corruptions-{opened[0]}-{opened[1]}-{measure}-{outcome}"
    show_chart(
        corruption_chart(found, measure=measure, outcome=outcome, opened=opened[0]),
        key=key,
        on_select=lambda: _open(key),
        selection_mode="points",
    )
    st.caption(
        "Up fools the model more often, left is less visible; bars are 95 % intervals. Each line is one kind "
        "of damage by its grades, or SNAP with 10 to 100 % of its change: at the same place from left to "
        f"right both are equally visible by this measure. {CAVEAT} Click a mark to see such a picture."
    )
    st.selectbox("Example of", points, key=POINT, format_func=lambda point: _point_words(*point))
    kind, grade = st.session_state[POINT]
    return str(kind), int(grade)


def _open(key: str) -> None:
    """Show the corruption that was clicked (callback); SNAP's marks have no example."""
    points = st.session_state[key].selection.points
    if points and points[0].get("customdata"):
        kind, grade = points[0]["customdata"]
        st.session_state[POINT] = (str(kind), int(grade))


def _point_words(kind: str, grade: int) -> str:
    return f"{corruption_of(kind).words}, {corruption_of(kind).strength_words(grade)}"


def _show_example(kind: str, grade: int, true_class: int) -> None:
    try:
        before, after = example(kind, grade, true_class)
    except SnapError as error:
        st.error(plain(error))
        return
    changed = (before != after).any(axis=2)
    viewer(
        compare_pictures(before, after, changed, present_display()),
        name=corruption_of(kind).words,
        key="corruptions-comparison",
    )
    st.caption("A synthetic demo patch, not tissue of a person; the numbers are of real patches.")


def _show_numbers(found: Comparison, kind: str, curve: str, outcome: str) -> None:
    st.markdown(f"**{plain(corruption_of(kind).words)} by its grades, beside SNAP no more visible**")
    rows = [
        point_cells(point, curve, outcome)[1:]
        for point in found.numbers["corruptions"]
        if point["kind"] == kind
    ]
    columns = {head: [row[place] for row in rows] for place, head in enumerate(HEAD[1:])}
    st.table(plain_rows(columns), hide_index=True)
    with st.expander("What the columns mean"):
        st.markdown(f"Measured on: {plain(found.words)}")
        st.caption(plain(explanation(found)))


def _downloads(found: Comparison, name: str) -> None:
    with st.container(horizontal=True, width="content"):
        file_button(
            "Table (CSV)",
            lambda: table_of(found).encode(),
            f"{name}-corruptions.csv",
            "text/csv",
            "corruptions_table",
            "A line for each corruption and grade and each strength of SNAP, with counts and intervals.",
        )
        with st.popover("Methods", key="corruptions_methods"):
            show_methods(corruption_methods(found))
