"""What a study says of its arms: estimates beside the margin, ROC curves, times of exposure."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from snapgui.report.study.axes import FAINT, LOOKS, WORDS, Values, draw_bar, escape, new_figure
from snapgui.study.analysis.estimate_words import decimals, spread
from snapgui.words import per_cent


def draw_arms(analysis: Values) -> Figure | None:
    """Each arm's main estimate with its interval, chance and the margin."""
    what, arms = main_estimates(analysis)
    arms = {arm: values for arm, values in arms.items() if values["interval"][0] is not None}
    if not arms:
        return None
    figure, axes = new_figure(5.6, 1.35 + 0.42 * len(arms))
    margin = analysis["study"]["margin"]
    axes.axvspan(
        1 - margin,
        margin,
        facecolor="white",
        edgecolor="0.7",
        hatch="////",
        linewidth=0,
        label="margin fixed beforehand",
    )
    axes.axvline(0.5, color="black", linewidth=0.8, linestyle=":", label="chance")
    for place, values in enumerate(arms.values()):
        draw_bar(axes, values["estimate"], values["interval"], place, LOOKS[place % len(LOOKS)])
        axes.annotate(
            spread(values["estimate"], values["interval"], per_cent if what == "right" else decimals),
            (1.02, place),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize=8,
            annotation_clip=False,
        )
    axes.set_yticks(range(len(arms)), [escape(arm) for arm in arms])
    axes.set_ylim(len(arms) - 0.5, -0.5)
    axes.set_xlim(min(0.3, *(values["interval"][0] for values in arms.values())) - 0.02, 1.01)
    axes.set_xlabel(f"{WORDS[what]}, with 95 % interval")
    axes.legend(
        fontsize=7, frameon=False, loc="lower left", bbox_to_anchor=(0, 1.0), ncol=2, borderaxespad=0.2
    )
    figure.subplots_adjust(
        left=0.14,
        right=0.74,
        bottom=0.52 / figure.get_size_inches()[1],
        top=1 - 0.3 / figure.get_size_inches()[1],
    )
    return figure


def main_estimates(analysis: Values) -> tuple[str, dict[str, Values]]:
    """What the study's main estimate is, ``auc`` or ``right``, and it by arm."""
    if analysis["choices"]:
        return "right", {
            arm: values["right"]["over_readers"]
            for arm, values in analysis["choices"]["arms"].items()
            if values["right"]["over_readers"]
        }
    if analysis["detection"]:
        return "auc", {
            arm: values["auc"] for arm, values in analysis["detection"]["arms"].items() if values.get("auc")
        }
    return "auc", {}


def draw_roc(analysis: Values) -> Figure | None:
    """The ROC curve of all answers together, an arm a line; a mark a rating."""
    if not analysis["detection"]:
        return None
    curves = {
        arm: values["roc"] for arm, values in analysis["detection"]["arms"].items() if values.get("roc")
    }
    if not curves:
        return None
    figure, axes = new_figure(3.9, 3.9)
    axes.plot([0, 1], [0, 1], color=FAINT, linewidth=0.8, linestyle=":")
    for look, (arm, (false_alarms, hits)) in zip(LOOKS, curves.items(), strict=False):
        axes.plot(
            false_alarms,
            hits,
            color="black",
            linewidth=1.3,
            markersize=5,
            markeredgecolor="black",
            label=escape(arm),
            clip_on=False,
            zorder=3,
            **look,
        )
    for side in ("x", "y"):
        axes.set(**{f"{side}lim": (0, 1)})
    axes.set_aspect("equal")
    axes.set_xlabel("untouched pictures called altered (share)")
    axes.set_ylabel("altered pictures called altered (share)")
    axes.legend(fontsize=8, frameon=False, loc="lower right", handlelength=3.2)
    figure.subplots_adjust(left=0.15, right=0.96, bottom=0.14, top=0.97)
    return figure


def draw_exposures(analysis: Values) -> Figure | None:
    """Design D: the main estimate against the time of exposure."""
    levels = [
        level
        for level in analysis["by_exposure"] or []
        if any((arm.get("auc") or arm.get("d_prime")) for arm in level.get("arms", {}).values())
    ]
    if not levels:
        return None
    what = "auc" if all(arm.get("auc") for level in levels for arm in level["arms"].values()) else "d_prime"
    figure, axes = new_figure(4.6, 3.2)
    axes.axhline(0.5 if what == "auc" else 0, color="black", linewidth=0.8, linestyle=":")
    for column, arm in enumerate(levels[0]["arms"]):
        own = [
            (level["exposure_asked_s"] * 1000 * (1 + 0.03 * column), level["arms"][arm][what])
            for level in levels
            if level["arms"].get(arm, {}).get(what)
        ]
        own = [(x, values) for x, values in own if values["interval"][0] is not None]
        axes.errorbar(
            [x for x, _ in own],
            [values["estimate"] for _, values in own],
            _distances([values for _, values in own]),
            color="black",
            linewidth=1.2,
            capsize=2.5,
            markersize=6,
            label=escape(arm),
            **LOOKS[column % len(LOOKS)],
        )
    axes.set_xscale("log")
    ticks = [level["exposure_asked_s"] * 1000 for level in levels]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.set_xlabel("time of exposure that was asked, ms")
    axes.set_ylabel(WORDS["auc"] if what == "auc" else "d'")
    axes.legend(fontsize=8, frameon=False, handlelength=3.2)
    figure.subplots_adjust(left=0.15, right=0.97, bottom=0.16, top=0.97)
    return figure


def _distances(estimates: Sequence[Values]) -> list[list[float]]:
    return [
        [values["estimate"] - values["interval"][0] for values in estimates],
        [values["interval"][1] - values["estimate"] for values in estimates],
    ]
