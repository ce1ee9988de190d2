"""An analysis as tables of words: for the page and for the terminal."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Figures = Mapping[str, Any]
Columns = dict[str, list[str]]
NONE = "–"


def main_table(analysis: Figures) -> dict[str, Columns]:
    """Tables by title: arms, and their differences beside them, in the columns; a figure a row, with its 95 %
    interval.
    """
    found: dict[str, Columns] = {}
    if analysis["choices"]:
        found["Which of two is altered?"] = _choices(analysis["choices"])
    if analysis["detection"]:
        found["Altered or not?"] = _detection(analysis["detection"])
    for one in analysis["by_exposure"] or []:
        if one.get("arms"):
            shown = one["exposure_shown_s"]
            words = (
                (
                    f", shown {shown['median'] * 1000:.0f} ms (median; {shown['lowest'] * 1000:.0f} to "
                    f"{shown['highest'] * 1000:.0f})"
                )
                if shown
                else ""
            )
            found[f"Altered or not? Shown for {one['exposure_asked_s'] * 1000:g} ms{words}"] = _detection(one)
    if analysis["diagnosis"]:
        found["Diagnosis, before anyone was told of alterations"] = _diagnosis(analysis["diagnosis"])
    return found


def _detection(figures: Figures) -> Columns:
    arms, calm = figures["arms"], figures["untouched"]["false_alarm_rate"]
    rows: list[tuple[str, str, list[str]]] = []

    def add(name: str, of: Callable[[Figures], str], key: str = "", untouched: str = "") -> None:
        rows.append((name, key, [*(of(one) for one in arms.values()), untouched]))

    add("Answers", lambda one: str(one["answers"]["altered"]), untouched=str(calm["of"]))
    add("Called altered", lambda one: counted(one["hit_rate"]), "hit_rate", counted(calm))
    if any("auc" in one for one in arms.values()):
        add("Area under the ROC curve, mean of the readers", lambda one: over(one.get("auc")), "auc")
        add("… all answers together, DeLong", lambda one: _area(one.get("auc_delong")))
        add("Area under the LROC curve: place found, too", lambda one: over(one.get("lroc")), "lroc")
    add("d', mean of the readers", lambda one: over(one["d_prime"]), "d_prime")
    add(
        "… all answers together",
        lambda one: (
            NONE if not one["pooled"] else spread(one["pooled"]["d_prime"], one["pooled"]["interval"])
        ),
    )
    add("Criterion c", lambda one: over(one["criterion"]))
    return _with_differences(rows, [*arms, figures["untouched"]["arm"]], figures["differences"])


def _choices(figures: Figures) -> Columns:
    arms = figures["arms"]
    rows = [
        ("Right", "", [f"{one['right']['count']} of {one['right']['of']}" for one in arms.values()]),
        (
            "Share right, for other readers and pictures",
            "right",
            [over(one["right"]["over_readers"]) for one in arms.values()],
        ),
        (
            "… all answers together, Clopper and Pearson",
            "",
            [spread(one["right"]["share"], one["right"].get("exact_interval")) for one in arms.values()],
        ),
        (
            "d' of all answers together",
            "",
            [
                NONE
                if not one["two_choice"]
                else spread(one["two_choice"]["d_prime"], one["two_choice"]["d_prime_interval"])
                for one in arms.values()
            ],
        ),
    ]
    return _with_differences(rows, list(arms), figures["differences"])


def _diagnosis(figures: Figures) -> Columns:
    arms = figures["arms"]
    rows = [
        ("Diagnosis right", "right", [counted(one["right"]) for one in arms.values()]),
        (
            "Called metastasis",
            "called_metastasis",
            [counted(one["called_metastasis"]) for one in arms.values()],
        ),
    ]
    return _with_differences(rows, list(arms), figures["differences"])


def _with_differences(
    rows: Sequence[tuple[str, str, list[str]]], arms: list[str], differences: Figures
) -> Columns:
    columns: Columns = {"": [name for name, _, _ in rows]}
    for place, arm in enumerate(arms):
        columns[arm] = [cells[place] for _, _, cells in rows]
    for pair, figures in differences.items():
        columns[pair.replace(" minus ", " − ")] = [
            over(figures.get(key), sign=True) if key else "" for _, key, _ in rows
        ]
    return columns


def counted(figure: Figures | None) -> str:
    """A count with its share and the interval over readers and sources, or Wilson's where there is only one
    reader.
    """
    if not figure or not figure["of"]:
        return NONE
    crossed = figure["over_readers"]
    interval = (
        crossed["interval"] if crossed and crossed["interval"][0] is not None else figure["wilson_interval"]
    )
    return (
        f"{figure['count']} of {figure['of']}, {figure['share']:.2f} ({interval[0]:.2f} to {interval[1]:.2f})"
    )


def over(figure: Figures | None, *, sign: bool = False) -> str:
    """An estimate with its interval."""
    return NONE if not figure else spread(figure["estimate"], figure["interval"], sign=sign)


def _area(figure: Figures | None) -> str:
    return NONE if not figure else spread(figure["area"], figure["interval"])


def spread(estimate: float | None, interval: Sequence[float | None] | None, *, sign: bool = False) -> str:
    """A figure with two decimals and its ends; an end without bound is written so."""
    if estimate is None:
        return NONE
    form = "+.2f" if sign else ".2f"
    if interval is None or all(end is None for end in interval):
        return f"{estimate:{form}}"
    low, high = ("no bound" if end is None else f"{end:{form}}" for end in interval)
    return f"{estimate:{form}} ({low} to {high})"


def plain_table(columns: Columns) -> str:
    """Columns of words for a terminal."""
    widths = {name: max(len(name), *map(len, cells)) for name, cells in columns.items()}
    lines = [list(columns), *map(list, zip(*columns.values(), strict=True))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths.values(), strict=True)).rstrip()
        for line in lines
    )


def sessions_table(analysis: Figures) -> Columns:
    """A row a session: how far it is, catch trials, and why it does not count."""
    sessions = analysis["sessions"]
    return {
        "Reader": [one["participant_id"] for one in sessions],
        "Session": [one["session_id"].removeprefix("ses-") for one in sessions],
        "List": [str(one["list"]) for one in sessions],
        "Answered": [f"{one['answered']} of {one['trials']}" for one in sessions],
        "Obvious pictures found": [
            NONE if one["catch"] is None else f"{one['catch']['count']} of {one['catch']['of']}"
            for one in sessions
        ],
        "Counts": ["no: " + one["reasons"] if one["excluded"] else "yes" for one in sessions],
    }


def readers_table(analysis: Figures) -> Columns:
    """A row a reader and arm, with the intervals of that reader alone."""
    question = "which" if analysis["choices"] else "altered"
    rows = []
    for reader in analysis["readers"].get(question) or []:
        for arm, one in reader["arms"].items():
            if question == "which":
                found = one["two_choice"]
                rows.append(
                    [
                        reader["participant_id"],
                        arm,
                        str(one["answers"]),
                        NONE if not found else spread(found["proportion"], found["interval"]),
                        NONE if not found else spread(found["d_prime"], found["d_prime_interval"]),
                    ]
                )
            else:
                rows.append(
                    [
                        reader["participant_id"],
                        arm,
                        str(one["answers"]),
                        *(
                            NONE if one[name]["share"] is None else f"{one[name]['share']:.2f}"
                            for name in ("hit_rate", "false_alarm_rate")
                        ),
                        NONE
                        if not one["yes_no"]
                        else spread(one["yes_no"]["d_prime"], one["yes_no"]["interval"]),
                        _area(one.get("auc")),
                        _area(one.get("lroc")),
                    ]
                )
    names = [
        "Reader",
        "Arm",
        "Answers",
        *(
            ["Share right", "d'"]
            if question == "which"
            else ["Called altered", "Untouched called altered", "d'", "Area (ROC)", "Area (LROC)"]
        ),
    ]
    return {name: [row[place] for row in rows] for place, name in enumerate(names)}


def agreement_table(analysis: Figures) -> Columns:
    """Agreement between readers and of readers with themselves, a row a figure."""
    words = {"altered": "altered or not", "which": "which of two", "diagnosis": "diagnosis"}
    rows = []
    for question, one in analysis["agreement"].items():
        kappa = one["fleiss"]
        rows.append(
            [
                f"Between readers, {words[question]}: Fleiss' kappa",
                NONE if kappa is None else spread(kappa["kappa"], kappa["interval"]),
                f"{one['pictures_shared']} pictures seen by two or more",
            ]
        )
    for question, one in (analysis["repeats"] or {}).items():
        same = one["same_answer"]
        rows.append(
            [f"With oneself, {words[question]}: same answer again", counted(same), f"{same['of']} repeats"]
        )
        if one["ratings"] is not None:
            kappa = one["ratings"]["kappa"]
            rows.append(
                [
                    f"With oneself, {words[question]}: kappa of the ratings, quadratic weights",
                    spread(kappa["kappa"], kappa["interval"]),
                    f"{one['ratings']['trials']} repeats",
                ]
            )
    return {name: [row[place] for row in rows] for place, name in enumerate(("Agreement", "Figure", "Of"))}


def times_table(analysis: Figures) -> Columns:
    """Reaction times: ratios of geometric means between arms."""
    rows = [
        (pair, NONE if one is None else spread(one["ratio"], one["interval"]))
        for found in analysis["reaction_times"].values()
        for pair, one in found["ratios"].items()
    ]
    return {"Time of": [pair for pair, _ in rows], "Ratio": [ratio for _, ratio in rows]}


def visibility_table(analysis: Figures, words: Callable[[str], str]) -> Columns:
    """Every measure of visibility: rank correlation with the share of readers who found the picture, an arm a
    column.
    """
    found = analysis["visibility"] or {}
    names = sorted({name for one in found.values() for name in one["measures"]})
    return {"Measure": [words(name) for name in names]} | {
        f"{arm} ({len(one['pictures'])} pictures)": [
            NONE
            if not (figure := one["measures"].get(name))
            else spread(figure["spearman"], figure["interval"])
            for name in names
        ]
        for arm, one in found.items()
    }
