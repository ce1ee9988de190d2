"""Of a new study: which arms, an example of each, and the model that checks the shams."""

from collections.abc import Callable

import streamlit as st

from snapgui.engine.victim.victim import Victim
from snapgui.study.pictures.material import Material, readable
from snapgui.study.pictures.stimuli import make_stimulus_pixels
from snapgui.study.records import SHAM, Arm, StudyError
from snapgui.ui import resources
from snapgui.ui.parts.controls import own_control
from snapgui.ui.parts.pictures import show_pixels
from snapgui.ui.parts.text import plain
from snapgui.ui.state import SnapState

ZOOM = 2
ARMS_HELP = (
    "SNAP: the cells as the attack coloured them. Sham: the same colours in the same cells, moved about so "
    "that the model is not fooled. A reader who notices SNAP but not the sham notices the attack; one who "
    "notices both notices that something was edited. Each further arm needs more pictures: a reader meets "
    "every image once, under one arm."
)


def ask_arms(material: Material) -> list[str]:
    """Draw the choice of altered arms and give their names, in the order of the options."""
    options = ["SNAP", "sham", *material.conditions]
    chosen = own_control(
        st.multiselect,
        "Altered pictures, beside untouched ones",
        options,
        key=f"study_arms_{'-'.join(options)}",
        first=["SNAP", "sham"],
        help=ARMS_HELP,
    )
    return [arm for arm in options if arm in chosen]


def ask_check(state: SnapState, victim: Victim | None, material: Material) -> Callable[[], Victim] | None:
    """Draw whether the model checks the shams; gives what loads it, None where it does not."""
    model, words = checking_model(state, victim, material)
    if model is None:
        st.warning(plain(words))
        return None
    check = own_control(st.toggle, "Let the model check the shams", key="study_check", first=True)
    st.caption(
        plain(words)
        if check
        else "Shams are not checked: some may fool the model by chance, and then they are no shams."
    )
    return model if check else None


def checking_model(
    state: SnapState, victim: Victim | None, material: Material
) -> tuple[Callable[[], Victim] | None, str]:
    """The model that may check the shams, and a sentence about it; None where none is at hand."""
    model = material.model
    if model is not None:
        return (
            lambda: resources.load_victim(model),
            (
                f"The model that was attacked ({model.name}) scores every sham. A sham that fools it "
                "too is replaced by another; a picture whose every sham fools it is left out."
            ),
        )
    if victim is None:
        return None, "No model is loaded, so shams are not checked: some may fool the model by chance."
    if material.model_sha256 and victim.card.sha256 != material.model_sha256:
        return None, (
            f"These pictures were made against another model ({material.model_sha256[:10]}) than the one "
            "loaded, so shams are not checked. Load that model on the Model page to have them checked."
        )
    path = state.model_path
    which = "the loaded model" if not material.model_sha256 else "the model that was attacked"
    return (
        lambda: resources.load_victim(path),
        (
            f"{which[0].upper()}{which[1:]} ({victim.card.name}) scores every sham. A sham that fools "
            "it too is replaced by another; a picture whose every sham fools it is left out."
        ),
    )


def show_example(material: Material, arms: list[str]) -> None:
    """Draw the first picture of the material untouched and in each arm, side by side."""
    if not own_control(st.toggle, "Show an example", key="study_example", first=False):
        return
    source = readable(material, 0, arms)
    if isinstance(source, str):
        st.warning(plain(source))
        return
    with st.container(horizontal=True):
        for name in ("untouched", *arms):
            try:
                pixels = make_stimulus_pixels(source, Arm(name, name != "untouched"))
            except StudyError as error:
                st.warning(plain(error))
                continue
            with st.container(width=ZOOM * pixels.shape[1]):
                show_pixels(pixels, ZOOM, alt=f"{source.name}, {name}", caption=name)
    if SHAM.name in arms:
        st.caption("In the study the model may have another sham chosen for this picture.")
