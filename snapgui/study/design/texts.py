"""What readers are told, and a design in plain words.

Everything here may be changed before a study is frozen.
"""

from snapgui.study.design.settings import ExclusionRule
from snapgui.study.records import Kind
from snapgui.words import per_cent

CONTACT = "[name and address of the investigator; number of the ethics approval]"
DEFAULT_TITLE = "Reading small fields of tissue"

# Name of a design, what it asks, what it is good for.
DESIGN_WORDS: dict[Kind, tuple[str, str]] = {
    "A": (
        "Yes or no, then where",
        (
            "One picture at a time: has it been altered, how sure are you, and where? Gives d', ROC "
            "and location."
        ),
    ),
    "B": (
        "Which of two",
        (
            "The untouched and the altered picture side by side: which was altered? The most sensitive "
            "question, free of bias."
        ),
    ),
    "C": (
        "Diagnosis first",
        (
            "Normal or metastasis, before anything is said of alterations; afterwards the same "
            "pictures are asked about as in A."
        ),
    ),
    "D": (
        "Short exposure",
        "As A without the click, but each picture is shown for a set time only, as when one scrolls past it.",
    ),
}
# Roughly what a trial takes, answer and next picture included.
SECONDS_PER_TRIAL: dict[Kind, float] = {"A": 9, "B": 8, "C": 8, "D": 6}

_ABOUT: dict[Kind, str] = {
    "A": "This study asks whether changes that a computer made to pictures of stained tissue can be seen.",
    "B": "This study asks whether changes that a computer made to pictures of stained tissue can be seen.",
    "C": (
        "This study asks how small fields of stained tissue are read. What exactly is compared can be told "
        "only in its course, since knowing it beforehand would change how you look."
    ),
    "D": (
        "This study asks whether changes that a computer made to pictures of stained tissue can be "
        "seen at a short glance."
    ),
}

_CONSENT = """{about}

You will see small fields of lymph node stained with haematoxylin and eosin and answer questions about them. Breaks are offered on the way. You may stop at any time, without giving a reason, by closing the page; with the same address you can also go on later.

What is kept: your answers, how long they took, the size and distance of your screen, and eight letters that stand for you. Your name, your address and your computer are neither asked nor kept. Note your letters: whoever knows them can have your answers left out.

The pictures serve research only and say nothing about any patient in your care.

Responsible: {contact}

By continuing you confirm that you have read this, that you are of age, and that you take part of your own free will."""

_INSTRUCTIONS: dict[Kind, str] = {
    "A": """You see one picture at a time. In some of them a computer has changed the colours of a few cells; others are as they were.

For each picture say whether it has been altered, from 1 (surely not) to 6 (surely yes). Where you say yes, then click the place that looks altered most.

Take the time that you need, but do not look for long: your first careful impression counts. The first trials are practice and tell you the truth afterwards; later ones do not. Some pictures come twice.""",
    "B": """You see two pictures side by side. They are the same field; in one of them a computer has changed the colours of a few cells.

Say which one was altered, left or right. If you cannot tell, guess: there is always one.

Take the time that you need, but do not look for long. The first trials are practice and tell you the truth afterwards; later ones do not. Some pairs come twice.""",
    "C": """You see one picture at a time. For each say whether it shows normal tissue or metastasis, from 1 (surely normal) to 6 (surely metastasis). If anything about a picture strikes you as unusual, write it into the field below it.

Judge the middle of the field as you would judge it at the microscope. You are not told whether you were right, except in the practice at the beginning. Some pictures come twice.

A second part follows, with instructions of its own.""",
    "D": """You see one picture at a time, for a moment only. Fix your eyes on the cross; the picture follows it, and a pattern covers it afterwards.

In some pictures a computer has changed the colours of a few cells. Say whether the picture was altered, yes or no. If you cannot tell, guess.

The times differ, and some are very short: nobody sees everything. The first trials are practice and tell you the truth afterwards; later ones do not. Some pictures come twice.""",
}

# What a reader of design C is told between its parts; it must not stand anywhere before.
SECOND_PART = """The second part is about the same pictures. In some of them a computer has changed the colours of a few cells; others are as they were.

For each picture say whether it has been altered, from 1 (surely not) to 6 (surely yes). Where you say yes, then click the place that looks altered most. The first trials of this part are practice and tell you the truth afterwards."""


def consent_text(kind: Kind) -> str:
    """A consent that says what is asked and what is kept; the investigator's own words belong where the
    brackets stand.
    """
    return _CONSENT.format(about=_ABOUT[kind], contact=CONTACT)


def instructions_text(kind: Kind) -> str:
    """How to answer; the keys stand on the reader's page itself."""
    return _INSTRUCTIONS[kind]


def exclusion_words(rule: ExclusionRule) -> str:
    """The rule for leaving a session out, as a sentence."""
    parts = []
    if rule.min_catch_share > 0:
        parts.append(f"fewer than {per_cent(rule.min_catch_share, 0)} of the obvious pictures were found")
    if rule.min_repeat_share > 0:
        parts.append(
            f"fewer than {per_cent(rule.min_repeat_share, 0)} of the repeated pictures were answered alike"
        )
    if rule.max_fast_share < 1 and rule.fast_ms > 0:
        parts.append(
            f"more than {per_cent(rule.max_fast_share, 0)} of the answers came faster than {rule.fast_ms:g} ms"
        )
    if rule.min_answered_share > 0:
        parts.append(
            "not every trial was answered"
            if rule.min_answered_share == 1
            else f"fewer than {per_cent(rule.min_answered_share, 0)} of the trials were answered"
        )
    if not parts:
        return "No session is left out."
    said = parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} or {parts[-1]}"
    return f"A session is left out if {said}."


def duration_words(kind: Kind, trials: int) -> str:
    """How long so many trials take, roughly."""
    return f"about {max(1, round(trials * SECONDS_PER_TRIAL[kind] / 60))} min"
