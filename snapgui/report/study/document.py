"""The report of a study's analysis: its sentences first, then every figure that it holds, each with its
interval.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from snapgui.errors import DataError
from snapgui.report.bundle.manifest import NOTICE
from snapgui.report.pages.document import Document, Picture, Section, Table
from snapgui.report.study.tables import flat_figures, plain, tables_of

VERDICT, METHODS, STUDY = "verdict", "methods", "study"
CAPTIONS = {
    "arms": "Each arm with its 95 % interval, beside chance and the margin fixed beforehand.",
    "roc": "ROC curves of all answers together; a mark is a rating.",
    "readers": "Each reader alone, with the 95 % interval of that reader.",
    "exposure": "By time of exposure, with 95 % intervals.",
    "times": "Reaction times by the browser's clock: median and quartiles.",
    "agreement": "Agreement of every pair of readers.",
    "visibility": "Share of readers who found a picture, against what it measures.",
}
FIGURE_DPI = 200
MAX_BYTES = 64 << 20
Figures = Mapping[str, Any]


def read_analysis(path: Path) -> dict[str, Any]:
    """An ``analysis.json``; raises DataError where it is none."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise DataError(
                f"{path.name} has over {MAX_BYTES >> 20} MB; no analysis is as long. Give the "
                "analysis.json of a study."
            )
        analysis = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(analysis, dict) or not isinstance(analysis.get(VERDICT), list):
            raise ValueError("it has no sentences under “verdict”")
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(
            f"{path} is no analysis of a study ({str(error)[:120]}). Give the analysis.json that "
            "“study analyse” writes."
        ) from error
    return analysis


def draw_pictures(analysis: Figures) -> list[tuple[str, bytes]]:
    """The figures of an analysis as PNG with their captions; none for an analysis of other makers."""
    from snapgui.report.study.figures import figure_bytes, study_figures

    try:
        figures = study_figures(analysis)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):
        return []
    return [
        (CAPTIONS.get(name, plain(name)), figure_bytes(figure, "png")) for name, figure in figures.items()
    ]


def study_document(
    analysis: Figures, *, name: str = "", pictures: Sequence[tuple[str, bytes]] = ()
) -> Document:
    """The report of an analysis.

    Args:
        analysis: as ``analysis.json`` holds it.
        name: of the study, for people.
        pictures: figures as PNG with their captions.
    """
    sentences = [str(one) for one in analysis.get(VERDICT, [])]
    said = analysis.get(STUDY)
    about: Figures = said if isinstance(said, Mapping) else {}
    shown = tuple(Picture(png, caption, _width_px(png)) for caption, png in pictures)
    sections = [Section("Figures", pictures=shown)] if shown else []
    all_figures = (
        (
            "Brackets are 95 % intervals; lower and upper are one-sided 95 % bounds. Everything else "
            "that was computed stands in analysis.json."
        ),
    )
    for key, value in analysis.items():
        if key in (VERDICT, METHODS, STUDY, "format") or not value:
            continue
        tables = tuple(tables_of(value))
        if tables:
            sections.append(
                Section(
                    plain(key).capitalize(),
                    all_figures if len(sections) == len(shown[:1]) else (),
                    tables=tables,
                )
            )
    methods = analysis.get(METHODS)
    if methods:
        lines = (
            [f"{plain(what).capitalize()}: {words}" for what, words in methods.items()]
            if isinstance(methods, Mapping)
            else list(map(str, methods))
        )
        sections.append(Section("Methods", tuple(lines)))
    sections.append(
        Section("Design", tables=(Table(("What", "Value"), tuple(flat_figures(about))),))
        if about
        else Section("Design")
    )
    title = str(about.get("title") or name or "a reader study")
    text = {
        "Software": "SNAP Studio",
        "Study": name,
        "Design SHA-256": str(about.get("sha256", "")),
        "Comment": NOTICE,
    }
    return Document(
        f"Reader study: {title}",
        sentences[1] if len(sentences) > 1 else " ".join(sentences),
        tuple(sentences[:1] + sentences[2:]) if len(sentences) > 1 else (),
        tuple(section for section in sections if section.tables or section.sentences or section.pictures),
        text,
    )


def _width_px(png: bytes) -> int:
    """As wide as its figure was laid out, at most the page; the width stands in a PNG's header."""
    return min(860, int.from_bytes(png[16:20], "big") * 96 // FIGURE_DPI)
