"""Figures of a reader study's analysis, in black on white: told apart by marks and dashes, so that they can
be read in print.
"""

import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

Figures = Mapping[str, Any]
DPI = 200
FAINT = "0.6"
# Mark, filled or not, line: SNAP first, sham second, then the others in their order.
LOOKS: tuple[dict[str, Any], ...] = (
    {"marker": "o", "markerfacecolor": "black", "linestyle": "-"},
    {"marker": "s", "markerfacecolor": "white", "linestyle": "--"},
    {"marker": "^", "markerfacecolor": "0.6", "linestyle": ":"},
    {"marker": "D", "markerfacecolor": "white", "linestyle": "-."},
    {"marker": "v", "markerfacecolor": "black", "linestyle": (0, (5, 1))},
)
SHOWN = (
    "mask.mean_de00",
    "ring.mean_de00",
    "mask.flip",
    "mask.mean_flip",
    "mask.ssim",
    "whole.ssim",
    "mean_change_levels",
)
WORDS = {"auc": "area under the ROC curve", "right": "share right"}


def study_figures(analysis: Figures) -> dict[str, Figure]:
    """The figures that an analysis has something for, by name."""
    drawn: dict[str, Callable[[Figures], Figure | None]] = {
        "arms": draw_arms,
        "roc": draw_roc,
        "readers": draw_readers,
        "exposure": draw_exposures,
        "times": draw_times,
        "agreement": draw_agreement,
        "visibility": draw_visibility,
    }
    return {name: figure for name, draw in drawn.items() if (figure := draw(analysis)) is not None}


def figure_bytes(figure: Figure, kind: str) -> bytes:
    """A figure as ``png`` or ``svg``; the same figure gives the same bytes."""
    stream = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "snap", "svg.fonttype": "path"}):
        figure.savefig(
            stream,
            format=kind,
            metadata={"Software": "SNAP Studio"}
            if kind == "png"
            else {"Date": None, "Creator": "SNAP Studio"},
        )
    return stream.getvalue()


def main_figures(analysis: Figures) -> tuple[str, dict[str, Figures]]:
    """What the study's main figure is, ``auc`` or ``right``, and it by arm."""
    if analysis["choices"]:
        return "right", {
            arm: one["right"]["over_readers"]
            for arm, one in analysis["choices"]["arms"].items()
            if one["right"]["over_readers"]
        }
    if analysis["detection"]:
        return "auc", {
            arm: one["auc"] for arm, one in analysis["detection"]["arms"].items() if one.get("auc")
        }
    return "auc", {}


def draw_arms(analysis: Figures) -> Figure | None:
    """Each arm's main figure with its interval, chance and the margin."""
    what, arms = main_figures(analysis)
    arms = {arm: one for arm, one in arms.items() if one["interval"][0] is not None}
    if not arms:
        return None
    figure, axes = _new(5.6, 1.35 + 0.42 * len(arms))
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
    for place, one in enumerate(arms.values()):
        _bar(axes, one["estimate"], one["interval"], place, LOOKS[place % len(LOOKS)])
        axes.annotate(
            f"{one['estimate']:.2f} ({one['interval'][0]:.2f} to {one['interval'][1]:.2f})",
            (1.02, place),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize=8,
            annotation_clip=False,
        )
    axes.set_yticks(range(len(arms)), [_plain(arm) for arm in arms])
    axes.set_ylim(len(arms) - 0.5, -0.5)
    axes.set_xlim(min(0.3, *(one["interval"][0] for one in arms.values())) - 0.02, 1.01)
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


def draw_roc(analysis: Figures) -> Figure | None:
    """The ROC curve of all answers together, an arm a line; a mark a rating."""
    if not analysis["detection"]:
        return None
    curves = {arm: one["roc"] for arm, one in analysis["detection"]["arms"].items() if one.get("roc")}
    if not curves:
        return None
    figure, axes = _new(3.9, 3.9)
    axes.plot([0, 1], [0, 1], color=FAINT, linewidth=0.8, linestyle=":")
    for look, (arm, (false_alarms, hits)) in zip(LOOKS, curves.items(), strict=False):
        axes.plot(
            false_alarms,
            hits,
            color="black",
            linewidth=1.3,
            markersize=5,
            markeredgecolor="black",
            label=_plain(arm),
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


def draw_readers(analysis: Figures) -> Figure | None:
    """Each reader's main figure, an arm a mark, with the interval of that reader alone."""
    question = "which" if analysis["choices"] else "altered"
    readers = analysis["readers"].get(question) or []
    points = []
    for row, reader in enumerate(readers):
        for column, (arm, one) in enumerate(reader["arms"].items()):
            found = one.get("two_choice") if question == "which" else one.get("auc")
            if found is not None:
                points.append(
                    (
                        row,
                        column,
                        arm,
                        found["proportion" if question == "which" else "area"],
                        found["interval"],
                    )
                )
    if not points:
        return None
    figure, axes = _new(5.6, 1.0 + 0.34 * len(readers))
    axes.axvline(0.5, color="black", linewidth=0.8, linestyle=":")
    arms = list(dict.fromkeys(arm for _, _, arm, _, _ in points))
    for row, column, arm, estimate, interval in points:
        first = not any(
            point[2] == arm for point in points[: points.index((row, column, arm, estimate, interval))]
        )
        _bar(
            axes,
            estimate,
            interval,
            row + (column - (len(arms) - 1) / 2) * 0.26,
            LOOKS[column % len(LOOKS)],
            label=_plain(arm) if first else None,
        )
    axes.set_yticks(range(len(readers)), [reader["participant_id"] for reader in readers])
    axes.set_ylim(len(readers) - 0.5, -0.5)
    axes.set_xlim(-0.02, 1.02)
    axes.set_xlabel(f"{WORDS['right' if question == 'which' else 'auc']} of each reader, with 95 % interval")
    axes.legend(
        fontsize=8,
        frameon=False,
        loc="lower left",
        bbox_to_anchor=(0, 1.0),
        ncol=len(arms),
        borderaxespad=0.2,
    )
    height = figure.get_size_inches()[1]
    figure.subplots_adjust(left=0.2, right=0.97, bottom=0.5 / height, top=1 - 0.28 / height)
    return figure


def draw_exposures(analysis: Figures) -> Figure | None:
    """Design D: the main figure against the time of exposure."""
    levels = [
        one
        for one in analysis["by_exposure"] or []
        if any((arm.get("auc") or arm.get("d_prime")) for arm in one.get("arms", {}).values())
    ]
    if not levels:
        return None
    what = "auc" if all(arm.get("auc") for one in levels for arm in one["arms"].values()) else "d_prime"
    figure, axes = _new(4.6, 3.2)
    axes.axhline(0.5 if what == "auc" else 0, color="black", linewidth=0.8, linestyle=":")
    for column, arm in enumerate(levels[0]["arms"]):
        own = [
            (one["exposure_asked_s"] * 1000 * (1 + 0.03 * column), one["arms"][arm][what])
            for one in levels
            if one["arms"].get(arm, {}).get(what)
        ]
        own = [(x, one) for x, one in own if one["interval"][0] is not None]
        axes.errorbar(
            [x for x, _ in own],
            [one["estimate"] for _, one in own],
            _distances([one for _, one in own]),
            color="black",
            linewidth=1.2,
            capsize=2.5,
            markersize=6,
            label=_plain(arm),
            **LOOKS[column % len(LOOKS)],
        )
    axes.set_xscale("log")
    ticks = [one["exposure_asked_s"] * 1000 for one in levels]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.set_xlabel("time of exposure that was asked, ms")
    axes.set_ylabel(WORDS["auc"] if what == "auc" else "d'")
    axes.legend(fontsize=8, frameon=False, handlelength=3.2)
    figure.subplots_adjust(left=0.15, right=0.97, bottom=0.16, top=0.97)
    return figure


def draw_times(analysis: Figures) -> Figure | None:
    """Reaction times: median (mark) and quartiles (bar) by arm, right and wrong apart."""
    rows = []
    for question, found in analysis["reaction_times"].items():
        for arm, one in found["arms"].items():
            for column, kind in enumerate(("right", "wrong")):
                if one[kind]["n"]:
                    words = f"{_plain(arm)}{', diagnosis' if question == 'diagnosis' else ''}"
                    rows.append((words, column, one[kind]))
    names = list(dict.fromkeys(words for words, _, _ in rows))
    if not rows:
        return None
    figure, axes = _new(5.6, 1.0 + 0.4 * len(names))
    seen = set()
    for words, column, one in rows:
        look = LOOKS[column]
        _bar(
            axes,
            one["median"],
            one["quartiles"],
            names.index(words) + (column - 0.5) * 0.3,
            look,
            label=None if column in seen else ("right answers", "wrong answers")[column],
        )
        axes.annotate(
            f"n {one['n']}",
            (1.01, names.index(words) + (column - 0.5) * 0.36),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize=7,
            annotation_clip=False,
        )
        seen.add(column)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlim(left=0)
    axes.set_xlabel("reaction time, s: median and quartiles")
    axes.legend(
        fontsize=8, frameon=False, loc="lower left", bbox_to_anchor=(0, 1.0), ncol=2, borderaxespad=0.2
    )
    height = figure.get_size_inches()[1]
    figure.subplots_adjust(left=0.26, right=0.9, bottom=0.5 / height, top=1 - 0.28 / height)
    return figure


def draw_agreement(analysis: Figures) -> Figure | None:
    """Answers of every pair of readers to the pictures that both saw: Cohen's kappa, with how many said the
    same.
    """
    question = next(
        (
            name
            for name in ("altered", "which", "diagnosis")
            if (analysis["agreement"].get(name) or {}).get("pairs")
        ),
        None,
    )
    if question is None:
        return None
    found = analysis["agreement"][question]
    lists = {
        reader["participant_id"]: reader["list"] % max(1, analysis["study"]["lists"] // 2)
        for reader in analysis["readers"][question]
    }
    paired = {pair[side] for pair in found["pairs"] for side in ("first", "second")}
    # Readers of lists that show the same pictures stand together; who shares none is left out.
    names = sorted(paired, key=lambda name: (lists.get(name, 0), name))
    figure, axes = _new(1.6 + 0.72 * len(names), 1.2 + 0.55 * len(names))
    shade = np.full((len(names), len(names)), np.nan)
    for pair in found["pairs"]:
        one, other = sorted((names.index(pair["first"]), names.index(pair["second"])))
        counts, kappa = pair["counts"], pair["cohen"]["kappa"]
        shade[other, one] = kappa if kappa is not None else np.nan
        axes.text(
            one,
            other,
            f"{'n/a' if kappa is None else f'{kappa:.2f}'}\n{counts[0][0] + counts[1][1]} of "
            f"{pair['pictures']}",
            ha="center",
            va="center",
            fontsize=7,
        )
    axes.imshow(shade, cmap="Greys", vmin=0, vmax=2, aspect="auto")
    axes.set_xticks(range(len(names)), names, fontsize=7, rotation=40, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(names)), names, fontsize=7)
    axes.set_xlabel("Cohen's kappa; below it, answers alike of pictures that both saw", fontsize=8)
    width, height = figure.get_size_inches()
    figure.subplots_adjust(
        left=1.05 / width, right=1 - 0.1 / width, bottom=1.05 / height, top=1 - 0.1 / height
    )
    return figure


def draw_visibility(analysis: Figures) -> Figure | None:
    """Share of readers who found a picture against what it measures, a panel a measure, four at most; arms
    are drawn a little apart in height.
    """
    found = analysis["visibility"] or {}
    there = {
        name
        for one in found.values()
        for name, figures in one["measures"].items()
        if figures["spearman"] is not None
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
    figure, grid = _panels(len(chosen))
    for axes, name in zip(grid, chosen, strict=True):
        for column, (look, (arm, one)) in enumerate(zip(LOOKS, found.items(), strict=False)):
            kept = [point for point in one["pictures"] if name in point]
            figures = one["measures"].get(name)
            if not kept or figures is None:
                continue
            words = (
                _plain(arm)
                if figures["spearman"] is None
                else (
                    f"{_plain(arm)}: ρ = {figures['spearman']:.2f} ({figures['interval'][0]:.2f} to "
                    f"{figures['interval'][1]:.2f}), {figures['pictures']} pictures"
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
        axes.set_xlabel(measure_words(name), fontsize=8)
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


def measure_words(name: str) -> str:
    """A measure's name for people."""
    region, _, what = name.rpartition(".")
    known = {
        "mean_change_levels": "mean change inside the mask, levels of 255",
        "ssim": "SSIM",
        "psnr_db": "PSNR, dB",
        "mean_de00": "mean CIEDE2000",
        "p95_de00": "CIEDE2000, 95th percentile",
        "flip": "FLIP",
    }
    where = {"mask": ", inside the mask", "whole": ", whole picture", "ring": ", ring around the mask"}.get(
        region.split(".")[-1], f", {region}" if region else ""
    )
    return _plain(known.get(what, what.replace("_", " ")) + where)


def _new(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    _tidy(axes)
    return figure, axes


def _panels(count: int) -> tuple[Figure, list[Axes]]:
    columns = min(count, 2)
    rows = -(-count // columns)
    figure = Figure(figsize=(3.7 * columns, 3.0 * rows), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    grid = [figure.add_subplot(rows, columns, place + 1) for place in range(count)]
    for axes in grid:
        _tidy(axes)
    figure.subplots_adjust(
        left=0.55 / (3.7 * columns),
        right=0.98,
        bottom=0.45 / (3.0 * rows),
        top=1 - 0.42 / (3.0 * rows),
        hspace=0.5,
        wspace=0.28,
    )
    return figure, grid


def _tidy(axes: Axes) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.tick_params(labelsize=8)
    axes.xaxis.label.set_fontsize(9)
    axes.yaxis.label.set_fontsize(9)


def _bar(
    axes: Axes,
    estimate: float,
    interval: Sequence[float],
    place: float,
    look: dict[str, Any],
    *,
    label: str | None = None,
) -> None:
    """A mark with a bar from end to end, lying."""
    axes.plot(interval, [place, place], color="black", linewidth=1.2, solid_capstyle="butt")
    axes.plot([estimate], [place], color="black", markersize=6, label=label, **(look | {"linestyle": "none"}))


def _distances(figures: Sequence[Figures]) -> list[list[float]]:
    return [
        [one["estimate"] - one["interval"][0] for one in figures],
        [one["interval"][1] - one["estimate"] for one in figures],
    ]


def _plain(text: str) -> str:
    """A name in which dollar signs start no formula."""
    return text.replace("$", r"\$")
