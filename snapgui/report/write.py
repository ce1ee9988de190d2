"""From a folder to a report: what lies there is looked at, and drawn in the form asked for."""

from collections.abc import Callable
from pathlib import Path

from snapgui.errors import DataError
from snapgui.report.pages.document import Document
from snapgui.report.pages.html import html_page
from snapgui.report.pages.pdf import pdf_pages

# The end of a name says which; of two that fit the longer.
FORMS = ("html", "pdf", "geojson.zip", "zip", "png", "svg", "geojson")


def make_report(source: Path, form: str) -> bytes:
    """The report of a run, an audit, a universal patch, a study's analysis or many runs as the bytes of a
    file.

    Args:
        source: the folder of a run, of a finished audit or of a universal patch, a folder of runs, or an
            ``analysis.json``.
        form: one of `FORMS`; ``png`` and ``svg`` are the figure card of a run, and the contact sheet of an
            audit or of runs; ``geojson`` is a run's cells and altered pixels for QuPath, ``geojson.zip``
            those of an audit's pictures.

    Raises:
        DataError: nothing there to report, it is damaged, or there is no such form of it.
    """
    forms = _forms_of(Path(source))
    if form not in forms:
        raise DataError(
            f"{Path(source).name} makes no .{form}; it makes {', '.join(f'.{name}' for name in forms)}."
        )
    return forms[form]()


def _forms_of(source: Path) -> dict[str, Callable[[], bytes]]:
    if (source / "result.json").is_file():
        return _run_forms(source)
    if (source / "audit.json").is_file():
        return _audit_forms(source)
    if (source / "universal.json").is_file():
        return _universal_forms(source)
    if source.suffix == ".json" or (source / "analysis.json").is_file():
        return _study_forms(source if source.suffix == ".json" else source / "analysis.json")
    runs = sorted(path.parent for path in source.glob("[!.]*/result.json"))
    if runs:
        return _sheet_forms(runs)
    raise DataError(
        f"{source} holds no run (result.json), no audit (audit.json), no universal patch "
        "(universal.json), no analysis (analysis.json) and no runs. Give the folder of one of them."
    )


def _document_forms(document: Callable[[], Document]) -> dict[str, Callable[[], bytes]]:
    return {"html": lambda: html_page(document()), "pdf": lambda: pdf_pages(document())}


def _run_forms(folder: Path) -> dict[str, Callable[[], bytes]]:
    from snapgui.report.run.bundle import bundle_zip
    from snapgui.report.run.document import run_document
    from snapgui.report.run.figure import figure_png, figure_svg
    from snapgui.runs.files import run_geojson
    from snapgui.runs.store import read_run

    result = read_run(folder)
    forms = _document_forms(lambda: run_document(result))
    return {
        **forms,
        "zip": lambda: bundle_zip(result),
        "png": lambda: figure_png(result),
        "svg": lambda: figure_svg(result),
        "geojson": lambda: run_geojson(result),
    }


def _audit_forms(folder: Path) -> dict[str, Callable[[], bytes]]:
    from snapgui.audit.read import read_finished
    from snapgui.report.audit.bundle import audit_bundle
    from snapgui.report.audit.document import audit_document
    from snapgui.report.audit.gallery import audit_sheet
    from snapgui.report.audit.qupath import audit_geojson
    from snapgui.report.pages.contact_sheet import sheet_png, sheet_svg

    audit = read_finished(folder)
    forms = _document_forms(lambda: audit_document(audit))
    return {
        **forms,
        "zip": lambda: audit_bundle(audit),
        "png": lambda: sheet_png(audit_sheet(audit)),
        "svg": lambda: sheet_svg(audit_sheet(audit)),
        "geojson.zip": lambda: audit_geojson(audit),
    }


def _universal_forms(folder: Path) -> dict[str, Callable[[], bytes]]:
    from snapgui.report.audit.universal import universal_bundle

    return {"zip": lambda: universal_bundle(folder)}


def _study_forms(path: Path) -> dict[str, Callable[[], bytes]]:
    from snapgui.report.study.document import draw_pictures, read_analysis, study_document

    analysis = read_analysis(path)
    return _document_forms(
        lambda: study_document(analysis, name=path.parent.resolve().name, pictures=draw_pictures(analysis))
    )


def _sheet_forms(folders: list[Path]) -> dict[str, Callable[[], bytes]]:
    from snapgui.report.pages.contact_sheet import runs_sheet, sheet_png, sheet_svg
    from snapgui.runs.store import read_run

    sheet = runs_sheet([read_run(folder) for folder in folders])
    return {"png": lambda: sheet_png(sheet), "svg": lambda: sheet_svg(sheet)}
