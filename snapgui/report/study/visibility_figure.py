"""What a picture measures against how many readers found it."""

from matplotlib.figure import Figure

from snapgui.report.study.axes import LOOKS, Values, escape, new_panels
from snapgui.study.analysis.details import measure_words
from snapgui.study.analysis.estimate_words import spread

SHOWN = (
    "mask.mean_de00",
    "ring.mean_de00",
    "mask.flip",
    "mask.mean_flip",
    "mask.ssim",
    "whole.ssim",
    "mean_change_levels",
)


def draw_visibility(analysis: Values) -> Figure | None:
    """Share of readers who found a picture against what it measures, a panel a measure, four at most; arms
    are drawn a little apart in height.
    """
    found = analysis["visibility"] or {}
    there = {
        name
        for arm in found.values()
        for name, correlation in arm["measures"].items()
        if correlation["spearman"] is not None
    }
    # Always the same ones, not those that happen to correlate best.
    chosen = sorted(
        there,
        key=lambda name: (
            next((place for place, known in enumerate(SHOWN) if name.endswith(known)), len(SHOWN)),
            name,
        ),
    )[:4]
    if not chosen:
        return None
    figure, grid = new_panels(len(chosen))
    for axes, name in zip(grid, chosen, strict=True):
        for column, (look, (arm, values)) in enumerate(zip(LOOKS, found.items(), strict=False)):
            kept = [point for point in values["pictures"] if name in point]
            correlation = values["measures"].get(name)
            if not kept or correlation is None:
                continue
            words = (
                escape(arm)
                if correlation["spearman"] is None
                else (
                    f"{escape(arm)}: ρ = {spread(correlation['spearman'], correlation['interval'])}, "
                    f"{correlation['pictures']} pictures"
                )
            )
            axes.plot(
                [point[name] for point in kept],
                [point["found"] / point["of"] + 0.03 * column for point in kept],
                color="black",
                markersize=4.5,
                markeredgewidth=0.7,
                label=words,
                **(look | {"linestyle": "none"}),
            )
        axes.set_xlabel(escape(measure_words(name)), fontsize=8)
        axes.set_ylabel("readers who found it (share)", fontsize=8)
        axes.set_ylim(-0.05, 1.08)
        axes.legend(
            fontsize=6.5,
            frameon=False,
            loc="lower left",
            bbox_to_anchor=(-0.02, 1.0),
            borderaxespad=0.1,
            handletextpad=0.2,
        )
    return figure
