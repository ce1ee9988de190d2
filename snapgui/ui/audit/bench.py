"""An audited image on the workbench, with SNAP's cells and the audit's settings."""

from typing import Any

from snapgui.audit.read import FinishedAudit, snap_mask
from snapgui.data.datasets import PatchSet
from snapgui.engine.images import WINDOW_PX
from snapgui.errors import DataError
from snapgui.ui.state import Choice, MaskChoice, SnapState, choose, control_values, set_mask

# The workbench's own limits, which an audit from elsewhere may pass.
MOST_STEPS, MOST_CONFIDENCE = 5000, 99.9


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
    set_mask(state, MaskChoice(mask, "audit"))
    values = control_values(audit.settings.attack, None)
    values |= {
        "steps": min(values["steps"], MOST_STEPS),
        "confidence": min(values["confidence"], MOST_CONFIDENCE),
    }
    # The target follows each image, see `workbench.attack.aim_away`.
    del values["target"]
    state.controls |= values
