"""The one-sided bounds of what an analysis found, as tables of words."""

from collections.abc import Callable

from snapgui.study.analysis.estimate_words import Form, Values, bounds, decimals, points, signed
from snapgui.study.analysis.tables import Columns, Row, by_question
from snapgui.words import NONE, per_cent


def bounds_table(analysis: Values) -> dict[str, Columns]:
    """The same estimates with their one-sided 95 % bounds, and how many readers and sources there were."""
    return by_question(analysis, _detection_bounds, _choice_bounds, _diagnosis_bounds)


def _change_bounds(what: str, form: Form = signed) -> Callable[[Values], str]:
    return lambda pair: bounds(pair.get(what), form)


def _detection_bounds(found: Values) -> list[Row]:
    alarms, arms = found["untouched"]["false_alarm_rate"]["over_readers"], found["arms"].values()
    rows = [
        Row(
            "Called altered",
            lambda arm: bounds(arm["hit_rate"]["over_readers"], per_cent),
            _change_bounds("hit_rate", points),
            bounds(alarms, per_cent),
        )
    ]
    if any("auc" in arm for arm in arms):
        rows += [
            Row("Area under the ROC curve", lambda arm: bounds(arm.get("auc")), _change_bounds("auc")),
            Row("… beside the margin", lambda arm: _margin(arm, decimals)),
        ]
    if any("lroc" in arm for arm in arms):
        rows.append(
            Row("Area under the LROC curve", lambda arm: bounds(arm.get("lroc")), _change_bounds("lroc"))
        )
    return [
        *rows,
        Row("d'", lambda arm: bounds(arm["d_prime"]), _change_bounds("d_prime")),
        Row("Criterion c", lambda arm: bounds(arm["criterion"])),
        Row("Readers, sources", lambda arm: _sizes(arm["d_prime"]), _sizes_of_pair, untouched=_sizes(alarms)),
    ]


def _margin(arm: Values, form: Form) -> str:
    """Whether the bounds lie within the margin of the design."""
    beside = arm.get("beside_margin")
    if not beside:
        return NONE
    inside = "within" if beside["within"] else "not both within"
    return f"{inside} {form(beside['margin_from'])} to {form(beside['margin_to'])}"


def _choice_bounds(found: Values) -> list[Row]:
    return [
        Row(
            "Share right",
            lambda arm: bounds(arm["right"]["over_readers"], per_cent),
            _change_bounds("right", points),
        ),
        Row("… all answers together, Clopper and Pearson", lambda arm: _exact(arm["right"])),
        Row("… beside the margin", lambda arm: _margin(arm, per_cent)),
        Row(
            "d' of all answers together, at most",
            lambda arm: (
                "no bound"
                if not arm["two_choice"] or arm["two_choice"]["d_prime_upper_bound"] is None
                else decimals(arm["two_choice"]["d_prime_upper_bound"])
            ),
        ),
        Row("Readers, sources", lambda arm: _sizes(arm["right"]["over_readers"]), _sizes_of_pair),
    ]


def _exact(right: Values) -> str:
    if "exact_lower" not in right:
        return NONE
    return bounds({"lower": right["exact_lower"], "upper": right["exact_upper"]}, per_cent)


def _diagnosis_bounds(found: Values) -> list[Row]:
    def row(name: str, what: str) -> Row:
        return Row(
            name, lambda arm: bounds(arm[what]["over_readers"], per_cent), _change_bounds(what, points)
        )

    return [
        row("Diagnosis right", "right"),
        row("Called metastasis", "called_metastasis"),
        Row("Readers, sources", lambda arm: _sizes(arm["right"]["over_readers"]), _sizes_of_pair),
    ]


def _sizes(values: Values | None) -> str:
    return NONE if not values else f"{values['readers']}, {values['sources']}"


def _sizes_of_pair(pair: Values) -> str:
    return _sizes(next(filter(None, pair.values()), None))
