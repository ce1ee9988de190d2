"""One finished audit: verdict, downloads, and one part at a time: pictures, who falls, controls, numbers."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import plotly.graph_objects as go
import streamlit as st

from snapgui.audit import words
from snapgui.audit.choose import by_area, by_group, goal_curves, measured
from snapgui.audit.read import FinishedAudit
from snapgui.audit.rows import to_csv
from snapgui.audit.settings import Condition, Group
from snapgui.errors import SnapError
from snapgui.report.audit.bundle import audit_bundle
from snapgui.report.audit.document import audit_document
from snapgui.report.audit.methods import audit_methods
from snapgui.ui.audit.charts import area_chart, dots_chart, frontier_chart, goal_chart
from snapgui.ui.audit.cohorts import show_cohorts
from snapgui.ui.audit.light_box.view import show_light_box
from snapgui.ui.audit.resources import finished_audit
from snapgui.ui.parts.charts import show_chart
from snapgui.ui.parts.downloads import document_buttons, file_button, show_methods
from snapgui.ui.parts.text import plain, plain_rows
from snapgui.ui.state import SnapState


def show_audit(state: SnapState, folder: Path) -> None:
    """Draw a finished audit; one sentence where its files are damaged."""
    try:
        audit = finished_audit(folder)
    except SnapError as error:
        st.error(plain(error))
        return
    st.subheader(plain(words.headline(audit)), anchor=False)
    st.markdown(plain(words.beside(audit)))
    if not audit.summary["conditions"]:
        _downloads(audit)
        st.table(plain_rows(words.accuracy_table(audit, [])), hide_index=True)
        return
    parts: dict[str, Callable[[], None]] = {
        "Pictures": lambda: show_light_box(state, audit),
        "Who falls": lambda: show_cohorts(audit),
        "Controls": lambda: _show_standard(audit),
    }
    compared = {group: conditions for group, conditions in by_group(audit.settings).items() if conditions}
    compared.pop("standard", None)
    if compared:
        parts["Comparisons"] = lambda: _show_groups(audit, compared)
    parts["Details"] = lambda: _show_details(audit)
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom"):
        # One part is drawn at a time: charts take longer than all the rest of the page.
        part = st.segmented_control(
            "Show",
            list(parts),
            default="Pictures",
            required=True,
            key="audit_part",
            persist_state="session",
            label_visibility="collapsed",
        )
        _downloads(audit)
    parts.get(part or "Pictures", parts["Pictures"])()


def _show_standard(audit: FinishedAudit) -> None:
    conditions = by_group(audit.settings)["standard"]
    st.markdown("**How often the model was fooled: SNAP and its controls**", help=words.CONDITIONS_HELP)
    left, right = st.columns([1.2, 1])
    with left:
        _dots(audit, "standard", conditions)
    with right:
        if curves := goal_curves(audit):
            _chart(goal_chart(curves), "goal", words.goal_caption(audit))
        else:
            st.info("No image was fooled, so there is no curve of how soon.")
    names = _names(conditions)
    st.table(plain_rows(words.effect_table(audit, names)), hide_index=True)


def _show_groups(audit: FinishedAudit, groups: Mapping[Group, list[Condition]]) -> None:
    for group, conditions in groups.items():
        st.markdown(f"**{words.GROUP_WORDS[group]}**")
        if group == "area":
            st.markdown(plain(words.paper_area_words(audit)))
            series = by_area(audit)
            left, right = st.columns(2)
            with left:
                _chart(area_chart(series), "area", words.AREA_CAPTION)
            with right:
                _chart(
                    frontier_chart(series),
                    "frontier",
                    "What fooling costs in visibility: up is stronger, left is harder to see. Labels: areas.",
                )
        else:
            _dots(audit, group, conditions)
        with st.expander(f"{words.GROUP_WORDS[group]}: the numbers"):
            for table in (words.effect_table, words.accuracy_table, words.cost_table):
                st.table(plain_rows(table(audit, _names(conditions))), hide_index=True)


def _show_details(audit: FinishedAudit) -> None:
    for told in (words.area_and_centre, words.naturalness, words.counts, words.paper_words):
        st.markdown(plain(told(audit)))
    names = _names(by_group(audit.settings)["standard"])
    st.markdown(f"**{words.EVERYBODY}**")
    st.table(plain_rows(words.accuracy_table(audit, names)), hide_index=True)
    if audit.settings.source != "both":
        st.caption(words.ONE_CLASS)
    st.markdown("**How visible, and how costly**", help=words.COST_HELP)
    st.table(plain_rows(words.cost_table(audit, names)), hide_index=True)


def _names(conditions: Sequence[Condition]) -> list[str]:
    return [condition.name for condition in conditions]


def _dots(audit: FinishedAudit, key: str, conditions: Sequence[Condition]) -> None:
    chart = dots_chart(measured(audit, conditions), words.condition_names(audit.settings))
    _chart(chart, key, words.DOTS_CAPTION)


def _chart(figure: go.Figure, key: str, caption: str) -> None:
    show_chart(figure, key=f"audit-{key}")
    st.caption(plain(caption))


def _downloads(audit: FinishedAudit) -> None:
    name = audit.folder.name
    with st.container(horizontal=True, width="content"):
        file_button(
            "Table (CSV)",
            lambda: to_csv(audit.rows).encode(),
            f"{name}-rows.csv",
            "text/csv",
            "audit_rows",
            "One row for each image and condition.",
        )
        file_button(
            "Numbers (JSON)",
            lambda: (audit.folder / "summary.json").read_bytes(),
            f"{name}-summary.json",
            "application/json",
            "audit_summary",
            "Every share with its interval, every median.",
        )
        file_button(
            "Everything (ZIP)",
            lambda: audit_bundle(audit),
            f"{name}.zip",
            "application/zip",
            "audit_zip",
            "Table, numbers, settings and SNAP's pictures, with hashes: “snap verify” checks it on any "
            "computer.",
        )
        with st.popover("Report", key="audit_formats"):
            document_buttons(lambda: audit_document(audit), name, "audit")
        with st.popover("Methods", key="audit_methods"):
            show_methods(audit_methods(audit))
