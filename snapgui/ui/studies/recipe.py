"""A new study in three steps: pictures; question and readers; check and make. What few change is folded under
them.
"""

from typing import Any

import streamlit as st

from snapgui.engine.victim.victim import Victim
from snapgui.errors import SnapError
from snapgui.study.design.recipe import draft_study
from snapgui.study.design.settings import StudySettings
from snapgui.study.design.study import Study
from snapgui.study.design.texts import CONTACT, DESIGN_WORDS
from snapgui.study.pictures.material import Material
from snapgui.study.reading.preview import preview_draft
from snapgui.study.records import KINDS, Kind
from snapgui.ui import resources
from snapgui.ui.parts.controls import control, own_control
from snapgui.ui.parts.job import work_button
from snapgui.ui.parts.text import plain
from snapgui.ui.state import SnapState, get_state
from snapgui.ui.studies.arms import ask_arms, ask_check, show_example
from snapgui.ui.studies.list import TryOut
from snapgui.ui.studies.numbers import ask_assumptions, ask_numbers, ask_readers, show_power
from snapgui.ui.studies.presets import STUDY_PRESETS, study_preset_of
from snapgui.ui.studies.progress import start_study
from snapgui.ui.studies.source import choose_material
from snapgui.ui.studies.studies import StudyTask
from snapgui.ui.studies.terms import ask_beforehand, ask_texts, ask_title

DESIGN_HELP = "  \n".join(f"**{name}** {words}" for name, words in DESIGN_WORDS.values())


def new_study(state: SnapState, victim: Victim | None, try_out: TryOut) -> None:
    """Draw the three steps, the third beside the others, so that what the study can show stays in sight.

    ``try_out`` is a callback that shows a preview.
    """
    left, right = st.columns([2, 1], gap="medium")
    with left:
        first, second = st.columns(2, gap="medium")
        with first:
            st.markdown("**1 Pictures**")
            material = choose_material()
        if material is None:
            return
        with second:
            st.markdown("**2 Question and readers**")
            _ask_preset(len(material.names))
            kind = _ask_kind()
            arms = ask_arms(material)
            ask_readers()
        with first:
            show_example(material, arms)
        with st.expander("Protocol: numbers, rules and texts", key="study_protocol"):
            protocol, trouble = _ask_protocol(state, victim, material, kind, arms)
    with right, st.container(key="study_beside", border=True, gap="small"):
        st.markdown("**3 Check and make**")
        title, contact = ask_title()
        task, study, trouble = _draft(material, kind, title, contact, protocol, trouble)
        if study is None:
            st.warning(plain(trouble))
        else:
            show_power(study, arms)
        _make(task, kind, material, try_out)


def _ask_preset(count: int) -> None:
    controls = get_state().controls
    controls["study_preset"] = study_preset_of(controls, count)

    def set_fields() -> None:
        if preset := STUDY_PRESETS.get(controls["study_preset"]):
            controls.update(preset.fields(count))

    control(
        st.pills,
        "Preset",
        list(STUDY_PRESETS),
        key="study_preset",
        then=set_fields,
        format_func=lambda name: (
            f"{plain(name)}: {int(STUDY_PRESETS[name].numbers(count)['sources'])} pictures, "
            f"{int(STUDY_PRESETS[name].readers)} readers"
        ),
        help="Sets the numbers under “Protocol” and how many readers there are. Each can be changed.",
    )


def _ask_kind() -> Kind:
    kind: Kind = own_control(
        st.radio,
        "Question",
        KINDS,
        key="study_kind",
        first="A",
        format_func=lambda kind: f"{kind}  {DESIGN_WORDS[kind][0]}",
        help=DESIGN_HELP,
    )
    st.caption(DESIGN_WORDS[kind][1])
    return kind


def _ask_protocol(
    state: SnapState, victim: Victim | None, material: Material, kind: Kind, arms: list[str]
) -> tuple[dict[str, Any], str]:
    """Draw the fields that a preset or a default fills, and give what they say; the recipe is None, with a
    sentence, where the numbers make none.
    """
    recipe, trouble = None, ""
    numbers: dict[str, Any] = {}
    st.markdown("**Numbers**")
    try:
        recipe, numbers = ask_numbers(len(material.names), kind, arms)
    except SnapError as error:
        trouble = str(error)
    model = None
    if "sham" in arms:
        st.markdown("**Shams**")
        model = ask_check(state, victim, material)
    st.markdown("**Fixed beforehand**")
    margin, rule = ask_beforehand()
    st.markdown("**What readers are told**")
    consent, instructions = ask_texts(kind)
    st.markdown("**Assumed of answers, for the power alone**")
    ask_assumptions()
    texts = {"consent": consent, "instructions": instructions}
    settings = {"margin": margin, "exclusion": rule, **texts, **numbers}
    return {"recipe": recipe, "model": model, "settings": settings}, trouble


def _draft(
    material: Material, kind: Kind, title: str, contact: str, protocol: dict[str, Any], trouble: str
) -> tuple[StudyTask | None, Study | None, str]:
    """What would be made and its lists, or why it cannot be made."""
    recipe, given = protocol["recipe"], dict(protocol["settings"])
    if recipe is None:
        return None, None, trouble
    given["consent"] = given["consent"].replace(CONTACT, contact)
    try:
        # The seed of this draft is none: the frozen study draws its own.
        settings = StudySettings(title=title, seed=0, kind=kind, **given)
        study = draft_study(material.truths, recipe, settings)
    except SnapError as error:
        return None, None, str(error)
    return StudyTask(material, recipe, settings, protocol["model"]), study, ""


def _make(task: StudyTask | None, kind: Kind, material: Material, try_out: TryOut) -> None:
    """Draw what still stands against the study, a way to try it, and the button that makes it."""
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
    with st.container(horizontal=True):
        work_button(
            "Try as a reader",
            task,
            lambda asked: try_out(lambda: preview_draft(asked.material, asked.recipe, asked.settings)),
            key="try_study",
            help="A few trials as readers will see them. Nothing of it is kept.",
        )
        work_button(
            "Make the study",
            task,
            start_study,
            key="freeze_study",
            ready=not busy,
            type="primary",
            help="Draws the order and the readers' lists at random, makes the pictures, and fixes all of it "
            "with a SHA-256. Afterwards nothing of it can be changed; a study without answers can be "
            "deleted and made anew.",
        )
    if busy:
        st.caption("Other work is running. Make the study when it has ended.")
