"""The pair of the viewer as a component of the page: before left, after right, keys for the next."""

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from snapgui.ui.audit.light_box.tiles import read_part

KEY = "light_box_pair"
_component = st.components.v2.component(
    "snap_light_box_pair", html=read_part("pair.html"), css=read_part("pair.css"), js=read_part("pair.js")
)


def pair(
    before: str,
    after: str,
    mask: NDArray[np.bool_] | None,
    *,
    side_px: int,
    at: int,
    of: int,
    ticked: bool,
) -> None:
    """Draw two pictures (data URIs, ``before`` empty where it is gone) with the outline of a mask bool ``(H,
    W)``.

    What is pressed stands in the session's state at the next drawing, see `pressed`.
    """
    rim = "" if mask is None else rim_path(mask)
    data = {
        "before": before,
        "after": after,
        "rim": rim,
        "side": side_px,
        "at": at,
        "of": of,
        "ticked": ticked,
    }
    _component(key=KEY, data=data, on_shown_change=lambda: None, on_tick_change=lambda: None)


def pressed() -> tuple[int | None, int | None]:
    """The place to go to, and the place whose tick was turned, each once."""
    told = st.session_state.get(KEY) or {}
    return told.get("shown"), told.get("tick")


def rim_path(mask: NDArray[np.bool_]) -> str:
    """The sides that part masked pixels from others, as an SVG path in image pixels."""
    padded = np.pad(mask, 1)
    across = padded[1:-1, 1:] != padded[1:-1, :-1]
    along = padded[1:, 1:-1] != padded[:-1, 1:-1]
    return "".join(f"M{x} {y}v1" for y, x in np.argwhere(across)) + "".join(
        f"M{x} {y}h1" for y, x in np.argwhere(along)
    )
