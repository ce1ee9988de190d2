"""One finished audit: verdict, tables, charts, pictures, downloads."""

from collections.abc import Sequence
from pathlib import Path

import plotly.graph_objects as go
import streamlit as st

from snapgui.audit import words
from snapgui.audit.choose import by_area, by_group, goal_curves, measured
from snapgui.audit.read import FinishedAudit
from snapgui.audit.settings import Condition
from snapgui.errors import SnapError
from snapgui.report.audit.bundle import audit_bundle
from snapgui.report.audit.document import audit_document
from snapgui.report.audit.gallery import audit_sheet
from snapgui.report.pages.contact_sheet import sheet_png
from snapgui.ui.audit.charts import area_chart, dots_chart, frontier_chart, goal_chart
from snapgui.ui.audit.gallery import show_extremes
from snapgui.ui.audit.resources import finished_audit
from snapgui.ui.parts.charts import show_chart
from snapgui.ui.parts.downloads import document_buttons, file_button
from snapgui.ui.state import SnapState


def show_audit(state: SnapState, folder: Path) -> None:
    """Draw a finished audit; one sentence where its files are damaged."""
    try:
        audit = finished_audit(folder)
    except SnapError as error:
        st.error(str(error))
        return
    st.subheader(words.verdict(audit), anchor=False)
    _downloads(audit)
    if not audit.summary["conditions"]:
        st.table(words.accuracy_table(audit, []), hide_index=True)
        return
    for told in (words.area_and_centre, words.naturalness, words.counts, words.paper_words):
        st.markdown(told(audit))
    groups = by_group(audit.settings)
    _show_standard(audit, groups.pop("standard"))
    for group, conditions in groups.items():
        if conditions:
            _show_group(audit, group, conditions)
    show_extremes(state, audit)


def _show_standard(audit: FinishedAudit, conditions: Sequence[Condition]) -> None:
    names = [condition.name for condition in conditions]
    st.markdown("**SNAP and its controls**", help=words.CONDITIONS_HELP)
    st.table(words.effect_table(audit, names), hide_index=True)
    left, right = st.columns(2)
    with left:
        _dots(audit, "standard", conditions)
    with right:
        _chart(goal_chart(goal_curves(audit)), "goal", words.goal_caption(audit))
    st.markdown(f"**{words.EVERYBODY}**")
    st.table(words.accuracy_table(audit, names), hide_index=True)
    if audit.settings.source != "both":
        st.caption(words.ONE_CLASS)
    st.markdown("**How visible, and how costly**", help=words.COST_HELP)
    st.table(words.cost_table(audit, names), hide_index=True)


def _show_group(audit: FinishedAudit, group: str, conditions: Sequence[Condition]) -> None:
    st.markdown(f"**{words.GROUP_WORDS[group]}**")
    if group == "area":
        st.markdown(words.paper_area_words(audit))
        series = by_area(audit)
        left, right = st.columns(2)
        with left:
            _chart(area_chart(series), "area", words.AREA_CAPTION)
        with right:
            _chart(
                frontier_chart(series),
                "frontier",
                "What fooling costs in visibility: up is stronger, left is harder to see. Labels are areas.",
            )
    else:
        _dots(audit, group, conditions)
    names = [condition.name for condition in conditions]
    with st.expander(f"{words.GROUP_WORDS[group]}: the numbers"):
        for table in (words.effect_table, words.accuracy_table, words.cost_table):
            st.table(table(audit, names), hide_index=True)


def _dots(audit: FinishedAudit, key: str, conditions: Sequence[Condition]) -> None:
    chart = dots_chart(measured(audit, conditions), words.condition_names(audit.settings))
    _chart(chart, key, words.DOTS_CAPTION)


def _chart(figure: go.Figure, key: str, caption: str) -> None:
    show_chart(figure, key=f"audit-{key}")
    st.caption(caption)


def _downloads(audit: FinishedAudit) -> None:
    name = audit.folder.name
    with st.container(horizontal=True):
        file_button(
            "Table (CSV)",
            lambda: audit.rows.to_csv(index=False).encode(),
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
            file_button(
                "Contact sheet (PNG)",
                lambda: sheet_png(audit_sheet(audit)),
                f"{name}-sheet.png",
                "image/png",
                "audit-sheet",
                "The images that fooled the model most surely, on one sheet.",
            )
