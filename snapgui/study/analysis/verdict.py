"""What an analysis allows to say: estimates, bounds and margins, and no more."""

from collections.abc import Mapping
from typing import Any

Figures = Mapping[str, Any]
SOURCES_OF_METHODS = {
    "rates": "Shares with Wilson's interval (1927) as if all answers were independent, and with Wilson's "
    "interval for as many independent answers as the variance over readers and sources is worth "
    "(Korn and Graubard 1998; Dean and Pagano 2015).",
    "d_prime": "d' = z(hit rate) - z(false-alarm rate) and criterion c = -(z(hit rate) + z(false-alarm "
    "rate)) / 2 (Macmillan and Creelman 2005), rates with 0.5 added to the count and 1 to the "
    "number (Hautus 1995); of one reader with the error of Gourevitch and Galanter 1967, "
    "otherwise the mean of the readers.",
    "area": "Area under the empirical ROC curve, mean of the readers; of one reader with DeLong's variance "
    "(1988) on the logit scale (Pepe 2003).",
    "lroc": (
        "Area under the LROC curve (Swensson 1996; Popescu 2007): the altered picture rated higher and "
        "its place clicked."
    ),
    "over_readers": "Intervals over readers and sources: variance components by the method of moments "
    "(Henderson 1953) of what readers and sources add in an arm, with Satterthwaite's "
    "degrees of freedom (1946). They speak of other readers and other pictures of the same "
    "kinds.",
    "two_choice": (
        "Clopper and Pearson's interval (1934), which covers at least what it promises and often more; "
        "d' = sqrt(2) z(share)."
    ),
    "margin": (
        "Two one-sided bounds at 95 % (Schuirmann 1987) beside the margin that stands in the frozen design."
    ),
    "kappa": (
        "Fleiss' kappa (1971) with its linearised error over sources (Gwet 2008), Cohen's kappa (1960) "
        "with that of Fleiss, Cohen and Everitt 1969."
    ),
    "visibility": (
        "Spearman's rank correlation over pictures; interval on Fisher's scale with the bootstrap's "
        "standard error."
    ),
}


def verdict(analysis: Figures) -> list[str]:
    """Sentences on what was found, in the order of importance."""
    head = _about(analysis)
    detection, choices, diagnosis = analysis["detection"], analysis["choices"], analysis["diagnosis"]
    found = []
    if detection:
        found += _arms(
            detection["arms"], "auc", "tell “{}” from untouched pictures", "area under the ROC curve"
        )
        found += _differences(detection["differences"], "auc", "the areas")
    if choices:
        found += _arms(
            choices["arms"], "right", "tell “{}” from the untouched picture beside it", "share right"
        )
        found += _differences(choices["differences"], "right", "the shares right")
    if diagnosis:
        found += _diagnoses(diagnosis)
    if not found:
        found = ["No answer counts yet, so there is nothing to say."]
    return [*head, *found]


def _about(analysis: Figures) -> list[str]:
    sessions = analysis["sessions"]
    left_out = sum(one["excluded"] for one in sessions)
    going = sum(bool(one["missing"]) for one in sessions)
    readers = len({one["participant_id"] for one in sessions if not one["excluded"]})
    words = (
        f"{_count(readers, 'reader')} in {_count(len(sessions) - left_out, 'session')} "
        f"{'counts' if readers == 1 else 'count'}"
    )
    if left_out:
        words += (
            f"; {_count(left_out, 'session')} {'is' if left_out == 1 else 'are'} left out by the rule "
            "that was frozen with the design"
        )
    if going:
        words += (
            f"; {_count(going, 'session')} {'lacks' if going == 1 else 'lack'} answers, so this is how "
            "it stands so far"
        )
    return [words + "."]


def _arms(arms: Figures, what: str, deed: str, name: str) -> list[str]:
    found = []
    for arm, figures in arms.items():
        whole = figures.get(what) or {}
        figure = whole.get("over_readers", whole) or {}
        margin = _margin(figures.get("beside_margin"))
        if figure.get("estimate") is not None and figure["interval"][0] is not None:
            low, high = figure["interval"]
            head = (
                f"Readers {deed.format(arm)}"
                if low > 0.5
                else f"Readers take “{arm}” for untouched and untouched pictures for altered"
                if high < 0.5
                else f"Whether readers {deed.format(arm)} stays open"
            )
            found.append(f"{head}: {name} {_with_interval(figure, 2)}, 0.50 being chance. {margin}".strip())
        elif figures.get("beside_margin"):
            found.append(
                f"{name[0].upper()}{name[1:]} for “{arm}”: {figures['beside_margin']['estimate']:.2f}. "
                f"{margin} This says nothing of other readers."
            )
    return found


def _margin(beside: Figures | None) -> str:
    """What the one-sided bounds say of the margin."""
    if not beside:
        return ""
    margin = (
        f"the margin of {beside['margin_from']:.2f} to {beside['margin_to']:.2f} that was fixed beforehand"
    )
    low, high = beside["lower"], beside["upper"]
    bounds = f"With 95 % confidence each, it is at least {low:.2f} and at most {high:.2f}: "
    if beside["within"]:
        return bounds + f"both bounds lie within {margin}."
    if low > beside["margin_to"] or high < beside["margin_from"]:
        return bounds + (
            f"it lies beyond {margin}, so readers tell the pictures apart by more than was declared "
            "negligible."
        )
    where = "above" if high > beside["margin_to"] else "below"
    return bounds + (
        f"this reaches {where} {margin}, so the study does not rule out that readers tell the "
        "pictures apart by more than that."
    )


def _differences(pairs: Figures, what: str, words: str) -> list[str]:
    found = []
    for pair, figures in pairs.items():
        figure = figures.get(what)
        if figure is None or figure["interval"][0] is None:
            continue
        first, second = pair.split(" minus ")
        low, high = figure["interval"]
        middle = f"{words} differ by {_with_interval(figure, 2, sign=True)}"
        if low > 0 or high < 0:
            found.append(
                f"Readers find “{first if low > 0 else second}” more easily than "
                f"“{second if low > 0 else first}”: {middle}."
            )
        else:
            found.append(
                f"Whether readers find “{first}” or “{second}” more easily stays open: {middle}, so with 95 "
                f"% confidence by at most {max(abs(low), abs(high)):.2f} either way."
            )
    return found


def _diagnoses(diagnosis: Figures) -> list[str]:
    found = []
    arms = diagnosis["arms"]
    for pair, figures in diagnosis["differences"].items():
        figure = figures["right"]
        first, second = pair.split(" minus ")
        if figure is not None and figure["interval"][0] is not None:
            found.append(
                f"Diagnoses were right in {arms[first]['right']['share']:.0%} of the answers to "
                f"“{first}” and {arms[second]['right']['share']:.0%} of those to "
                f"“{second}”: a change of {_with_interval(figure, 2, sign=True)}."
            )
    return found


def _with_interval(figure: Figures, digits: int, *, sign: bool = False) -> str:
    form = f"{'+' if sign else ''}.{digits}f"
    low, high = figure["interval"]
    return (
        f"{figure['estimate']:{form}} (95 % interval {low:{form}} to {high:{form}}; "
        f"{_count(figure['readers'], 'reader')}, "
        f"{_count(figure['sources'], 'source')}, {_count(figure['answers'], 'answer')})"
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
