"""The charts of an analysis in the app's own style: one height, one size of type, values to be pointed at."""

from collections.abc import Callable, Sequence
from typing import Any

import plotly.graph_objects as go

from snapgui.study.analysis.details import measure_words
from snapgui.study.analysis.estimate_words import Values, decimals, spread
from snapgui.ui.parts.charts import CLASS_COLOURS, FAINT, INK, PAPER, style_figure
from snapgui.ui.parts.text import chart_text
from snapgui.words import as_set, counted, per_cent

HEIGHT = 330
SYMBOLS = ("circle", "square", "triangle-up", "diamond", "x")
# Marks of an axis of shares, in the form that all pages have.
SHARES: Values = {
    "tickvals": [0, 0.2, 0.4, 0.6, 0.8, 1],
    "ticktext": [as_set(share) for share in (0, 0.2, 0.4, 0.6, 0.8, 1)],
}
NAMES = {"auc": "area under the ROC curve", "right": "share right"}


def arms_chart(analysis: Values) -> go.Figure | None:
    """Each arm's main estimate with its interval, chance and the margin; None where there is none."""
    what, arms = _main_estimates(analysis)
    if not arms:
        return None
    form = per_cent if what == "right" else decimals
    margin, figure = analysis["study"]["margin"], go.Figure()
    figure.add_vrect(x0=1 - margin, x1=margin, fillcolor=FAINT, opacity=0.35, line_width=0, layer="below")
    _chance(figure)
    for place, (arm, values) in enumerate(arms.items()):
        told = f"{chart_text(arm)}: {spread(values['estimate'], values['interval'], form)}"
        _bar(figure, values["estimate"], values["interval"], -place, place, told, name=arm)
        figure.add_annotation(
            x=values["estimate"], y=-place, yshift=16, showarrow=False, text=told.partition(": ")[2]
        )
    lowest = min(0.3, *(values["interval"][0] for values in arms.values())) - 0.03
    style_figure(
        figure, height=HEIGHT, x_title=f"{NAMES[what]}, grey: the margin fixed beforehand", y_title=""
    )
    figure.update_xaxes(range=[lowest, 1.02])
    _rows(figure, [chart_text(arm) for arm in arms])
    return figure


def roc_chart(analysis: Values) -> go.Figure | None:
    """The ROC curve of all answers together, an arm a line."""
    arms = (analysis["detection"] or {}).get("arms", {})
    curves = {arm: values["roc"] for arm, values in arms.items() if values.get("roc")}
    if not curves:
        return None
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 1],
        y=[0, 1],
        mode="lines",
        line={"color": FAINT, "dash": "dot"},
        hoverinfo="skip",
        showlegend=False,
    )
    for place, (arm, (alarms, hits)) in enumerate(curves.items()):
        figure.add_scatter(
            x=alarms,
            y=hits,
            mode="lines+markers",
            name=chart_text(arm),
            line={"color": _colour(place), "width": 2},
            marker={"symbol": SYMBOLS[place % len(SYMBOLS)], "size": 8},
            hovertext=[
                f"{chart_text(arm)}: {per_cent(hit)} called altered, {per_cent(alarm)} of the untouched"
                for alarm, hit in zip(alarms, hits, strict=True)
            ],
            hoverinfo="text",
        )
    style_figure(
        figure, height=HEIGHT, x_title="untouched pictures called altered", y_title="altered called altered"
    )
    for axes in (figure.update_xaxes, figure.update_yaxes):
        axes(range=[-0.02, 1.02], **SHARES)
    return _legend(figure)


def readers_chart(analysis: Values) -> go.Figure | None:
    """Each reader's main estimate with the interval of that reader alone."""
    question = "which" if analysis["choices"] else "altered"
    part, key = ("two_choice", "proportion") if question == "which" else ("auc", "area")
    readers = analysis["readers"].get(question) or []
    arms = list(dict.fromkeys(arm for reader in readers for arm in reader["arms"]))
    figure, seen = go.Figure(), set()
    _chance(figure)
    for row, reader in enumerate(readers):
        for place, arm in enumerate(arms):
            found = reader["arms"].get(arm, {}).get(part)
            if found is None:
                continue
            told = f"{reader['participant_id']}, {arm}: {spread(found[key], found['interval'])}"
            _bar(
                figure,
                found[key],
                found["interval"],
                -row - _apart(place, len(arms)),
                place,
                chart_text(told),
                name=arm,
                shown=arm not in seen,
            )
            seen.add(arm)
    if not seen:
        return None
    title = NAMES["right" if question == "which" else "auc"]
    style_figure(figure, height=HEIGHT, x_title=title, y_title="")
    figure.update_xaxes(range=[-0.02, 1.02])
    _rows(figure, [chart_text(reader["participant_id"]) for reader in readers])
    return _legend(figure)


def exposure_chart(analysis: Values) -> go.Figure | None:
    """The main estimate against the time for which a picture was shown."""
    levels = [level for level in analysis["by_exposure"] or [] if level.get("arms")]
    what = "auc" if all(arm.get("auc") for level in levels for arm in level["arms"].values()) else "d_prime"
    figure, drawn = go.Figure(), False
    for place, arm in enumerate(levels[0]["arms"] if levels else ()):
        points = [
            (level["exposure_asked_s"] * 1000 * (1 + 0.03 * place), level["arms"][arm][what])
            for level in levels
            if (level["arms"].get(arm, {}).get(what) or {"interval": [None]})["interval"][0] is not None
        ]
        drawn |= bool(points)
        figure.add_scatter(
            x=[x for x, _ in points],
            y=[values["estimate"] for _, values in points],
            error_y=_errors([values for _, values in points], _colour(place)),
            mode="lines+markers",
            name=chart_text(arm),
            line={"color": _colour(place), "width": 2},
            marker={"symbol": SYMBOLS[place % len(SYMBOLS)], "size": 9},
            hovertext=[
                f"{chart_text(arm)}: {spread(values['estimate'], values['interval'])}" for _, values in points
            ],
            hoverinfo="text",
        )
    if not drawn:
        return None
    figure.add_hline(y=0.5 if what == "auc" else 0, line={"color": INK, "dash": "dot", "width": 1})
    style_figure(
        figure, height=HEIGHT, x_title="shown for, ms", y_title=NAMES["auc"] if what == "auc" else "d'"
    )
    ticks = [level["exposure_asked_s"] * 1000 for level in levels]
    figure.update_xaxes(type="log", tickvals=ticks, ticktext=[f"{tick:g}" for tick in ticks])
    return _legend(figure)


def times_chart(analysis: Values) -> go.Figure | None:
    """Reaction times: median and quartiles by arm, right and wrong answers apart."""
    rows = {
        f"{arm}{', diagnosis' if question == 'diagnosis' else ''}": times
        for question, found in analysis["reaction_times"].items()
        for arm, times in found["arms"].items()
        if times["all"]["n"]
    }
    if not rows:
        return None
    figure = go.Figure()
    for place, kind in enumerate(("right", "wrong")):
        shown = True
        for row, (words, times) in enumerate(rows.items()):
            if not times[kind]["n"]:
                continue
            median, quartiles = times[kind]["median"], times[kind]["quartiles"]
            told = f"{words}, {counted(times[kind]['n'], f'{kind} answer')}: {spread(median, quartiles)} s"
            _bar(
                figure,
                median,
                quartiles,
                -row - _apart(place, 2),
                place,
                chart_text(told),
                name=f"{kind} answers",
                shown=shown,
            )
            shown = False
    style_figure(figure, height=HEIGHT, x_title="reaction time, s: median and quartiles", y_title="")
    figure.update_xaxes(rangemode="tozero")
    _rows(figure, [chart_text(words) for words in rows])
    return _legend(figure)


def agreement_chart(analysis: Values) -> go.Figure | None:
    """Cohen's kappa of every pair of readers who saw the same pictures."""
    pairs: list[Values] = next(
        (found["pairs"] for found in analysis["agreement"].values() if found["pairs"]), []
    )
    if not pairs:
        return None
    names = sorted({pair[side] for pair in pairs for side in ("first", "second")})
    shade: list[list[float | None]] = [[None] * len(names) for _ in names]
    words = [[""] * len(names) for _ in names]
    for pair in pairs:
        alike = f"{pair['counts'][0][0] + pair['counts'][1][1]} of {pair['pictures']}"
        kappa = pair["cohen"]["kappa"]
        for one, other in ((pair["first"], pair["second"]), (pair["second"], pair["first"])):
            row, column = names.index(one), names.index(other)
            shade[row][column] = kappa
            words[row][column] = f"{'–' if kappa is None else decimals(kappa)}<br>{alike}"
    figure = go.Figure(
        go.Heatmap(
            z=shade,
            x=[chart_text(name) for name in names],
            y=[chart_text(name) for name in names],
            text=words,
            texttemplate="%{text}",
            hoverinfo="skip",
            showscale=False,
            zmin=-0.2,
            zmax=1,
            colorscale=[[0, PAPER], [1, CLASS_COLOURS[0]]],
        )
    )
    style_figure(figure, height=HEIGHT, x_title="", y_title="")
    figure.update_yaxes(autorange="reversed")
    return figure


def visibility_chart(analysis: Values, measure: str) -> go.Figure:
    """The share of readers who found a picture against what it measures; arms a little apart in height."""
    figure = go.Figure()
    for place, (arm, values) in enumerate((analysis["visibility"] or {}).items()):
        kept = [point for point in values["pictures"] if measure in point]
        found = values["measures"].get(measure) or {"spearman": None}
        told = "" if found["spearman"] is None else f", ρ {spread(found['spearman'], found['interval'])}"
        figure.add_scatter(
            x=[point[measure] for point in kept],
            y=[point["found"] / point["of"] + 0.025 * place for point in kept],
            mode="markers",
            name=chart_text(f"{arm}{told}"),
            marker={
                "symbol": SYMBOLS[place % len(SYMBOLS)],
                "size": 8,
                "color": _colour(place),
                "opacity": 0.75,
            },
            hovertext=[
                chart_text(f"{arm}: found by {point['found']} of {point['of']}, {point[measure]:.3g}")
                for point in kept
            ],
            hoverinfo="text",
        )
    style_figure(
        figure, height=HEIGHT, x_title=chart_text(measure_words(measure)), y_title="readers who found it"
    )
    figure.update_yaxes(range=[-0.06, 1.1], **SHARES)
    return _legend(figure)


def visibility_measures(analysis: Values, first: Sequence[str]) -> list[str]:
    """Measures that go with the share of readers who found a picture, those that end as ``first`` leading."""
    there = {
        name
        for arm in (analysis["visibility"] or {}).values()
        for name, correlation in arm["measures"].items()
        if correlation["spearman"] is not None
    }
    place = {name: place for name in there for place, end in enumerate(first) if name.endswith(end)}
    return sorted(there, key=lambda name: (place.get(name, len(first)), name))


CHARTS: dict[str, Callable[[Values], go.Figure | None]] = {
    "arms": arms_chart,
    "roc": roc_chart,
    "readers": readers_chart,
    "exposure": exposure_chart,
    "times": times_chart,
}


def _main_estimates(analysis: Values) -> tuple[str, dict[str, Values]]:
    if analysis["choices"]:
        arms = analysis["choices"]["arms"]
        what, found = "right", {arm: values["right"]["over_readers"] for arm, values in arms.items()}
    else:
        arms = (analysis["detection"] or {}).get("arms", {})
        what, found = "auc", {arm: values.get("auc") for arm, values in arms.items()}
    return what, {arm: one for arm, one in found.items() if one and one["interval"][0] is not None}


def _bar(
    figure: go.Figure,
    estimate: float,
    ends: Sequence[float],
    y: float,
    place: int,
    told: str,
    *,
    name: str,
    shown: bool = False,
) -> None:
    """A mark with a bar from end to end, lying."""
    figure.add_scatter(
        x=[estimate],
        y=[y],
        error_x=_errors([{"estimate": estimate, "interval": ends}], _colour(place)),
        mode="markers",
        name=chart_text(name),
        legendgroup=name,
        showlegend=shown,
        marker={"symbol": SYMBOLS[place % len(SYMBOLS)], "size": 10, "color": _colour(place)},
        hovertext=[told],
        hoverinfo="text",
    )


def _errors(values: Sequence[Values], colour: str) -> dict[str, Any]:
    return {
        "type": "data",
        "symmetric": False,
        "array": [one["interval"][1] - one["estimate"] for one in values],
        "arrayminus": [one["estimate"] - one["interval"][0] for one in values],
        "color": colour,
        "thickness": 2,
        "width": 0,
    }


def _rows(figure: go.Figure, names: Sequence[str]) -> None:
    """Names for the rows 0, -1, -2 and so on."""
    figure.update_yaxes(
        tickvals=[-row for row in range(len(names))],
        ticktext=list(names),
        range=[0.5 - len(names), 0.5],
        showgrid=False,
    )


def _legend(figure: go.Figure) -> go.Figure:
    figure.update_layout(
        showlegend=True,
        margin_t=34,
        legend={"orientation": "h", "x": 0, "y": 1.01, "yanchor": "bottom", "bgcolor": "rgba(0,0,0,0)"},
    )
    return figure


def _chance(figure: go.Figure) -> None:
    figure.add_vline(x=0.5, line={"color": INK, "dash": "dot", "width": 1})


def _colour(place: int) -> str:
    return CLASS_COLOURS[place % len(CLASS_COLOURS)]


def _apart(place: int, of: int) -> float:
    return (place - (of - 1) / 2) * 0.5 / max(of, 1)
