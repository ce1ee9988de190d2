"""What was done in a reader study, as a paragraph for a paper: from its design, or from its analysis."""

from collections.abc import Mapping
from typing import Any

from snapgui import __version__
from snapgui.runs.methods import SNAP as SNAP_ABSTRACT
from snapgui.runs.methods import references
from snapgui.study.analysis.verdict import primary_words, sham_words
from snapgui.study.design.settings import ExclusionRule
from snapgui.study.design.study import Study
from snapgui.study.design.texts import exclusion_words
from snapgui.study.records import Kind
from snapgui.words import as_set, counted, listed

ASKED: dict[Kind, str] = {
    "A": "They saw one picture at a time, said from 1 (surely not) to 6 (surely) whether it had been "
    "altered, and where they said so clicked the place",
    "B": "They saw the untouched and the altered picture of a field side by side and said which one had been "
    "altered",
    "C": "They first said of each picture, from 1 to 6, whether it showed normal tissue or metastasis, "
    "without knowing that alterations were asked about; in a second part they said of the same pictures "
    "whether they had been altered, from 1 (surely not) to 6 (surely), and where",
    "D": "They saw one picture at a time for a short time, followed by a pattern, and said whether it had "
    "been altered",
}
_HENDERSON = "Henderson, Biometrics 9, 1953"
_SATTERTHWAITE = "Satterthwaite, Biometrics Bulletin 2, 1946"
_SCHUIRMANN = "Schuirmann, Journal of Pharmacokinetics and Biopharmaceutics 15, 1987"
_WILSON = "Wilson, JASA 22, 1927"
_OF_KIND = {
    "A": ("Macmillan and Creelman, Detection Theory, 2005", "Swensson, Medical Physics 23, 1996"),
    "B": ("Clopper and Pearson, Biometrika 26, 1934",),
    "C": ("Macmillan and Creelman, Detection Theory, 2005", "Swensson, Medical Physics 23, 1996"),
    "D": ("Macmillan and Creelman, Detection Theory, 2005",),
}


def study_methods(study: Study, sha256: str) -> str:
    """A paragraph on the design of a study; ``sha256`` is that of the frozen design."""
    settings = study.settings
    shams = f" {_shams(study.shams.to_json())}" if study.shams else ""
    primary = study.primary.to_json() if study.primary else None
    return (
        f"{_INTRODUCTION} {_pictures(study)}{shams} {ASKED[settings.kind]}{_exposures(study)}. "
        f"{_sessions(study)} {_rules(settings.exclusion, primary, settings.margin)} {_frozen(sha256)} "
        f"{_statistics(settings.kind)} {_end(settings.kind)}"
    )


def analysis_methods(analysis: Mapping[str, Any]) -> str:
    """A paragraph on a study as far as its analysis tells: who read, what was asked, by which rules."""
    about, sessions = analysis["study"], analysis["sessions"]
    kind: Kind = about["kind"]
    counted_in = [session for session in sessions if not session["excluded"]]
    readers = counted(len({session["participant_id"] for session in counted_in}), "reader")
    shams = f" {_shams(about['shams'])}" if "shams" in about else ""
    answers = sum(analysis["answers"]["counted"].values())
    rule = ExclusionRule.from_json(about["exclusion"])
    return (
        f"{_INTRODUCTION}{shams} {ASKED[kind]}. A Latin square of {counted(about['lists'], 'list')} "
        "decided who saw which picture in which arm, so that no reader met a field twice in a session but "
        f"in a declared repeat. {readers} in {counted(len(counted_in), 'session')} gave "
        f"{counted(answers, 'answer')} that count{_left_out(len(sessions) - len(counted_in))}. "
        f"{_rules(rule, about.get('primary'), about['margin'])} {_frozen(about['sha256'])} "
        f"{_statistics(kind)} {_end(kind)}"
    )


_INTRODUCTION = (
    "In a blinded study, readers saw fields stained with haematoxylin and eosin, untouched and altered by "
    "SNAP, sporadic and naturalistic adversarial patches."
)


def _pictures(study: Study) -> str:
    main = [stimulus for stimulus in study.stimuli if stimulus.use == "main"]
    arms = sorted({stimulus.arm for stimulus in main}, key=lambda arm: (arm.altered, arm.name))
    truths = {stimulus.source: stimulus.truth for stimulus in main}
    known = [truth for truth in truths.values() if truth is not None]
    labelled = (
        f" ({counted(sum(known), 'metastasis', 'metastases')} and {len(known) - sum(known):,} normal by "
        "their labels)"
        if len(known) == len(truths)
        else ""
    )
    names = listed([f"“{arm.name}”" for arm in arms])
    return (
        f"{counted(len(truths), 'field')}{labelled}, drawn at random from the material (seed "
        f"{study.settings.seed}), were shown in {counted(len(arms), 'arm')}: {names}. All pictures were "
        "saved in the same way as PNG without any mark of their arm, under names that tell nothing."
    )


def _shams(shams: Mapping[str, Any]) -> str:
    return (
        "A sham carries the change that SNAP made, mirrored within each cell or exchanged between cells, "
        f"and does not fool the model: {sham_words(shams)}."
    )


def _exposures(study: Study) -> str:
    if study.settings.kind != "D":
        return ""
    return f" (asked for {listed([f'{ms:,}' for ms in study.settings.exposures_ms])} ms, and measured)"


def _sessions(study: Study) -> str:
    settings, trials = study.settings, study.lists[0][0]
    counts = {
        role: sum(trial.role == role for trial in trials) for role in ("practice", "main", "catch", "repeat")
    }
    apart = f", at least {settings.repeat_gap} trials after the first time" if counts["repeat"] else ""
    washout = "" if settings.sessions == 1 else f", at least {counted(settings.washout_days, 'day')} apart"
    return (
        f"Each reader came for {counted(settings.sessions, 'session')}{washout}, of "
        f"{counted(len(trials), 'trial')}: {counts['practice']:,} for practice with the truth told "
        f"afterwards, {counts['main']:,} that count, {counts['catch']:,} obvious ones and "
        f"{counts['repeat']:,} asked again{apart}. A Latin square of {counted(len(study.lists), 'list')} "
        "decided who saw which field in which arm, so that no reader met a field twice in a session but "
        "in a declared repeat."
    )


def _rules(rule: ExclusionRule, primary: Mapping[str, Any] | None, margin: float) -> str:
    named = (
        f"The primary outcome, named before the first trial, was the {primary_words(primary)}."
        if primary
        else f"Up to a share right, or an area, of {as_set(margin)} the change was to count as practically "
        "unnoticed."
    )
    return f"{named} {exclusion_words(rule)}"


def _left_out(count: int) -> str:
    return (
        f"; {counted(count, 'session')} {'was' if count == 1 else 'were'} left out by the rule below"
        if count
        else ""
    )


def _frozen(sha256: str) -> str:
    return (
        "Pictures, lists, texts and these rules were frozen before the first reader (SHA-256 of the "
        f"design {sha256})."
    )


def _statistics(kind: Kind) -> str:
    told = {
        "A": "d' and criterion, and areas under the ROC and the LROC curve",
        "B": "shares right of two, with Clopper and Pearson's interval for a single reader, and d'",
        "C": "shares of right diagnoses, d' and criterion, and areas under the ROC and the LROC curve",
        "D": "d' and criterion, and areas under the ROC curve, at each time of exposure",
    }[kind]
    return (
        f"Estimates are {told}, each with a 95 % interval; shares have Wilson's. Intervals over readers "
        "and fields come from variance components by the method of moments with Satterthwaite's degrees "
        "of freedom, and speak of other readers and other pictures of the same kind; the margin was "
        "judged by two one-sided bounds of 95 %."
    )


def _end(kind: Kind) -> str:
    sources = [SNAP_ABSTRACT, *_OF_KIND[kind], _WILSON, _HENDERSON, _SATTERTHWAITE, _SCHUIRMANN]
    return f"Made and analysed with SNAP Studio {__version__}. {references(sources)}"
