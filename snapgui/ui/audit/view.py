"""One finished audit: verdict, tables, charts, pictures, downloads."""

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from snapgui.audit.settings import GROUPS, SNAP, Condition, conditions_of
from snapgui.audit.summary import goal_curve
from snapgui.errors import SnapError
from snapgui.report.audit.bundle import audit_bundle
from snapgui.report.audit.document import audit_document
from snapgui.report.audit.files import AuditFiles, read_audit_files
from snapgui.report.audit.gallery import audit_sheet
from snapgui.report.pages.contact_sheet import sheet_png
from snapgui.ui.audit.audits import KeptAudit, read_figures
from snapgui.ui.audit.charts import area_chart, dots_chart, frontier_chart, goal_chart
from snapgui.ui.audit.gallery import show_extremes
from snapgui.ui.audit.resources import audit_rows
from snapgui.ui.audit.words import (
    CONDITIONS_HELP,
    COST_HELP,
    Figures,
    circumstances,
    cost_table,
    effect_table,
    find_condition,
    names_of,
    paper_area_words,
    verdict,
)
from snapgui.ui.parts.charts import CONFIG
from snapgui.ui.parts.downloads import document_buttons, file_button
from snapgui.ui.parts.words import GROUP_WORDS
from snapgui.ui.state import SnapState


def show_audit(state: SnapState, audit: KeptAudit) -> None:
    """Draw a finished audit; one sentence where its files are damaged."""
    try:
        summary, rows = read_figures(audit), audit_rows(audit.folder)
    except SnapError as error:
        st.error(str(error))
        return
    st.subheader(verdict(summary, audit.settings), anchor=False)
    _downloads(audit, rows)
    if not summary["conditions"]:
        st.table(effect_table(summary, audit.settings, [], paper=False), hide_index=True)
        return
    st.markdown(circumstances(summary, audit.settings))
    groups = _by_group(audit)
    _show_standard(audit, summary, rows, [condition.name for condition in groups["standard"]])
    for group in GROUPS[1:]:
        if groups[group]:
            _show_group(audit, summary, group, groups[group])
    show_extremes(state, audit, rows)


def _by_group(audit: KeptAudit) -> dict[str, list[Condition]]:
    asked = conditions_of(audit.settings)
    return {group: [condition for condition in asked if condition.group == group] for group in GROUPS}


def _downloads(audit: KeptAudit, rows: pd.DataFrame) -> None:
    name = audit.folder.name
    with st.container(horizontal=True):
        st.download_button(
            "Table (CSV)",
            lambda: rows.to_csv(index=False),
            f"{name}-rows.csv",
            "text/csv",
            key="audit_rows",
            on_click="ignore",
            help="One row for each image and condition.",
        )
        st.download_button(
            "Figures (JSON)",
            lambda: (audit.folder / "summary.json").read_text(encoding="utf-8"),
            f"{name}-summary.json",
            "application/json",
            key="audit_summary",
            on_click="ignore",
            help="Every share with its interval, every median.",
        )
        audit_export_buttons(audit)


def _show_standard(audit: KeptAudit, summary: Figures, rows: pd.DataFrame, names: list[str]) -> None:
    st.markdown("**SNAP and its controls**", help=CONDITIONS_HELP)
    st.table(effect_table(summary, audit.settings, names, paper=True), hide_index=True)
    st.caption(
        "Figures after the arrow, sensitivity and specificity are those with the altered images in place of "
        "the untouched ones. Since only one class is attacked, accuracy cannot fall below the share of the "
        "other; how often the model was fooled says more."
        if audit.settings.source != "both"
        else (
            "Figures after the arrow, sensitivity and specificity are those with the altered images in "
            "place of the untouched ones."
        )
    )
    left, right = st.columns(2)
    with left:
        _chart(
            dots_chart(_figures(summary, names), names_of(audit.settings)),
            "standard",
            "How often the model was fooled; bars are 95 % intervals.",
        )
    with right:
        curves = {
            f"{SNAP}, centre {condition.cells.centre}": goal_curve(
                rows, condition.name, _last_step(audit, rows)
            )
            for condition in conditions_of(audit.settings)
            if condition.group == "standard" and condition.name.startswith(SNAP)
        }
        goal = audit.settings.attack.confidence * 100
        _chart(
            goal_chart(curves),
            "goal",
            f"How soon: share of the attacked images for which the wrong class had {goal:g} % or more.",
        )
    st.markdown("**How visible, and how costly**", help=COST_HELP)
    st.table(cost_table(summary, audit.settings, names), hide_index=True)


def _show_group(audit: KeptAudit, summary: Figures, group: str, conditions: list[Condition]) -> None:
    st.markdown(f"**{GROUP_WORDS[group]}**")
    names = [condition.name for condition in conditions]
    if group == "area":
        st.markdown(paper_area_words(summary))
        series = {
            f"centre {centre}": _figures(
                summary, [condition.name for condition in conditions if condition.cells.centre == centre]
            )
            for centre in ("open", "excluded")
        }
        left, right = st.columns(2)
        with left:
            _chart(
                area_chart(series),
                "area",
                "How often the model was fooled, by area; bars are 95 % intervals, drawn a little "
                "apart where they would hide each other.",
            )
        with right:
            _chart(
                frontier_chart(series),
                "frontier",
                "What fooling costs in visibility: up is stronger, left is harder to see. Labels are areas.",
            )
    else:
        _chart(
            dots_chart(_figures(summary, names), names_of(audit.settings)),
            group,
            "How often the model was fooled; bars are 95 % intervals.",
        )
    with st.expander(f"{GROUP_WORDS[group]}: the figures"):
        st.table(effect_table(summary, audit.settings, names, paper=False), hide_index=True)
        st.table(cost_table(summary, audit.settings, names), hide_index=True)


def _figures(summary: Figures, names: list[str]) -> list[Figures]:
    found = (find_condition(summary, name) for name in names)
    return [one for one in found if one is not None]


def _last_step(audit: KeptAudit, rows: pd.DataFrame) -> int:
    taken = rows["best_step"].dropna()
    return max(audit.settings.attack.steps, int(taken.max()) if len(taken) else 0)


def _chart(figure: go.Figure, key: str, words: str) -> None:
    st.plotly_chart(figure, key=f"audit-{key}", config=CONFIG, theme=None)
    st.caption(words)


def audit_export_buttons(audit: KeptAudit) -> None:
    """Downloads of a finished audit beside its table; to be called inside a horizontal container."""
    name = audit.folder.name

    def files() -> AuditFiles:
        return read_audit_files(audit.folder)

    file_button(
        "Everything (ZIP)",
        lambda: audit_bundle(files()),
        f"{name}.zip",
        "application/zip",
        "audit_zip",
        "Table, figures, settings and SNAP's pictures, with hashes: “python -m snapgui verify” "
        "checks it on any computer.",
    )
    with st.popover("Report", key="audit_formats"):
        document_buttons(lambda: audit_document(files()), name, "audit")
        file_button(
            "Contact sheet (PNG)",
            lambda: sheet_png(audit_sheet(files())),
            f"{name}-sheet.png",
            "image/png",
            "audit-sheet",
            "The images that fooled the model most surely, on one sheet.",
        )
