"""The figure card of one run: pictures, curve and a caption that says all a claim needs; drawn without a
browser.
"""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from snapgui.engine.settings import AttackSettings, colours_words
from snapgui.engine.visibility.measures import difference_picture
from snapgui.engine.visibility.naturalness import look_of
from snapgui.report.bundle.manifest import NOTICE
from snapgui.report.pages.canvas import (
    DPI,
    add_box,
    add_picture,
    add_words,
    fitting_zoom,
    new_figure,
    plain_axes,
    save_png,
    save_svg,
    wrap_px,
)
from snapgui.runs.naturalness import naturalness_of, naturalness_words
from snapgui.runs.picture_text import run_text
from snapgui.runs.records import RunResult
from snapgui.runs.verdict import answer, control_words, verdict, verdict_card
from snapgui.words import START_WORDS, as_set, number, per_cent

DIFFERENCE_GAIN = 2.0
# Colour-blind safe (Okabe and Ito), and told apart by dash and name in print.
CLASS_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")
CLASS_DASHES = ("-", (0, (6, 2)), (0, (2, 2)), (0, (6, 2, 1, 2)))
SIDE_PX, GAP_PX, MARGIN_PX, CARD_PX, TITLE_PX, CURVE_PX = 480, 40, 60, 150, 110, 330


def figure_png(result: RunResult, *, dpi: int = DPI) -> bytes:
    """The figure card as PNG, with its provenance inside."""
    return save_png(draw_run(result), run_text(result, verdict(result)), dpi=dpi)


def figure_svg(result: RunResult) -> bytes:
    """The figure card as SVG."""
    return save_svg(draw_run(result), run_text(result, verdict(result)))


def draw_run(result: RunResult) -> Figure:
    """Before, after, difference, mask, the confidence curve and the caption."""
    pictures = run_pictures(result)
    zoom = fitting_zoom(result.request.pixels, SIDE_PX)
    height, width = (side * zoom for side in result.request.pixels.shape[:2])
    lines = "\n".join(wrap_px(line, 4 * width + 3 * GAP_PX) for line in caption(result))
    top = MARGIN_PX + CARD_PX + TITLE_PX
    curve_top = top + height + 130
    figure = new_figure(
        2 * MARGIN_PX + 4 * width + 3 * GAP_PX, curve_top + CURVE_PX + 130 + 35 * lines.count("\n") + 75
    )
    card = verdict_card(result, look_of(naturalness_of(result)))
    add_words(figure, MARGIN_PX, MARGIN_PX, f"{card.before} → {card.after}", size=11)
    add_words(figure, MARGIN_PX, MARGIN_PX + 75, "  ·  ".join(chip.words for chip in card.chips), size=8)
    for column, (title, picture) in enumerate(pictures):
        left = MARGIN_PX + column * (width + GAP_PX)
        add_words(figure, left, MARGIN_PX + CARD_PX + 5, title, size=7)
        add_picture(figure, picture, left, top, zoom, scale_bar=column == 0)
    draw_curve(add_box(figure, MARGIN_PX + 130, curve_top, 4 * width + 3 * GAP_PX - 150, CURVE_PX), result)
    add_words(figure, MARGIN_PX, curve_top + CURVE_PX + 125, lines)
    return figure


def curve_png(result: RunResult) -> bytes:
    """The confidence curve alone, as PNG."""
    figure = new_figure(2000, 560)
    draw_curve(add_box(figure, 150, 70, 1820, 370), result)
    return save_png(figure, run_text(result, "Confidence at each step"), dpi=200)


def run_pictures(result: RunResult) -> list[tuple[str, np.ndarray]]:
    """The four pictures of a run with their titles, each uint8 ``(H, W, 3)``."""
    request = result.request
    return [
        (f"before\n{answer(result, result.p_before)}", request.pixels),
        (f"after\n{answer(result, result.p_after)}", result.adversarial),
        (
            f"difference x{DIFFERENCE_GAIN:g}\n(grey: no change)",
            difference_picture(request.pixels, result.adversarial, gain=DIFFERENCE_GAIN),
        ),
        (
            f"mask (white: may change)\n{per_cent(result.area_fraction)} of the pixels",
            np.repeat(request.mask[..., None], 3, axis=2).astype(np.uint8) * 255,
        ),
    ]


def draw_curve(axes: Axes, result: RunResult) -> None:
    """Probability of each class against steps, with the goal and the step that was kept."""
    # Six digits, as in curve.csv: a run read back from disk gives the same figure.
    steps = [point.step for point in result.curve]
    marker = "o" if len(steps) < 3 else ""
    last = max(1, steps[-1] if steps else 1)
    # From step 0 on the cells have the start's colours: the untouched picture is a point before it.
    at = -max(0.5, 0.03 * last)
    for index, name in enumerate(result.classes):
        axes.plot(
            steps,
            [round(point.p[index], 6) * 100 for point in result.curve],
            color=CLASS_COLOURS[index % 4],
            linestyle=CLASS_DASHES[index % 4],
            linewidth=1.3,
            marker=marker,
            markersize=3,
            label=name.replace("$", r"\$"),
        )
        axes.plot(
            at, result.p_before[index] * 100, "D", color=CLASS_COLOURS[index % 4], markersize=3, clip_on=False
        )
    axes.text(at, 50, "before", fontsize=5, ha="center", va="center", rotation=90)
    goal = result.request.attack.confidence
    axes.axhline(goal * 100, color="0.35", linewidth=0.8, linestyle="--", label=f"goal {as_set(goal)}")
    axes.axvline(
        result.best_step, color="0.6", linewidth=0.8, linestyle=":", label=f"kept: step {result.best_step}"
    )
    axes.set_ylim(-2, 102)
    axes.set_xlim(2 * at, last)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    plain_axes(axes, x="step", y="probability, per cent")
    axes.legend(
        fontsize=6, ncol=5, loc="lower left", bbox_to_anchor=(0, 1.0), frameon=False, borderaxespad=0.1
    )


def caption(result: RunResult) -> list[str]:
    """What the figure claims, of what, made how and when, line by line."""
    request, whole, inside = result.request, result.visibility.get("whole"), result.visibility.get("mask")
    lines = [
        verdict(result) + " " + control_words(result),
        f"Image {'(synthetic) ' if request.synthetic else ''}{request.image_name}; model "
        f"{result.model_name} (SHA-256 {result.model_sha256[:12]}); goal {as_set(request.attack.confidence)} "
        f"{result.classes[result.target]}; mask {request.mask_source}, {_colours(request.attack)}, "
        f"seed {request.attack.seed}; run {result.run_id}, {result.started[:10]}.",
    ]
    lines.insert(1, naturalness_words(naturalness_of(result)))
    if inside and whole:
        lines.append(
            f"CIEDE2000 inside the mask {inside.mean_de00:.1f} on average, {inside.p95_de00:.1f} at the "
            f"95th percentile; SSIM {whole.ssim:.3f}, PSNR "
            f"{number(whole.psnr_db, '{:.1f} dB', 'unlimited')} over the whole image."
        )
    return [
        *lines,
        f"One image: answers of the model, re-scored from the saved 8-bit PNG, without interval. {NOTICE}",
    ]


def _colours(attack: AttackSettings) -> str:
    made = colours_words(attack)
    return (
        made if attack.texture != "free" else f"colours: {made}, start: {START_WORDS[attack.start].lower()}"
    )
