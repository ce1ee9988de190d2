"""What an analysis found, as tables of words: for the page, the report and the terminal."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from snapgui.study.analysis.estimate_words import (
    Form,
    Values,
    area,
    over,
    points,
    share_alone,
    share_over,
    signed,
    spread,
)
from snapgui.words import NONE, per_cent

Columns = dict[str, list[str]]
DETECTION, CHOICES = "Altered or not?", "Which of two is altered?"
DIAGNOSIS = "Diagnosis, before anyone was told of alterations"


def _nothing(pair: Values) -> str:
    return ""


@dataclass(frozen=True)
class Row:
    """A row of a table with an arm a column.

    Attributes:
        name: of the row.
        of: an arm's words.
        difference: words on the difference of two arms, in a column of their own.
        untouched: words of the untouched arm, in a column of its own.
    """

    name: str
    of: Callable[[Values], str]
    difference: Callable[[Values], str] = _nothing
    untouched: str = ""


Rows = Callable[[Values], list[Row]]


def main_table(analysis: Values) -> dict[str, Columns]:
    """Tables by title: arms, and their differences beside them, in the columns; an estimate a row, with its
    95 % interval.
    """
    return by_question(analysis, _detection_rows, _choice_rows, _diagnosis_rows)


def by_question(analysis: Values, detection: Rows, choices: Rows, diagnosis: Rows) -> dict[str, Columns]:
    """A table for each question that was answered, by its title, made of the rows that fit the question."""
    found: dict[str, Columns] = {}
    if analysis["choices"]:
        found[CHOICES] = _columns(choices(analysis["choices"]), analysis["choices"])
    if analysis["detection"]:
        found[DETECTION] = _columns(detection(analysis["detection"]), analysis["detection"])
    for exposure in analysis["by_exposure"] or []:
        if exposure.get("arms"):
            title = f"{DETECTION} {_exposure_words(exposure)}"
            found[title] = _columns(detection(exposure), exposure)
    if analysis["diagnosis"]:
        found[DIAGNOSIS] = _columns(diagnosis(analysis["diagnosis"]), analysis["diagnosis"])
    return found


def _exposure_words(exposure: Values) -> str:
    shown = exposure["exposure_shown_s"]
    words = (
        f", measured {shown['median'] * 1000:.0f} ms (median; {shown['lowest'] * 1000:.0f} to "
        f"{shown['highest'] * 1000:.0f})"
        if shown
        else ""
    )
    return f"Shown for {exposure['exposure_asked_s'] * 1000:g} ms{words}"


def _columns(rows: Sequence[Row], found: Values) -> Columns:
    columns: Columns = {"": [row.name for row in rows]}
    for arm, values in found["arms"].items():
        columns[arm] = [row.of(values) for row in rows]
    if any(row.untouched for row in rows):
        columns[found["untouched"]["arm"]] = [row.untouched for row in rows]
    for pair, values in found["differences"].items():
        columns[pair.replace(" minus ", " − ")] = [row.difference(values) for row in rows]
    return columns


def _change(what: str, form: Form = signed) -> Callable[[Values], str]:
    return lambda pair: over(pair.get(what), form)


def _detection_rows(found: Values) -> list[Row]:
    alarms, arms = found["untouched"]["false_alarm_rate"], found["arms"].values()
    rows = [
        Row("Answers", lambda arm: str(arm["answers"]["altered"]), untouched=str(alarms["of"])),
        Row(
            "Called altered",
            lambda arm: share_over(arm["hit_rate"]),
            _change("hit_rate", points),
            share_over(alarms),
        ),
        Row(
            "… as if all answers were independent, Wilson",
            lambda arm: share_alone(arm["hit_rate"], "wilson"),
            untouched=share_alone(alarms, "wilson"),
        ),
    ]
    if any("found_share" in arm for arm in arms):
        rows.append(Row("Altered cells clicked", lambda arm: share_over(arm.get("found_share"))))
    if any("auc" in arm for arm in arms):
        rows += [
            Row(
                "Area under the ROC curve, mean of the readers",
                lambda arm: over(arm.get("auc")),
                _change("auc"),
            ),
            Row("… all answers together, DeLong", lambda arm: area(arm.get("auc_delong"))),
        ]
    if any("lroc" in arm for arm in arms):
        rows += [
            Row(
                "Area under the LROC curve: place found, too",
                lambda arm: over(arm.get("lroc")),
                _change("lroc"),
            ),
            Row("… all answers together, DeLong", lambda arm: area(arm.get("lroc_delong"))),
        ]
    return [
        *rows,
        Row("d', mean of the readers", lambda arm: over(arm["d_prime"]), _change("d_prime")),
        Row("… all answers together", lambda arm: _pooled(arm, "d_prime")),
        Row("Criterion c, mean of the readers", lambda arm: over(arm["criterion"])),
        Row("… all answers together", lambda arm: _pooled(arm, "criterion")),
    ]


def _pooled(arm: Values, what: str) -> str:
    pooled = arm["pooled"]
    return NONE if not pooled else spread(pooled[what], pooled["interval"] if what == "d_prime" else None)


def _choice_rows(found: Values) -> list[Row]:
    return [
        Row("Right", lambda arm: f"{arm['right']['count']:,} of {arm['right']['of']:,}"),
        Row(
            "Share right, for other readers and pictures",
            lambda arm: over(arm["right"]["over_readers"], per_cent),
            _change("right", points),
        ),
        Row(
            "… all answers together, Clopper and Pearson",
            lambda arm: share_alone(arm["right"], "exact"),
        ),
        Row("… all answers together, Wilson", lambda arm: share_alone(arm["right"], "wilson")),
        Row("d' of all answers together", _choice_d_prime),
    ]


def _choice_d_prime(arm: Values) -> str:
    choice = arm["two_choice"]
    return NONE if not choice else spread(choice["d_prime"], choice["d_prime_interval"])


def _diagnosis_rows(found: Values) -> list[Row]:
    return [
        *_diagnosis_row("Diagnosis right", "right"),
        *_diagnosis_row("Called metastasis", "called_metastasis"),
    ]


def _diagnosis_row(name: str, what: str) -> list[Row]:
    return [
        Row(name, lambda arm: share_over(arm[what]), _change(what, points)),
        Row("… all answers together, Clopper and Pearson", lambda arm: share_alone(arm[what], "exact")),
    ]


def plain_table(columns: Columns) -> str:
    """Columns of words for a terminal."""
    widths = {name: max(len(name), *map(len, cells)) for name, cells in columns.items()}
    lines = [list(columns), *map(list, zip(*columns.values(), strict=True))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths.values(), strict=True)).rstrip()
        for line in lines
    )
