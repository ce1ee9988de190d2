"""What a study says of its readers: each alone, how fast they answered, how alike."""

import numpy as np
from matplotlib.figure import Figure

from snapgui.report.study.axes import LOOKS, WORDS, Values, draw_bar, escape, new_figure


def draw_readers(analysis: Values) -> Figure | None:
    """Each reader's main estimate, an arm a mark, with the interval of that reader alone."""
    question = "which" if analysis["choices"] else "altered"
    readers = analysis["readers"].get(question) or []
    points = []
    for row, reader in enumerate(readers):
        for column, (arm, values) in enumerate(reader["arms"].items()):
            found = values.get("two_choice") if question == "which" else values.get("auc")
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
    figure, axes = new_figure(5.6, 1.0 + 0.34 * len(readers))
    axes.axvline(0.5, color="black", linewidth=0.8, linestyle=":")
    arms = list(dict.fromkeys(arm for _, _, arm, _, _ in points))
    for row, column, arm, estimate, interval in points:
        first = not any(
            point[2] == arm for point in points[: points.index((row, column, arm, estimate, interval))]
        )
        draw_bar(
            axes,
            estimate,
            interval,
            row + (column - (len(arms) - 1) / 2) * 0.26,
            LOOKS[column % len(LOOKS)],
            label=escape(arm) if first else None,
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


def draw_times(analysis: Values) -> Figure | None:
    """Reaction times: median (mark) and quartiles (bar) by arm, right and wrong apart."""
    rows = []
    for question, found in analysis["reaction_times"].items():
        for arm, times in found["arms"].items():
            for column, kind in enumerate(("right", "wrong")):
                if times[kind]["n"]:
                    words = f"{escape(arm)}{', diagnosis' if question == 'diagnosis' else ''}"
                    rows.append((words, column, times[kind]))
    names = list(dict.fromkeys(words for words, _, _ in rows))
    if not rows:
        return None
    figure, axes = new_figure(5.6, 1.0 + 0.4 * len(names))
    seen = set()
    for words, column, times in rows:
        look = LOOKS[column]
        draw_bar(
            axes,
            times["median"],
            times["quartiles"],
            names.index(words) + (column - 0.5) * 0.3,
            look,
            label=None if column in seen else ("right answers", "wrong answers")[column],
        )
        axes.annotate(
            f"n {times['n']}",
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


def draw_agreement(analysis: Values) -> Figure | None:
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
    figure, axes = new_figure(1.6 + 0.72 * len(names), 1.2 + 0.55 * len(names))
    shade = np.full((len(names), len(names)), np.nan)
    for pair in found["pairs"]:
        column, row = sorted((names.index(pair["first"]), names.index(pair["second"])))
        counts, kappa = pair["counts"], pair["cohen"]["kappa"]
        shade[row, column] = kappa if kappa is not None else np.nan
        axes.text(
            column,
            row,
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
