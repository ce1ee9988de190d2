"""A new study, from top to bottom: pictures, question, arms, numbers, what is fixed beforehand, what readers
are told, freeze.
"""

from collections.abc import Callable
from typing import Any

import streamlit as st

from snapgui.engine.victim.victim import Victim
from snapgui.errors import SnapError
from snapgui.study.design.recipe import draft_study
from snapgui.study.design.settings import ExclusionRule, StudySettings
from snapgui.study.design.study import Study
from snapgui.study.design.texts import (
    CONTACT,
    DEFAULT_TITLE,
    DESIGN_WORDS,
    consent_text,
    exclusion_words,
    instructions_text,
)
from snapgui.study.pictures.material import Material
from snapgui.study.records import KINDS, Kind
from snapgui.ui import resources
from snapgui.ui.state import SnapState
from snapgui.ui.studies.numbers import ask_numbers, show_power
from snapgui.ui.studies.progress import start_study
from snapgui.ui.studies.source import checking_model, choose_material, show_example
from snapgui.ui.studies.studies import StudyTask

ARMS_HELP = (
    "SNAP: the cells as the attack coloured them. Sham: the same colours in the same cells, moved about so "
    "that the model is not fooled. Who sees SNAP but not the sham sees the attack; who sees both sees that "
    "something was edited. Each further arm asks for more pictures: a reader meets every image once, under "
    "one arm."
)


def new_study(state: SnapState, victim: Victim | None) -> None:
    """Draw the recipe with the power calculation beside it, and the button that freezes."""
    left, right = st.columns([1.75, 1], gap="medium")
    with left:
        st.markdown("**1 Pictures**")
        material = choose_material()
        if material is None:
            return
        st.markdown("**2 Question**")
        kind = _ask_kind()
        st.markdown("**3 Arms**")
        arms = _ask_arms(material)
        show_example(material, arms)
        model = _ask_check(state, victim, material) if "sham" in arms else None
        task, study, trouble = _ask_rest(material, kind, arms, model)
    with right:
        if study is None:
            st.warning(trouble)
        else:
            show_power(study, arms)
    with left:
        _freeze(task, kind, material)


def _ask_kind() -> Kind:
    kind: Kind = (
        st.radio(
            "Question",
            KINDS,
            key="study_kind",
            persist_state="session",
            label_visibility="collapsed",
            format_func=lambda kind: f"{kind}  {DESIGN_WORDS[kind][0]}",
            captions=[DESIGN_WORDS[kind][1] for kind in KINDS],
        )
        or "A"
    )
    return kind


def _ask_arms(material: Material) -> list[str]:
    options = ["SNAP", "sham", *material.conditions]
    chosen = st.multiselect(
        "Altered pictures, beside untouched ones",
        options,
        default=["SNAP", "sham"],
        key=f"study_arms_{'-'.join(options)}",
        persist_state="session",
        help=ARMS_HELP,
    )
    return [arm for arm in options if arm in chosen]


def _ask_check(state: SnapState, victim: Victim | None, material: Material) -> Callable[[], Victim] | None:
    model, words = checking_model(state, victim, material)
    if model is None:
        st.warning(words)
        return None
    check = st.toggle("Let the model check the shams", value=True, key="study_check", persist_state="session")
    st.caption(
        words
        if check
        else "Shams are not checked: some may fool the model by chance, and then they are no shams."
    )
    return model if check else None


def _ask_rest(
    material: Material, kind: Kind, arms: list[str], model: Callable[[], Victim] | None
) -> tuple[StudyTask | None, Study | None, str]:
    """Steps 4 to 6; gives what would be made and its lists, or why it cannot be made."""
    recipe, trouble = None, ""
    numbers: dict[str, Any] = {}
    st.markdown("**4 Numbers**")
    try:
        recipe, numbers = ask_numbers(len(material.names), kind, arms)
    except SnapError as error:
        trouble = str(error)
    st.markdown("**5 Fixed beforehand**")
    margin, rule = _ask_beforehand()
    st.markdown("**6 What readers are told**")
    title, consent, instructions = _ask_words(kind)
    if recipe is None:
        return None, None, trouble
    try:
        # The seed of this draft is none: the frozen study draws its own.
        settings = StudySettings(
            title=title,
            seed=0,
            kind=kind,
            margin=margin,
            consent=consent,
            instructions=instructions,
            exclusion=rule,
            **numbers,
        )
        study = draft_study(material.truths, recipe, settings)
    except SnapError as error:
        return None, None, str(error)
    return StudyTask(material, recipe, settings, model), study, ""


def _ask_beforehand() -> tuple[float, ExclusionRule]:
    first, second, third, fourth = st.columns(4, vertical_alignment="bottom")
    margin = first.number_input(
        "Margin, per cent right",
        51,
        95,
        60,
        key="study_margin",
        persist_state="session",
        help="Up to this share right the change counts as practically unnoticed; 50 is guessing. It "
        "cannot be changed after the answers are seen.",
    )
    catch = second.number_input(
        "Obvious ones found, at least",
        0,
        100,
        75,
        5,
        key="study_min_catch",
        persist_state="session",
        help="Per cent; sessions below are left out.",
    )
    fast = third.number_input(
        "Too fast is below, ms", 0, 5000, 200, 50, key="study_fast", persist_state="session"
    )
    share = fourth.number_input(
        "Too fast answers, at most",
        0,
        100,
        20,
        5,
        key="study_fast_share",
        persist_state="session",
        help="Per cent; sessions above are left out.",
    )
    rule = ExclusionRule(min_catch_share=catch / 100, fast_ms=float(fast), max_fast_share=share / 100)
    st.caption(exclusion_words(rule))
    return margin / 100, rule


def _ask_words(kind: Kind) -> tuple[str, str, str]:
    title = st.text_input(
        "Title",
        DEFAULT_TITLE,
        key="study_title",
        persist_state="session",
        max_chars=120,
        help="Readers see it. It must not hint at what is altered, or that anything is.",
    ).strip()
    contact = st.text_input(
        "Responsible",
        key="study_contact",
        persist_state="session",
        max_chars=300,
        placeholder="name and address of the investigator; number of the ethics approval",
        help="Stands in the consent in place of the brackets.",
    ).strip()
    # Each question has texts of its own; what was written for one stays with it.
    consent = st.text_area(
        "Consent", consent_text(kind), key=f"study_consent_{kind}", persist_state="session", height=220
    )
    instructions = st.text_area(
        "Instructions",
        instructions_text(kind),
        key=f"study_instructions_{kind}",
        persist_state="session",
        height=220,
        help="The keys need not be named: the reader's page shows them.",
    )
    return title or DEFAULT_TITLE, consent.replace(CONTACT, contact or CONTACT), instructions


def _freeze(task: StudyTask | None, kind: Kind, material: Material) -> None:
    st.markdown("**7 Freeze**")
    st.caption(
        "Freezing draws the order and the readers' lists at random, makes the pictures, and fixes "
        "all of it with a SHA-256. Afterwards nothing "
        "of it can be changed; a study without answers can be deleted and made anew."
    )
    if kind == "C" and None in material.truths:
        st.warning(
            "The true class of some pictures is not known, so their diagnoses cannot be called "
            "right or wrong."
        )
    elif kind == "C" and len(set(material.truths)) == 1:
        st.warning(
            "All pictures are of one class, and a reader who notices says the same of each. Take "
            "an audit of both classes (True class attacked: both)."
        )
    if task is not None and CONTACT in task.settings.consent:
        st.warning(
            "The consent names nobody who is responsible: fill in “Responsible” above, unless this "
            "is a trial."
        )
    busy = bool(resources.registry().active())
    st.button(
        "Freeze",
        type="primary",
        key="freeze_study",
        disabled=task is None or busy,
        on_click=start_study,
        args=(task,),
    )
    if busy:
        st.caption("Work is going on. Freezing must wait for its end.")
