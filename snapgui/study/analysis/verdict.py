"""What an analysis allows to say: estimates, bounds and margins, and no more."""

from dataclasses import dataclass

from snapgui.study.analysis.estimate_words import Form, Values, decimals, points, signed
from snapgui.words import counted, per_cent

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


def verdict(analysis: Values) -> list[str]:
    """Sentences on what was found, in the order of importance."""
    head = _about(analysis)
    detection, choices, diagnosis = analysis["detection"], analysis["choices"], analysis["diagnosis"]
    found = _primary(analysis)
    others = {analysis["study"]["primary"]["arm"]} if found else set()
    if detection:
        found += _arms(_without(detection["arms"], others), AREA)
        found += _differences(detection["differences"], AREA)
    if choices:
        found += _arms(_without(choices["arms"], others), SHARE)
        found += _differences(choices["differences"], SHARE)
    if diagnosis:
        found += _diagnoses(diagnosis)
    if not found:
        found = ["No answer counts yet, so there is nothing to say."]
    return [*head, *found]


def _primary(analysis: Values) -> list[str]:
    """The outcome that the design named, in one sentence or two; none where there is no answer to it, or the
    design is of before.
    """
    primary = analysis["study"].get("primary")
    if not primary:
        return []
    told = AREA if primary["measure"] == "auc" else SHARE
    part = analysis["detection"] if told is AREA else analysis["choices"]
    arm = primary["arm"]
    if not part or arm not in part["arms"]:
        return []
    sentences = _arms({arm: part["arms"][arm]}, told) or ["there are too few answers for an estimate."]
    return [f"Primary outcome, named before the first trial: {words}" for words in sentences]


def _without(arms: Values, names: set[str]) -> Values:
    return {name: values for name, values in arms.items() if name not in names}


def primary_words(primary: Values) -> str:
    """What a design named as its primary outcome."""
    told = AREA if primary["measure"] == "auc" else SHARE
    return (
        f"{told.name} of “{primary['arm']}” against untouched pictures; from "
        f"{told.form(primary['margin_from'])} to {told.form(primary['margin_to'])} it counts as practically "
        "chance"
    )


def sham_words(shams: Values) -> str:
    """How the shams of a study came about."""
    tried = sum(shams["tries"].values())
    more = tried - shams["tries"].get("1", 0)
    return (
        f"of {counted(shams['asked'], 'source')} the first sham of {shams['first_fooled']:,} fooled the "
        f"model as SNAP did; up to {shams['most_tries']} were made of each, {more:,} of the {tried:,} that "
        f"serve took more than one, and {counted(shams['lost'], 'source')} without any "
        f"{'was' if shams['lost'] == 1 else 'were'} left out"
    )


@dataclass(frozen=True)
class Told:
    """How an estimate is told.

    Attributes:
        key: of the estimate in an arm.
        deed: what readers do who see the difference; takes the arm.
        name: of the estimate, and of several.
        form, difference: of the estimate, and of a difference of two.
        unit: of such a difference.
    """

    key: str
    deed: str
    name: str
    names: str
    form: Form
    difference: Form
    unit: str = ""


AREA = Told(
    "auc",
    "tell “{}” from untouched pictures",
    "area under the ROC curve",
    "the areas",
    decimals,
    signed,
)
SHARE = Told(
    "right",
    "tell “{}” from the untouched picture beside it",
    "share right",
    "the shares right",
    per_cent,
    points,
    " per cent points",
)


def _about(analysis: Values) -> list[str]:
    sessions = analysis["sessions"]
    left_out = sum(session["excluded"] for session in sessions)
    unfinished = sum(bool(session["missing"]) for session in sessions)
    readers = len({session["participant_id"] for session in sessions if not session["excluded"]})
    words = (
        f"{counted(readers, 'reader')} in {counted(len(sessions) - left_out, 'session')} "
        f"{'counts' if readers == 1 else 'count'}"
    )
    if left_out:
        words += (
            f"; {counted(left_out, 'session')} {'is' if left_out == 1 else 'are'} left out by the rule "
            "that was frozen with the design"
        )
    if unfinished:
        words += (
            f"; {counted(unfinished, 'session')} {'lacks' if unfinished == 1 else 'lack'} answers, so this "
            "is how it stands so far"
        )
    return [words + "."]


def _arms(arms: Values, told: Told) -> list[str]:
    found = []
    for arm, values in arms.items():
        whole = values.get(told.key) or {}
        estimate = whole.get("over_readers", whole) or {}
        beside = values.get("beside_margin")
        margin = _margin(beside, told.form) if beside else ""
        if estimate.get("estimate") is not None and estimate["interval"][0] is not None:
            low, high = estimate["interval"]
            head = (
                f"Readers {told.deed.format(arm)}"
                if low > 0.5
                else f"Readers take “{arm}” for untouched and untouched pictures for altered"
                if high < 0.5
                else f"Whether readers {told.deed.format(arm)} stays open"
            )
            words = f"{told.name} {_with_interval(estimate, told.form)}, {told.form(0.5)} being chance."
            found.append(f"{head}: {words} {margin}".strip())
        elif beside:
            found.append(
                f"{told.name[0].upper()}{told.name[1:]} for “{arm}”: {told.form(beside['estimate'])}. "
                f"{margin} This says nothing of other readers."
            )
    return found


def _margin(beside: Values, form: Form) -> str:
    """What the one-sided bounds say of the margin."""
    low, high = beside["lower"], beside["upper"]
    ends = f"{form(beside['margin_from'])} to {form(beside['margin_to'])}"
    margin = f"the margin of {ends} that was fixed beforehand"
    bounds = f"With 95 % confidence each, it is at least {form(low)} and at most {form(high)}: "
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


def _differences(pairs: Values, told: Told) -> list[str]:
    found = []
    for pair, values in pairs.items():
        change = values.get(told.key)
        if change is None or change["interval"][0] is None:
            continue
        first, second = pair.split(" minus ")
        low, high = change["interval"]
        middle = f"{told.names} differ by {_with_interval(change, told.difference, told.unit)}"
        if low > 0 or high < 0:
            found.append(
                f"Readers find “{first if low > 0 else second}” more easily than "
                f"“{second if low > 0 else first}”: {middle}."
            )
        else:
            most = told.difference(max(abs(low), abs(high))).removeprefix("+")
            found.append(
                f"Whether readers find “{first}” or “{second}” more easily stays open: {middle}, so with 95 "
                f"% confidence by at most {most}{told.unit} either way."
            )
    return found


def _diagnoses(diagnosis: Values) -> list[str]:
    found = []
    arms = diagnosis["arms"]
    for pair, values in diagnosis["differences"].items():
        change = values["right"]
        first, second = pair.split(" minus ")
        if change is not None and change["interval"][0] is not None:
            found.append(
                f"Diagnoses were right in {per_cent(arms[first]['right']['share'])} of the answers to "
                f"“{first}” and {per_cent(arms[second]['right']['share'])} of those to "
                f"“{second}”: a change of {_with_interval(change, points, SHARE.unit)}."
            )
    return found


def _with_interval(values: Values, form: Form, unit: str = "") -> str:
    low, high = (form(end).removesuffix(" %") for end in values["interval"])
    return (
        f"{form(values['estimate'])}{unit} (95 % interval {low} to {high}; "
        f"{counted(values['readers'], 'reader')}, {counted(values['sources'], 'source')}, "
        f"{counted(values['answers'], 'answer')})"
    )
