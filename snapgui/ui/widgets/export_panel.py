"""What can be taken away: composed figures, reports and bundles of a run, an audit or a study. Each is made only when it is asked for."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from snapgui.engine.images import encode_png
from snapgui.records import RunResult
from snapgui.report.audit_bundle import audit_bundle
from snapgui.report.audit_document import audit_document
from snapgui.report.audit_files import AuditFiles, read_audit_files
from snapgui.report.audit_gallery import audit_sheet
from snapgui.report.bundle import adversarial_png, bundle_zip
from snapgui.report.contact_sheet import sheet_png
from snapgui.report.document import Document
from snapgui.report.figure import figure_png, figure_svg
from snapgui.report.html_page import html_page
from snapgui.report.pdf_pages import pdf_pages
from snapgui.report.picture_text import run_text
from snapgui.report.run_document import run_document
from snapgui.report.study_document import draw_pictures, study_document
from snapgui.ui.audits import KeptAudit
from snapgui.ui.pictures import mask_pixels

HTML_HELP = "One page with all pictures and figures; opens in any browser without a network, and prints well."
ZIP_HELP = "Pictures, mask, curve, settings and figure, with hashes: “python -m snapgui verify” checks it on any computer."


def export_buttons(result: RunResult, key: str) -> None:
    """Downloads of a run; ``key`` keeps them apart from those of another page."""
    name = result.run_id
    with st.container(horizontal=True):
        _button("Figure (PNG)", lambda: figure_png(result), f"{name}-figure.png", "image/png", f"{key}-figure", "Everything on one sheet, 300 dots per inch.")
        _button("Everything (ZIP)", lambda: bundle_zip(result), f"{name}.zip", "application/zip", f"{key}-zip", ZIP_HELP)
        _button("Adversarial image (PNG)", lambda: adversarial_png(result), f"{name}-adversarial.png", "image/png", f"{key}-adversarial",
                "The changed patch at its own size, without loss; it says of itself what it is.")
        _button("Mask (PNG)", lambda: encode_png(mask_pixels(result.request.mask), text=run_text(result, "White marks where pixels may change.")),
                f"{name}-mask.png", "image/png", f"{key}-mask", "White where pixels could change; also in the viewer below, key M.")
        with st.popover("More formats", key=f"{key}-formats"):
            _documents(lambda: run_document(result), name, key)
            _button("Figure (SVG)", lambda: figure_svg(result), f"{name}-figure.svg", "image/svg+xml", f"{key}-svg", "The figure for a paper: sharp at any size.")


def audit_export_buttons(audit: KeptAudit) -> None:
    """Downloads of a finished audit beside its table; to be called inside a horizontal container."""
    name = audit.folder.name

    def files() -> AuditFiles:
        return read_audit_files(audit.folder)

    _button("Everything (ZIP)", lambda: audit_bundle(files()), f"{name}.zip", "application/zip", "audit_zip",
            "Table, figures, settings and SNAP's pictures, with hashes: “python -m snapgui verify” checks it on any computer.")
    with st.popover("Report", key="audit_formats"):
        _documents(lambda: audit_document(files()), name, "audit")
        _button("Contact sheet (PNG)", lambda: sheet_png(audit_sheet(files())), f"{name}-sheet.png", "image/png", "audit-sheet",
                "The images that fooled the model most surely, on one sheet.")


def study_export_buttons(analysis: dict[str, Any], name: str) -> None:
    """The report of a study's analysis; to be called inside a horizontal container."""
    with st.popover("Report", key="study_formats"):
        _documents(lambda: study_document(analysis, name=name, pictures=draw_pictures(analysis)), name, "study")


def _documents(document: Callable[[], Document], name: str, key: str) -> None:
    _button("Report (HTML)", lambda: html_page(document()), f"{name}-report.html", "text/html", f"{key}-html", HTML_HELP)
    _button("Report (PDF)", lambda: pdf_pages(document()), f"{name}-report.pdf", "application/pdf", f"{key}-pdf", "The same as pages for print.")


def _button(label: str, data: Callable[[], bytes], name: str, kind: str, key: str, words: str) -> None:
    st.download_button(label, data, name, kind, key=key, on_click="ignore", help=words)
