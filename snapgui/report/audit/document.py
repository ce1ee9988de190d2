"""The report of an audit: every share with its count and interval, controls beside SNAP, area, centre, worst
failures, origin.
"""

from collections.abc import Sequence

from snapgui.audit import words
from snapgui.audit.choose import by_area, by_group, goal_curves, measured
from snapgui.audit.read import FinishedAudit
from snapgui.audit.settings import Condition
from snapgui.report.audit.charts import area_png, dots_png, goal_png
from snapgui.report.audit.gallery import gallery_sections
from snapgui.report.audit.methods import audit_methods
from snapgui.report.audit.origin import origin_section, provenance
from snapgui.report.bundle.manifest import NOTICE
from snapgui.report.pages.document import Document, Picture, Section, Table

CHART_PX = 860


def audit_document(audit: FinishedAudit) -> Document:
    """The report of a finished audit."""
    groups = by_group(audit.settings)
    further = [
        _group(audit, group, conditions)
        for group, conditions in groups.items()
        if group != "standard" and conditions
    ]
    return Document(
        title=f"SNAP audit of {audit.about['data']}",
        verdict=words.verdict(audit),
        beside=_beside(audit),
        sections=(
            _standard(audit, groups["standard"]),
            *further,
            _cost(audit),
            *gallery_sections(audit),
            Section("Methods", (audit_methods(audit),)),
            origin_section(audit),
        ),
        text=provenance(audit, NOTICE),
    )


def _beside(audit: FinishedAudit) -> tuple[str, ...]:
    made = f"Model {audit.about['model']}; {audit.about['started'][:10]}."
    lines = (
        words.area_and_centre(audit),
        words.naturalness(audit),
        f"{words.counts(audit)} {made}",
        words.paper_words(audit),
    )
    return tuple(filter(None, lines))


def _standard(audit: FinishedAudit, conditions: Sequence[Condition]) -> Section:
    pictures, curves = [_dots(audit, conditions)], goal_curves(audit)
    if curves:
        png = goal_png(curves, provenance(audit, "Goal reached against steps"))
        pictures.append(Picture(png, f"{words.goal_caption(audit)} Bands are 95 % intervals.", CHART_PX))
    names = [condition.name for condition in conditions]
    return Section(
        "SNAP and its controls",
        () if audit.settings.source == "both" else (words.ONE_CLASS,),
        tuple(pictures),
        (
            _table(words.effect_table(audit, names), note=words.CONDITIONS_HELP),
            _table(words.accuracy_table(audit, names), title=words.EVERYBODY),
        ),
    )


def _group(audit: FinishedAudit, group: str, conditions: Sequence[Condition]) -> Section:
    if group == "area":
        png = area_png(by_area(audit), provenance(audit, "Model fooled against area"))
        picture = Picture(png, words.AREA_CAPTION, CHART_PX)
        sentences = tuple(filter(None, [words.paper_area_words(audit)]))
    else:
        picture, sentences = _dots(audit, conditions), ()
    table = _table(words.effect_table(audit, [condition.name for condition in conditions]))
    return Section(words.GROUP_WORDS[group], sentences, (picture,), (table,))


def _cost(audit: FinishedAudit) -> Section:
    names = [row["condition"] for row in audit.summary["conditions"]]
    table = _table(words.cost_table(audit, names), note=words.COST_HELP)
    return Section("How visible, and how costly", tables=(table,))


def _dots(audit: FinishedAudit, conditions: Sequence[Condition]) -> Picture:
    png = dots_png(
        measured(audit, conditions),
        words.condition_names(audit.settings),
        provenance(audit, "How often the model was fooled"),
    )
    return Picture(png, words.DOTS_CAPTION, CHART_PX)


def _table(columns: words.Columns, *, title: str = "", note: str = "") -> Table:
    return Table(tuple(columns), tuple(zip(*columns.values(), strict=True)), title, note)
