"""The images of an audit that were fooled most surely and those that were hardest; one can be put on the
workbench.
"""

from typing import Any

import streamlit as st

from snapgui.audit.choose import surest_and_hardest
from snapgui.audit.read import FinishedAudit, picture_file, snap_mask
from snapgui.data.datasets import PatchSet
from snapgui.engine.images import WINDOW_PX
from snapgui.errors import DataError, SnapError
from snapgui.shipped import PACKAGE
from snapgui.ui import resources
from snapgui.ui.audit.resources import audited_set
from snapgui.ui.parts.gallery import Thumbnail, gallery
from snapgui.ui.state import Choice, MaskChoice, SnapState, choose, control_values, set_mask
from snapgui.words import per_cent, shorten

SHOWN = 12
AFTER, BEFORE = "After the attack", "Before"
GROUPS = ("Most surely fooled", "Hardest to fool")
# The workbench's own limits, which an audit from elsewhere may pass.
MOST_STEPS, MOST_CONFIDENCE = 5000, 99.9


def show_extremes(state: SnapState, audit: FinishedAudit) -> None:
    """Draw both rows of thumbnails; a click puts that image with SNAP's mask on the workbench."""
    surest, hardest = surest_and_hardest(audit, SHOWN)
    shown = [
        (group, row)
        for group, part in zip(GROUPS, (surest, hardest), strict=True)
        for row in part.to_dict("records")
    ]
    if not shown:
        return
    st.markdown("**Images attacked by SNAP**")
    view = st.segmented_control(
        "Show them",
        (AFTER, BEFORE),
        default=AFTER,
        required=True,
        key="audit_view",
        persist_state="session",
        label_visibility="collapsed",
    )
    patches, trouble = _patches(audit)
    if trouble:
        st.warning(f"{trouble} The images before the attack cannot be shown or opened.")
    items = [
        item
        for item in (_thumbnail(audit, patches, group, row, view or AFTER) for group, row in shown)
        if item.uri
    ]
    opened = state.picked.get("Audit", "").removeprefix(f"{audit.folder.name}/")
    # A grid of its own for each audit and view: the grid draws anew only when its ids change.
    picked = gallery(items, selected=opened, key=f"audit-gallery-{audit.folder.name}-{view}")
    chosen = next((row for _, row in shown if str(row["position"]) == picked), None)
    if chosen is not None and patches is not None:
        try:
            put_on_bench(state, audit, patches, chosen)
        except SnapError as error:
            st.error(str(error))
        else:
            opened = str(chosen["position"])
            state.picked["Audit"] = f"{audit.folder.name}/{opened}"
    if patches is not None:
        _say_opened(state, audit, next((row for _, row in shown if str(row["position"]) == opened), None))


def _patches(audit: FinishedAudit) -> tuple[PatchSet | None, str]:
    """The audited patches, or why they are gone."""
    try:
        return audited_set(audit), ""
    except SnapError as error:
        return None, str(error)


def _thumbnail(
    audit: FinishedAudit, patches: PatchSet | None, group: str, row: dict[str, Any], view: str
) -> Thumbnail:
    position, label = int(row["position"]), int(row["label"])
    if view == AFTER:
        uri = resources.thumbnail(picture_file(audit, row["picture"]))
    else:
        uri = resources.patch_thumbnail(audit.folder.name, position, patches) if patches is not None else ""
    true, before, after = (
        audit.about["classes"][label],
        per_cent(row["p_label_before"]),
        per_cent(row["p_label_after"]),
    )
    return Thumbnail(str(position), uri, f"{row['id']}: {true} {before} before, {after} after", group)


def put_on_bench(state: SnapState, audit: FinishedAudit, patches: PatchSet, row: dict[str, Any]) -> None:
    """Put an audited image with SNAP's mask and the audit's attack settings on the workbench.

    Raises:
        SnapError: the picture or its mask is gone, or is not what was audited.
    """
    position = int(row["position"])
    if patches.ids[position] != row["id"]:
        raise DataError(
            f"The data set {audit.data} has changed since the audit: {row['id']} is not in its "
            "place. Run the audit again."
        )
    pixels = patches.pixels(position)
    if pixels.shape[:2] != (WINDOW_PX, WINDOW_PX):
        raise DataError(
            f"{row['id']} is {pixels.shape[1]} x {pixels.shape[0]} px; the Workbench takes audited "
            f"images of {WINDOW_PX} x {WINDOW_PX} px only."
        )
    mask = snap_mask(audit, row["picture"], pixels)
    state.large_field = None
    choose(state, Choice(pixels, str(row["id"]), int(row["label"])))
    set_mask(state, MaskChoice(mask, "imported"))
    values = control_values(audit.settings.attack, None)
    values |= {
        "steps": min(values["steps"], MOST_STEPS),
        "confidence": min(values["confidence"], MOST_CONFIDENCE),
    }
    # The target follows each image, see `workbench.attack.aim_away`.
    del values["target"]
    state.controls |= values


def _say_opened(state: SnapState, audit: FinishedAudit, row: dict[str, Any] | None) -> None:
    if row is None or state.choice is None or state.choice.name != row["id"]:
        st.caption(
            "Point at an image to read what the model says of it; click it to put it on the "
            "Workbench with SNAP's cells."
        )
        return
    model = resources.shipped_model() if state.model_path is None else state.model_path
    other = (
        "" if model.resolve() == audit.model else " The model that is loaded is not the one of this audit."
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            f"**{shorten(row['id'])}** is on the Workbench, with SNAP's cells and the audit's "
            f"attack settings.{other}",
            width="content",
        )
        if st.button("Open the Workbench", key="to_bench"):
            st.switch_page(PACKAGE / "ui" / "pages" / "workbench.py")
