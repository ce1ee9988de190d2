"""The report of a study's analysis: its sentences first, then figures and tables, each estimate with its
interval.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from snapgui.errors import DAMAGED, DataError
from snapgui.report.bundle.manifest import NOTICE
from snapgui.report.pages.document import Document, Picture, Section, Table
from snapgui.report.study.captions import CAPTIONS
from snapgui.report.study.methods import analysis_methods
from snapgui.report.study.results import (
    design_sentences,
    has_agreement_matrix,
    limit_sentences,
    question_sentences,
    reader_sentences,
    secondary_tables,
)
from snapgui.study.analysis.bounds import bounds_table
from snapgui.study.analysis.details import (
    agreement_table,
    answers_table,
    design_table,
    medians_table,
    pairs_table,
    pictures_tables,
    readers_tables,
    repeats_table,
    sessions_table,
    times_table,
    visibility_table,
)
from snapgui.study.analysis.tables import Columns, main_table

FIGURE_DPI = 200
MAX_BYTES = 64 << 20
PARTS = (
    *("verdict", "study", "answers", "sessions", "detection", "by_exposure", "choices", "diagnosis"),
    *("reaction_times", "readers", "agreement", "repeats", "visibility", "methods"),
)
APPENDIX = "Appendix: "
INTERVAL_WORDS = (
    "In brackets: 95 % intervals, for other readers and other pictures of the same kind unless the row says "
    "otherwise. The last columns are differences; those of shares are in per cent points. –: too few answers "
    "for this estimate."
)
METHOD_WORDS = {
    "rates": "Shares",
    "d_prime": "d' and criterion",
    "area": "Area under the ROC curve",
    "lroc": "Area under the LROC curve",
    "over_readers": "Over readers and sources",
    "two_choice": "Choices between two",
    "margin": "Margin",
    "kappa": "Agreement",
    "visibility": "Visibility",
}
Values = Mapping[str, Any]


def read_analysis(path: Path) -> dict[str, Any]:
    """An ``analysis.json``; raises DataError where it is none, or lacks what a report tells."""
    if path.is_file() and path.stat().st_size > MAX_BYTES:
        raise DataError(
            f"{path.name} has over {MAX_BYTES >> 20} MB; no analysis is as long. Give the analysis.json of a "
            "study."
        )
    with _told_if_no_analysis(str(path)):
        analysis = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(analysis, dict):
            raise ValueError("it holds no named parts")
        if missing := [part for part in PARTS if part not in analysis]:
            raise ValueError(f"it lacks {', '.join(missing)}")
        study_document(analysis)
    return analysis


def draw_pictures(analysis: Values) -> list[tuple[str, bytes]]:
    """The figures of an analysis as PNG with their captions, that of the primary result first; raises
    DataError where it is none.
    """
    from snapgui.report.study.figures import figure_bytes, study_figures

    with _told_if_no_analysis("This"):
        return [
            (CAPTIONS[name], figure_bytes(figure, "png"))
            for name, figure in study_figures(analysis).items()
            if name != "agreement" or has_agreement_matrix(analysis)
        ]


@contextmanager
def _told_if_no_analysis(what: str) -> Iterator[None]:
    try:
        yield
    except DAMAGED as error:
        raise DataError(
            f"{what} is no analysis of a study ({type(error).__name__}: {str(error)[:120]}). Give the "
            "analysis.json that “study analyse” writes."
        ) from error


def study_document(
    analysis: Values, *, name: str = "", pictures: Sequence[tuple[str, bytes]] = ()
) -> Document:
    """The report of an analysis.

    Args:
        analysis: as ``analysis.json`` holds it.
        name: of the study, for people.
        pictures: figures as PNG with their captions.
    """
    shown = tuple(Picture(png, caption, _width_px(png)) for caption, png in pictures)
    study = analysis["study"]
    text = {
        "Software": "SNAP Studio",
        "Study": name,
        "Design SHA-256": study["sha256"],
        "Comment": NOTICE,
    }
    return Document(
        f"Reader study: {study['title'] or name}",
        analysis["verdict"][1],
        (),
        # The first figure is that of the primary result.
        (*_results(analysis, shown[:1]), *_appendix(analysis, shown[1:])),
        text,
    )


def _results(analysis: Values, lead: tuple[Picture, ...]) -> list[Section]:
    """What a paper's section of results tells; two or three pages."""
    rest = analysis["verdict"][2:]
    tables = _tables(secondary_tables(analysis))
    sections = [
        Section("Question", question_sentences(analysis)),
        Section("Design", design_sentences(analysis)),
        Section("Readers", reader_sentences(analysis)),
        # Its sentence stands above all.
        Section("Primary result", pictures=lead),
        Section("Secondary results", (*rest, INTERVAL_WORDS) if tables else (), tables=tables),
        Section("Limits", limit_sentences(analysis)),
    ]
    return [section for section in sections if section.sentences or section.pictures]


def _appendix(analysis: Values, further: tuple[Picture, ...]) -> list[Section]:
    """Everything else."""
    methods = (
        analysis_methods(analysis),
        *(f"{METHOD_WORDS.get(what, what)}: {words}" for what, words in analysis["methods"].items()),
    )
    sections = [
        Section(f"{APPENDIX}further figures", pictures=further),
        Section(f"{APPENDIX}all estimates", (INTERVAL_WORDS,), tables=_tables(main_table(analysis))),
        Section(
            f"{APPENDIX}one-sided bounds",
            ("Each with 95 % confidence, for other readers and other pictures of the same kind.",),
            tables=_tables(bounds_table(analysis)),
        ),
        Section(f"{APPENDIX}answers", tables=_tables({"": answers_table(analysis)})),
        Section(f"{APPENDIX}sessions", tables=_tables({"": sessions_table(analysis)})),
        Section(
            f"{APPENDIX}each reader",
            ("Each reader alone: the intervals speak of other pictures, not of other readers.",),
            tables=_tables(readers_tables(analysis)),
        ),
        Section(
            f"{APPENDIX}agreement",
            tables=_tables(
                {
                    "": agreement_table(analysis),
                    "Pairs of readers who saw the same pictures": pairs_table(analysis),
                    "Each reader when the same picture came again": repeats_table(analysis),
                }
            ),
        ),
        Section(
            f"{APPENDIX}reaction times",
            tables=_tables({"": medians_table(analysis), "Ratios between arms": times_table(analysis)}),
        ),
        Section(
            f"{APPENDIX}visibility measured, and found by readers",
            tables=_tables(
                {
                    "Rank correlation with the share of readers who found the picture": visibility_table(
                        analysis
                    )
                }
                | {f"Pictures of {arm}": table for arm, table in pictures_tables(analysis).items()}
            ),
        ),
        Section(f"{APPENDIX}frozen design", tables=_tables({"": design_table(analysis)})),
    ]
    told = [section for section in sections if section.tables or section.pictures]
    return [*told, Section(f"{APPENDIX}methods", methods)]


def _tables(columns: Mapping[str, Columns]) -> tuple[Table, ...]:
    """Tables of a document by their titles; those without a row are left out."""
    return tuple(
        Table(tuple(cells), tuple(zip(*cells.values(), strict=True)), title)
        for title, cells in columns.items()
        if any(cells.values())
    )


def _width_px(png: bytes) -> int:
    """As wide as its figure was laid out, at most the page; the width stands in a PNG's header."""
    return min(860, int.from_bytes(png[16:20], "big") * 96 // FIGURE_DPI)
