"""One finished run: verdict, curve, comparison, visibility, downloads. Workbench and Runs page share it."""

import math

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from snapgui.engine.images import encode_png
from snapgui.engine.visibility import difference_picture
from snapgui.records import RunResult, Visibility
from snapgui.report.bundle import bundle_zip
from snapgui.report.figure import figure_png
from snapgui.runs.words import control_words, verdict
from snapgui.ui import words
from snapgui.ui.charts import CONFIG, confidence_chart
from snapgui.ui.pictures import mask_pixels, show_pixels
from snapgui.ui.widgets.blink import blink
from snapgui.ui.widgets.page_width import zoom_for

GAINS = (1, 2, 4, 8, 16)
PICTURES = ("Before", "After", "Difference x {gain}, grey is no change", "Mask, white may change")
VISIBILITY_HELP = (
    "How different the two pictures are. SSIM: likeness of structure, 1 is the same. PSNR: in decibels, above 40 hardly anyone "
    "sees a change. CIEDE2000: colour difference, below 1 invisible, above 5 plain at a glance. "
    "Measures predict what readers see; they do not replace readers."
)


def show_result(result: RunResult, *, key: str, page_px: int | None, notice: str = "") -> None:
    """Draw a run; ``key`` keeps its widgets apart from those of another page."""
    if notice:
        st.warning(notice)
    st.subheader(verdict(result), anchor=False)
    if result.controls:
        st.markdown(control_words(result))
    st.caption(_circumstances(result))
    _downloads(result, key)
    zoom = zoom_for(page_px, len(PICTURES), least=2, most=4)
    left, right = st.columns([2.2, 1])
    with left:
        _curve(result, key)
        _visibility_table(result)
    with right:
        blink(result.request.pixels, result.adversarial, zoom=zoom, key=f"{key}-blink")
    _pictures(result, zoom)


def _circumstances(result: RunResult) -> str:
    attack = result.request.attack
    parts = [
        words.shorten(result.request.image_name) + (" (synthetic)" if result.request.synthetic else ""),
        f"colours: {words.GAMUT_WORDS[attack.gamut].lower()}", f"start: {words.START_WORDS[attack.start].lower()}",
        f"mask {words.SOURCE_WORDS[result.request.mask_source]}", f"{words.duration(result.seconds)} on {result.device}",
        f"model {result.model_name} ({result.model_sha256[:10]})", f"run {result.run_id}",
    ]
    return " · ".join(parts)


def _downloads(result: RunResult, key: str) -> None:
    with st.container(horizontal=True):
        st.download_button("Figure (PNG)", lambda: figure_png(result), f"{result.run_id}-figure.png", "image/png",
                           key=f"{key}-figure", on_click="ignore", help="Everything on one sheet, 300 dots per inch.")
        st.download_button("Everything (ZIP)", lambda: bundle_zip(result), f"{result.run_id}.zip", "application/zip",
                           key=f"{key}-zip", on_click="ignore", help="Pictures, mask, curve, settings and figure.")
        st.download_button("Adversarial image (PNG)", encode_png(result.adversarial), f"{result.run_id}-adversarial.png", "image/png",
                           key=f"{key}-adversarial", on_click="ignore", help="The changed patch at its own size, without loss.")


def _curve(result: RunResult, key: str) -> None:
    attack = result.request.attack
    chart = confidence_chart(
        result.curve, result.classes, threshold=attack.confidence, target=attack.target, best_step=result.best_step,
    )
    st.plotly_chart(chart, key=f"{key}-curve", config=CONFIG, theme=None)
    st.caption(f"What the model said at each step. The circle marks step {result.best_step}, which was kept.")


def _visibility_table(result: RunResult) -> None:
    names = {"mask": "Inside the mask", "whole": "Whole image"}
    st.markdown("**How visible is it?**", help=VISIBILITY_HELP)
    st.table({
        "Region": [names[region] for region in result.visibility],
        **{title: [read(figures) for figures in result.visibility.values()] for title, read in VISIBILITY_COLUMNS.items()},
    }, hide_index=True)


def _psnr_words(figures: Visibility) -> str:
    return f"{figures.psnr_db:.1f} dB" if math.isfinite(figures.psnr_db) else "no change"


VISIBILITY_COLUMNS = {
    "SSIM": lambda figures: f"{figures.ssim:.3f}",
    "PSNR": _psnr_words,
    "CIEDE2000, mean": lambda figures: f"{figures.mean_de00:.2f}",
    "CIEDE2000, 95th percentile": lambda figures: f"{figures.p95_de00:.2f}",
}


def _pictures(result: RunResult, zoom: int) -> None:
    original = result.request.pixels
    gain = choose_gain(original, result.adversarial)
    difference = difference_picture(original, result.adversarial, gain=gain)
    pictures = (original, result.adversarial, difference, mask_pixels(result.request.mask))
    with st.container(horizontal=True, gap="small"):
        for caption, pixels in zip(PICTURES, pictures, strict=True):
            show_pixels(pixels, zoom, alt=caption, caption=caption.format(gain=gain))
    st.caption(f"All {zoom} times enlarged, pixel by pixel; {words.scale_words(original.shape[1])}.")


def choose_gain(original: NDArray[np.uint8], altered: NDArray[np.uint8]) -> int:
    """The largest gain at which no difference leaves the range of a picture (mid-grey plus or minus 127)."""
    largest = int(np.abs(original.astype(int) - altered).max())
    return max((gain for gain in GAINS if gain * largest <= 127), default=1)
