"""A new study, from top to bottom: pictures, question, arms, numbers, what is fixed beforehand, what readers
are told, freeze.
"""

from collections.abc import Callable
from typing import Any

import streamlit as st

from snapgui.engine.victim.victim import Victim
from snapgui.errors import SnapError
from snapgui.study.design.recipe import draft_study
from snapgui.study.design.settings import StudySettings
from snapgui.study.design.study import Study
from snapgui.study.design.texts import CONTACT, DESIGN_WORDS
from snapgui.study.pictures.material import Material
from snapgui.study.records import KINDS, Kind
from snapgui.ui import resources
from snapgui.ui.parts.text import plain
from snapgui.ui.state import SnapState
from snapgui.ui.studies.arms import ask_arms, ask_check, show_example
from snapgui.ui.studies.numbers import ask_numbers, show_power
from snapgui.ui.studies.progress import start_study
from snapgui.ui.studies.source import choose_material
from snapgui.ui.studies.studies import StudyTask
from snapgui.ui.studies.terms import ask_beforehand, ask_words


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
        arms = ask_arms(material)
        show_example(material, arms)
        model = ask_check(state, victim, material) if "sham" in arms else None
        task, study, trouble = _ask_rest(material, kind, arms, model)
    with right:
        if study is None:
            st.warning(plain(trouble))
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
    margin, rule = ask_beforehand()
    st.markdown("**6 What readers are told**")
    title, consent, instructions = ask_words(kind)
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
        st.caption("Other work is running. Freeze when it has ended.")
