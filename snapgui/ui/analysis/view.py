"""One analysis: what it says, tables, figures, who took part, downloads."""

import io
import zipfile
from pathlib import Path
from typing import Any

import streamlit as st
from plotly.graph_objects import Figure

from snapgui.errors import SnapError
from snapgui.report.study.captions import CAPTIONS
from snapgui.report.study.document import draw_pictures, study_document
from snapgui.report.study.figures import figure_bytes, study_figures
from snapgui.report.study.results import has_agreement_matrix
from snapgui.report.study.visibility_figure import SHOWN
from snapgui.study.analysis.analyse import analyse, analysis_text, measures_for
from snapgui.study.analysis.details import (
    agreement_table,
    measure_words,
    readers_tables,
    sessions_table,
    times_table,
    visibility_table,
)
from snapgui.study.analysis.rows import read_rows
from snapgui.study.analysis.tables import main_table
from snapgui.study.design.freeze import read_design
from snapgui.ui.analysis.charts import (
    CHARTS,
    agreement_chart,
    visibility_chart,
    visibility_measures,
)
from snapgui.ui.analysis.source import AnalysisSource
from snapgui.ui.parts.charts import show_chart
from snapgui.ui.parts.controls import control
from snapgui.ui.parts.downloads import document_buttons
from snapgui.ui.parts.text import plain, plain_rows
from snapgui.ui.state import get_state

AGREEMENT = "Agreement of readers, with each other and with themselves"
_EPOCH = (1980, 1, 1, 0, 0, 0)


def show_analysis(source: AnalysisSource) -> None:
    """Draw the analysis of some answers; one sentence where the files do not fit."""
    try:
        analysis = analysis_of(source.trials, source.design, source.folder)
    except SnapError as error:
        st.error(plain(error))
        return
    _say(analysis)
    _downloads(source, analysis)
    if not analysis["answers"]["rows"]:
        return
    if main_table(analysis):
        _results(analysis)
    with st.expander("Who took part: sessions, obvious pictures, what is left out and why"):
        st.table(plain_rows(sessions_table(analysis)), hide_index=True)
    with st.expander("Each reader"):
        for title, columns in readers_tables(analysis).items():
            st.caption(plain(title))
            st.table(plain_rows(columns), hide_index=True)
    with st.expander("How the numbers are computed"):
        for words in analysis["methods"].values():
            st.markdown(f"- {plain(words)}")


def _results(analysis: dict[str, Any]) -> None:
    """Charts and tables of the answers that count."""
    names, drawn = _drawn(analysis)
    _rows(analysis, names[:2], drawn)
    for title, columns in main_table(analysis).items():
        st.markdown(
            f"**{plain(title)}**",
            help=None if title != "Altered or not?" else plain(analysis["methods"]["over_readers"]),
        )
        st.table(plain_rows(columns), hide_index=True)
    st.caption(
        "In brackets: 95 % intervals, for other readers and other pictures of the same kind unless the row "
        "says otherwise. The last columns are differences. –: too few answers for this number."
    )
    beside = _rows(analysis, names[2:], drawn)
    for title, table in (
        ("Reaction times: ratios between arms", times_table(analysis)),
        (AGREEMENT, agreement_table(analysis)),
        (
            "Every measure of visibility: rank correlation with the share of readers who found the picture",
            visibility_table(analysis),
        ),
    ):
        if any(table.values()) and title != beside:
            with st.expander(plain(title)):
                st.table(plain_rows(table), hide_index=True)


def _drawn(analysis: dict[str, Any]) -> tuple[list[str], dict[str, Figure]]:
    """Names of the charts that there is something for, and those that no person chooses."""
    drawn = {name: figure for name, draw in CHARTS.items() if (figure := draw(analysis)) is not None}
    if has_agreement_matrix(analysis) and (matrix := agreement_chart(analysis)) is not None:
        drawn["agreement"] = matrix
    return [*drawn, *(["visibility"] if visibility_measures(analysis, SHOWN) else [])], drawn


def _rows(analysis: dict[str, Any], names: list[str], drawn: dict[str, Figure]) -> str:
    """Two charts beside each other, all of one width; gives the title of the table that takes the place
    beside a last one, empty where there is none.
    """
    for row in range(0, len(names), 2):
        columns = st.columns(2, gap="medium")
        for column, name in zip(columns, names[row : row + 2], strict=False):
            with column:
                show_chart(drawn[name] if name in drawn else _visibility(analysis), key=f"analysis_{name}")
                st.caption(CAPTIONS[name])
        if len(names) == row + 1 and any((table := agreement_table(analysis)).values()):
            with columns[1]:
                st.markdown(f"**{plain(AGREEMENT)}**")
                st.table(plain_rows(table), hide_index=True)
                return AGREEMENT
    return ""


def _visibility(analysis: dict[str, Any]) -> Figure:
    measures = visibility_measures(analysis, SHOWN)
    controls = get_state().controls
    if controls.get("analysis_measure") not in measures:
        controls["analysis_measure"] = measures[0]
    return visibility_chart(
        analysis,
        control(
            st.selectbox,
            "Measure",
            measures,
            key="analysis_measure",
            format_func=measure_words,
            label_visibility="collapsed",
        ),
    )


def _say(analysis: dict[str, Any]) -> None:
    about, *found = analysis["verdict"]
    st.caption(
        f"{plain(about)} Design {plain(analysis['study']['kind'])}, SHA-256 "
        f"{plain(analysis['study']['sha256'][:12])}."
    )
    if any(session["missing"] for session in analysis["sessions"]):
        st.caption(
            "Stopping as soon as the result pleases makes every interval too narrow: decide beforehand "
            "how many readers there will be."
        )
    for sentence in found:
        head, colon, rest = sentence.partition(": ")
        st.markdown(f"**{plain(head)}{plain(colon.strip())}** {plain(rest)}" if rest else plain(sentence))


def _downloads(source: AnalysisSource, analysis: dict[str, Any]) -> None:
    name = source.name
    with st.container(horizontal=True):
        st.download_button(
            "Numbers (JSON)",
            analysis_text(analysis),
            f"{name}-analysis.json",
            "application/json",
            key="analysis_json",
            on_click="ignore",
            help="Every number with its interval and counts, and where its method is described.",
        )
        st.download_button(
            "Answers (CSV)",
            source.trials,
            f"{name}-trials.csv",
            "text/csv",
            key="analysis_trials",
            on_click="ignore",
            help="One row per trial. With the design, every number here can be computed from it.",
        )
        for question, words in (("altered", "altered or not"), ("diagnosis", "diagnosis")):
            data = source.files.get(f"imrmc_{question}.csv", b"")
            if data.count(b"\n") > 1:
                st.download_button(
                    f"iMRMC, {plain(words)} (CSV)",
                    data,
                    f"{name}-imrmc-{question}.csv",
                    "text/csv",
                    key=f"analysis_imrmc_{question}",
                    on_click="ignore",
                    help="A data frame for the R package iMRMC of the FDA.",
                )
                st.download_button(
                    f"iMRMC, {plain(words)} (.imrmc)",
                    source.files[f"imrmc_{question}.imrmc"],
                    f"{name}-{question}.imrmc",
                    "text/plain",
                    key=f"analysis_imrmc_program_{question}",
                    on_click="ignore",
                    help="For the program iMRMC itself.",
                )
        if analysis["answers"]["rows"]:
            study_export_buttons(analysis, name)
            st.download_button(
                "Figures (ZIP)",
                lambda: _pictures(source),
                f"{name}-figures.zip",
                "application/zip",
                key="analysis_figures",
                on_click="ignore",
                help="Every figure as PNG and SVG, black on white.",
            )


def _pictures(source: AnalysisSource) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for kind in ("png", "svg"):
            for name, data in drawn_figures(source.trials, source.design, source.folder, kind).items():
                archive.writestr(
                    zipfile.ZipInfo(f"{source.name}/{name}.{kind}", date_time=_EPOCH),
                    data,
                    zipfile.ZIP_DEFLATED,
                )
    return stream.getvalue()


def study_export_buttons(analysis: dict[str, Any], name: str) -> None:
    """The report of a study's analysis; to be called inside a horizontal container."""
    with st.popover("Report", key="study_formats"):
        document_buttons(
            lambda: study_document(analysis, name=name, pictures=draw_pictures(analysis)), name, "study"
        )


@st.cache_data(max_entries=8, show_spinner="Computing")
def analysis_of(trials: str, design: str, folder: str | None) -> dict[str, Any]:
    """The analysis of two exported files; raises StudyError."""
    study, _ = read_design(design)
    return analyse(read_rows(trials), study, measures=measures_for(study, Path(folder) if folder else None))


@st.cache_data(max_entries=8, show_spinner="Drawing")
def drawn_figures(trials: str, design: str, folder: str | None, kind: str) -> dict[str, bytes]:
    """The figures of that analysis as ``png`` or ``svg``, by name."""
    return {
        name: figure_bytes(figure, kind)
        for name, figure in study_figures(analysis_of(trials, design, folder)).items()
    }
