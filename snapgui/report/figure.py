"""A composed figure of one run, drawn without a browser."""

import io
import textwrap

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from snapgui.engine.images import UM_PER_PX
from snapgui.engine.visibility import difference_picture
from snapgui.records import RunResult
from snapgui.runs.words import control_words, verdict

DIFFERENCE_GAIN = 2.0
# Colour-blind safe (Okabe and Ito): blue normal, vermilion metastasis.
CLASS_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")
SCALE_BAR_UM = 20.0


def figure_png(result: RunResult, *, dpi: int = 300) -> bytes:
    """Before, after, difference, mask and confidence curve with a caption, as PNG."""
    figure = Figure(figsize=(7.2, 4.3), dpi=dpi)
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(2, 4, height_ratios=(1.0, 0.85), left=0.07, right=0.985, top=0.93, bottom=0.215, hspace=0.4, wspace=0.08)
    request = result.request
    pictures = (
        (f"before\n{_words(result, result.p_before)}", request.pixels),
        (f"after\n{_words(result, result.p_after)}", result.adversarial),
        (f"difference x{DIFFERENCE_GAIN:g}\n(grey: no change)", difference_picture(request.pixels, result.adversarial, gain=DIFFERENCE_GAIN)),
        (f"mask\n{result.area_fraction:.1%} of the pixels", np.repeat(request.mask[..., None], 3, axis=2).astype(np.uint8) * 255),
    )
    for column, (title, picture) in enumerate(pictures):
        axes = figure.add_subplot(grid[0, column])
        axes.imshow(picture, interpolation="nearest")
        axes.set_title(title, fontsize=7)
        axes.set_xticks([])
        axes.set_yticks([])
        if column == 0:
            _scale_bar(axes, *request.pixels.shape[:2])
    _curve(figure.add_subplot(grid[1, :]), result)
    figure.text(0.07, 0.015, _caption(result), fontsize=6, va="bottom", linespacing=1.35)
    stream = io.BytesIO()
    figure.savefig(stream, format="png", metadata={"Software": "SNAP Studio", "Comment": verdict(result)})
    return stream.getvalue()


def _words(result: RunResult, p: tuple[float, ...]) -> str:
    top = max(range(len(p)), key=p.__getitem__)
    return f"{result.classes[top]} {p[top]:.2f}"


def _scale_bar(axes: Axes, height: int, width: int) -> None:
    length = SCALE_BAR_UM / UM_PER_PX
    y = height - 6
    axes.plot([width - 5 - length, width - 5], [y, y], color="white", linewidth=3.2, solid_capstyle="butt")
    axes.plot([width - 5 - length, width - 5], [y, y], color="black", linewidth=1.6, solid_capstyle="butt")
    axes.text(width - 5 - length / 2, y - 2, f"{SCALE_BAR_UM:g} um", fontsize=5, ha="center", va="bottom",
              bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6, "alpha": 0.8})


def _curve(axes: Axes, result: RunResult) -> None:
    steps = [point.step for point in result.curve]
    for index, name in enumerate(result.classes):
        axes.plot(steps, [point.p[index] for point in result.curve], color=CLASS_COLOURS[index % 4], linewidth=1.3, label=name)
    threshold = result.request.attack.confidence
    axes.axhline(threshold, color="0.35", linewidth=0.8, linestyle="--", label=f"goal {threshold:.2f}")
    axes.axvline(result.best_step, color="0.6", linewidth=0.8, linestyle=":", label=f"kept: step {result.best_step}")
    axes.set_ylim(-0.02, 1.02)
    axes.set_xlim(0, max(1, steps[-1]))
    axes.set_xlabel("step", fontsize=7)
    axes.set_ylabel("probability", fontsize=7)
    axes.tick_params(labelsize=6)
    axes.legend(fontsize=6, ncol=4, loc="lower center", bbox_to_anchor=(0.5, 1.0), frameon=False, borderaxespad=0.1)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _caption(result: RunResult) -> str:
    request = result.request
    whole = result.visibility["whole"]
    inside = result.visibility["mask"]
    image = f"{'synthetic demo patch ' if request.synthetic else ''}{request.image_name}"
    lines = [
        verdict(result) + " " + control_words(result),
        f"Image {image}; model {result.model_name} ({result.model_sha256[:12]}); gamut {request.attack.gamut}, start "
        f"{request.attack.start}, seed {request.attack.seed}; {result.started[:10]}.",
        f"CIEDE2000 inside the mask {inside.mean_de00:.1f} on average, {inside.p95_de00:.1f} at the 95th percentile; "
        f"SSIM {whole.ssim:.3f}, PSNR {whole.psnr_db:.1f} dB over the whole image. Research use only.",
    ]
    return "\n".join("\n".join(textwrap.wrap(line, 150)) for line in lines)
