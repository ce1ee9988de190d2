"""What can be taken away of a run."""

import streamlit as st

from snapgui.engine.images import encode_png
from snapgui.report.run.bundle import bundle_zip
from snapgui.report.run.document import run_document
from snapgui.report.run.figure import figure_png, figure_svg
from snapgui.runs.files import adversarial_png, run_geojson
from snapgui.runs.picture_text import run_text
from snapgui.runs.records import RunResult
from snapgui.ui.parts.downloads import document_buttons, file_button
from snapgui.ui.pixels import mask_pixels

ZIP_HELP = "Pictures, mask, curve, settings and figure, with hashes: “snap verify” checks it on any computer."


def export_buttons(result: RunResult, key: str) -> None:
    """Downloads of a run, drawn into the row where this is called; ``key`` keeps them apart from those of
    another page.
    """
    name = result.run_id
    file_button(
        "Figure (PNG)",
        lambda: figure_png(result),
        f"{name}-figure.png",
        "image/png",
        f"{key}-figure",
        "Everything on one sheet, 300 dots per inch.",
    )
    file_button(
        "Everything (ZIP)",
        lambda: bundle_zip(result),
        f"{name}.zip",
        "application/zip",
        f"{key}-zip",
        ZIP_HELP,
    )
    with st.popover("More", key=f"{key}-formats"):
        file_button(
            "Adversarial image (PNG)",
            lambda: adversarial_png(result),
            f"{name}-adversarial.png",
            "image/png",
            f"{key}-adversarial",
            "The changed patch at its own size, without loss; it says of itself what it is.",
        )
        file_button(
            "Mask (PNG)",
            lambda: encode_png(
                mask_pixels(result.request.mask),
                text=run_text(result, "White marks where pixels may change."),
            ),
            f"{name}-mask.png",
            "image/png",
            f"{key}-mask",
            "White where pixels could change; also in the viewer, key M.",
        )
        document_buttons(lambda: run_document(result), name, key)
        file_button(
            "Figure (SVG)",
            lambda: figure_svg(result),
            f"{name}-figure.svg",
            "image/svg+xml",
            f"{key}-svg",
            "The figure for a paper: sharp at any size.",
        )
        file_button(
            "Cells (GeoJSON)",
            lambda: run_geojson(result),
            f"{name}-cells.geojson",
            "application/geo+json",
            f"{key}-geojson",
            "Cells and altered pixels as annotations, to open on the image in QuPath.",
        )
