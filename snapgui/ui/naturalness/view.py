"""Success against naturalness, and the pictures of the point that was clicked."""

import streamlit as st

from snapgui.audit.read import SavedAudit, finished_audits
from snapgui.engine.detector.cases import Case
from snapgui.errors import SnapError
from snapgui.naturalness.frontier import (
    AXES,
    Frontier,
    Point,
    has_numbers,
    read_audited,
    read_shipped,
    shipped_examples,
)
from snapgui.naturalness.words import HEAD, condition_cells, explanation
from snapgui.ui.naturalness.chart import drawn_points, frontier_chart
from snapgui.ui.naturalness.resources import audit_examples
from snapgui.ui.parts.charts import show_chart
from snapgui.ui.parts.text import plain, plain_rows
from snapgui.ui.result.comparison.viewer import comparison
from snapgui.ui.result.resources import compare_pictures
from snapgui.ui.result.visibility import present_display
from snapgui.words import counted

RELEASE = "The shipped model, measured with this release"
POINT, SOURCE, AXIS = (f"naturalness_{name}" for name in ("point", "source", "axis"))


def show_naturalness() -> None:
    """Draw the figure, what its points are, and the pictures of one of them."""
    audit = _choose_source()
    try:
        frontier = read_shipped() if audit is None else read_audited(audit)
    except SnapError as error:
        st.error(plain(error))
        return
    st.markdown(f"Measured on: {plain(frontier.words)}")
    point = _choose_point(frontier)
    st.markdown(f"**Pictures of {frontier.points.index(point) + 1:,} {plain(point.words)}**")
    _show_pictures(point, audit)
    _show_numbers(frontier)


def _choose_source() -> SavedAudit | None:
    """An audit, or None for what was measured of the release."""
    audits = {audit.folder.name: audit for audit in finished_audits(has_numbers)}
    if not audits:
        return None
    chosen = st.selectbox(
        "Whose patches",
        [RELEASE, *audits],
        key=SOURCE,
        format_func=lambda name: f"Audit {name}" if name in audits else name,
    )
    return audits.get(chosen or RELEASE)


def _choose_point(frontier: Frontier) -> Point:
    """Draw the figure and give the point that was clicked or chosen from the list, at first the first one."""
    names = [point.name for point in frontier.points]
    if st.session_state.get(POINT) not in names:
        st.session_state[POINT] = names[0]
    axis = st.segmented_control(
        "How natural, by",
        list(AXES),
        default=next(iter(AXES)),
        required=True,
        key=AXIS,
        persist_state="session",
    )
    against, opened = AXES[axis or next(iter(AXES))], st.session_state[POINT]
    # A chart of its own for each point opened: else a second click on the same point would only take the
    # selection back.
    key = f"naturalness-{opened}-{axis}"
    show_chart(
        frontier_chart(frontier, against, opened=opened),
        key=key,
        on_select=lambda: _open(key),
        selection_mode="points",
    )
    left_out = len(names) - len(drawn_points(frontier, against))
    st.caption(
        "Up fools the model more often, left is more natural; bars are 95 % intervals. Point at a mark to "
        "read all its numbers, click it to see its pictures."
        + (f" Not drawn, since not measured so: {counted(left_out, 'condition')}." if left_out else "")
    )
    st.selectbox(
        "Pictures of",
        names,
        key=POINT,
        format_func=lambda name: f"{names.index(name) + 1} {_point(frontier, name).words}",
    )
    return _point(frontier, st.session_state[POINT])


def _show_numbers(frontier: Frontier) -> None:
    with st.expander("All numbers"):
        rows = [condition_cells(point.words, dict(point.numbers)) for point in frontier.points]
        st.table(
            plain_rows({head: [row[column] for row in rows] for column, head in enumerate(HEAD)}),
            hide_index=True,
        )
        st.caption(plain(explanation({point.name: dict(point.numbers) for point in frontier.points})))


def _point(frontier: Frontier, name: str) -> Point:
    return frontier.point(name) or frontier.points[0]


def _open(key: str) -> None:
    """Show the pictures of the point that was clicked (callback)."""
    points = st.session_state[key].selection.points
    if points:
        st.session_state[POINT] = points[0]["customdata"][0]


def _show_pictures(point: Point, audit: SavedAudit | None) -> None:
    """One of the example pictures of a point beside its original."""
    try:
        if audit is None:
            cases, whose = shipped_examples(point.name)
        else:
            cases, whose = audit_examples(audit, point.name), ""
    except SnapError as error:
        st.error(plain(error))
        return
    if not cases:
        st.caption("No example picture is kept of this condition.")
        return
    chosen = st.segmented_control(
        "Picture",
        range(len(cases)),
        default=0,
        required=True,
        # Of its own for each condition: the words on the buttons are not the same.
        key=f"naturalness-picture-{point.name}",
        format_func=lambda place: f"{place + 1}, {plain(_outcome(cases[place]))}",
    )
    case = cases[chosen or 0]
    comparison(
        compare_pictures(case.original, case.altered, case.mask, present_display()),
        name=point.short,
        key="naturalness-comparison",
    )
    if whose:
        st.caption(plain(whose))


def _outcome(case: Case) -> str:
    return "model fooled" if case.flipped else "not fooled"
