"""What one browser session has chosen: a single dataclass in ``session_state["snap"]``."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from snapgui.engine.images import WINDOW_PX, crop_window
from snapgui.engine.presets import DEFAULT_PRESET, PRESETS, preset_of
from snapgui.engine.settings import AttackSettings, CellSettings
from snapgui.engine.victim.victim import ModelCard
from snapgui.errors import ImageError
from snapgui.runs.records import RunRequest, RunResult

KEY = "snap"
UNDO_STEPS = 30


@dataclass(frozen=True)
class Choice:
    """An image: uint8 pixels ``(H, W, 3)``, a name for people, its label where known, and what was guessed
    in reading it, in a sentence.
    """

    pixels: NDArray[np.uint8]
    name: str
    true_class: int | None = None
    synthetic: bool = False
    told: str = ""


@dataclass(frozen=True)
class MaskChoice:
    """A mask bool ``(H, W)``, where it comes from (`RunRequest.mask_source`) and the settings that proposed
    it.
    """

    mask: NDArray[np.bool_]
    source: str
    cells: CellSettings | None = None


@dataclass
class SnapState:
    """Everything a session remembers besides its widgets' own values.

    Attributes:
        controls: values of the workbench's controls by key, see `parts.controls`; a widget may lose its value
            when the page is left while it is drawn, this does not.
        folders: what stands in each field for a folder, see `parts.folders`.
        choice: the image on the bench, a window of ``large_field`` where that is larger.
        large_field: a larger picture from which a window is chosen.
        picked: what was last picked from each source, so that a rerun does not pick it again.
        mask: the mask on the bench; None asks for a proposal.
        mask_error: why the last proposal or import failed.
        cells_seen: what decided the cells at the last rerun, see `proposal.what_decides`; None takes the mask
            on the bench as it is.
        undo, redo: earlier masks, and those that were undone, newest last.
        stage: what the workbench's stage shows of a picture that has a result.
        magnified: how many times larger than its place the canvas is.
        canvas_zoom: whole-number zoom at which the picture fills that place.
        canvas_revision: counts up whenever the canvas has to forget its strokes.
        strokes_seen: strokes on the canvas that are already in the mask.
        page_px, page_height_px: width of the page's content and height of the window in the browser, where
            they are known.
        model_path: a checkpoint chosen on the Model page; None is the shipped one.
        jobs: the background job of each kind that this session follows, see `parts.job`.
        audit_seen: the audit job whose result was brought to view.
        study_pictures: an audit and those of its pictures that were ticked for a new study.
        opened_run, ticked_runs: of the saved ones, that which is shown beside the list, and those to compare.
        result: a finished run that is shown without a job (after a restart).
        notice: a sentence about the run that the address named.
        going_to: the page that was asked for and is not drawn yet, and what its address is to name.
        page: the one that was drawn last.
        pressed: keys of its buttons whose work is not begun yet, see `parts.job.work_button`.
    """

    controls: dict[str, Any] = field(default_factory=lambda: dict(DEFAULT_CONTROLS))
    folders: dict[str, str] = field(default_factory=dict)
    choice: Choice | None = None
    large_field: Choice | None = None
    picked: dict[str, str] = field(default_factory=dict)
    mask: MaskChoice | None = None
    mask_error: str = ""
    cells_seen: tuple[CellSettings, ModelCard | None, AttackSettings | None] | None = None
    undo: list[MaskChoice] = field(default_factory=list)
    redo: list[MaskChoice] = field(default_factory=list)
    stage: Literal["Mask", "Result"] = "Result"
    magnified: int = 1
    canvas_zoom: int = 4
    canvas_revision: int = 0
    strokes_seen: tuple[str, ...] = ()
    page_px: int | None = None
    page_height_px: int | None = None
    model_path: Path | None = None
    jobs: dict[str, str] = field(default_factory=dict)
    audit_seen: str | None = None
    study_pictures: tuple[str, tuple[str, ...]] = ("", ())
    opened_run: str = ""
    ticked_runs: tuple[str, ...] = ()
    result: RunResult | None = None
    notice: str = ""
    going_to: tuple[str, dict[str, str] | None] | None = None
    page: str = ""
    pressed: set[str] = field(default_factory=set)


def init_state() -> None:
    """Give a new session its state."""
    if KEY not in st.session_state:
        st.session_state[KEY] = SnapState()


def control_values(attack: AttackSettings, cells: CellSettings | None) -> dict[str, Any]:
    """Values of the workbench's controls, by key, for these settings."""
    values: dict[str, Any] = {
        "preset": preset_of(attack, cells),
        "target": attack.target,
        "texture": attack.texture,
        # One setting, two controls: a share of a stain, or deviations of a code.
        "bound": 60.0 if attack.texture == "nucleus" else round(attack.bound * 100, 2),
        "spread": attack.bound if attack.texture == "nucleus" else PRESETS["few"].attack.bound,
        "grid_px": attack.grid_px,
        "least_change": attack.least_change,
        "gamut": attack.gamut,
        "start": attack.start,
        "steps": attack.steps,
        "confidence": round(attack.confidence * 100, 2),
    }
    if cells is not None:
        values |= {
            "placement": cells.placement,
            "centre": cells.centre,
            "count": cells.count,
            "area": round(cells.area * 100, 2),
            "cell_seed": cells.seed,
        }
    return values


DEFAULT_CONTROLS: dict[str, Any] = {
    **control_values(PRESETS[DEFAULT_PRESET].attack, PRESETS[DEFAULT_PRESET].cells),
    "brush_px": 8,
}


def bench_settings(*, target: int = AttackSettings.target) -> tuple[CellSettings, AttackSettings]:
    """What the workbench's controls say of cells and attack, on whatever page; an audit aims elsewhere for
    each image, so the target is given.
    """
    value = get_state().controls
    cells = CellSettings(
        count=value["count"],
        area=value["area"] / 100,
        placement=value["placement"] or "scattered",
        centre=value["centre"] or "open",
        seed=value["cell_seed"],
    )
    attack = AttackSettings(
        target=target,
        texture=value["texture"],
        bound=value["spread"] if value["texture"] == "nucleus" else value["bound"] / 100,
        grid_px=value["grid_px"],
        least_change=value["least_change"],
        gamut=value["gamut"],
        start=value["start"],
        steps=value["steps"],
        confidence=value["confidence"] / 100,
    )
    return cells, attack


def get_state() -> SnapState:
    """The state of this session."""
    state: SnapState = st.session_state[KEY]
    return state


def on_bench(state: SnapState, request: RunRequest) -> bool:
    """Whether the picture of a run is the one on the bench."""
    return state.choice is not None and np.array_equal(state.choice.pixels, request.pixels)


def take_picture(state: SnapState, picture: Choice) -> None:
    """Put a picture on the bench: a patch as it is, a larger field through a window; raises ImageError if too
    small.
    """
    height, width = picture.pixels.shape[:2]
    if min(height, width) < WINDOW_PX:
        raise ImageError(
            f"{picture.name} is {width} x {height} px; the model reads windows of {WINDOW_PX} x {WINDOW_PX} "
            f"px. Choose a picture of at least {WINDOW_PX} px a side."
        )
    if (height, width) == (WINDOW_PX, WINDOW_PX):
        state.large_field = None
        choose(state, picture)
    else:
        state.large_field = picture
        choose_window(state, left=(width - WINDOW_PX) // 2, top=(height - WINDOW_PX) // 2)


def choose_window(state: SnapState, *, left: int, top: int) -> None:
    """Put one window of the present field on the bench."""
    whole = state.large_field
    assert whole is not None
    pixels = crop_window(whole.pixels, left=left, top=top)
    choose(state, replace(whole, pixels=pixels, name=f"{whole.name} at {left}, {top}"))


def choose(state: SnapState, choice: Choice) -> None:
    """Put another image on the bench; its mask will be proposed anew."""
    state.choice, state.stage = choice, "Result"
    state.mask, state.mask_error = None, ""
    state.undo.clear()
    state.redo.clear()
    state.canvas_revision += 1


def set_mask(state: SnapState, mask: MaskChoice) -> None:
    """Replace the mask, keeping the old one for undo; the canvas forgets its strokes, which are in the mask
    now.
    """
    if state.mask is not None:
        state.undo = [*state.undo, state.mask][-UNDO_STEPS:]
    state.redo.clear()
    state.mask, state.mask_error = mask, ""
    state.canvas_revision += 1


def undo_mask(state: SnapState) -> None:
    """Go back to the mask before the last change."""
    _swap_mask(state, state.undo, state.redo)


def redo_mask(state: SnapState) -> None:
    """Make the change anew that was undone last."""
    _swap_mask(state, state.redo, state.undo)


def _swap_mask(state: SnapState, taken: list[MaskChoice], kept: list[MaskChoice]) -> None:
    if taken and state.mask is not None:
        kept.append(state.mask)
        state.mask, state.mask_error = taken.pop(), ""
        state.canvas_revision += 1


def restore(state: SnapState, request: RunRequest) -> None:
    """Put a run's own image, mask and settings back on the bench, so that a reload of the page loses
    nothing.
    """
    state.large_field = None
    choose(state, Choice(request.pixels, request.image_name, request.true_class, request.synthetic))
    state.mask = MaskChoice(request.mask, request.mask_source, request.cells)
    state.cells_seen = None
    state.picked["target"] = request.image_name
    state.controls |= control_values(request.attack, request.cells)
