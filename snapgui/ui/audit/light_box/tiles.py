"""The tiles as a component of the page: its own HTML, CSS and JavaScript, without network and build step."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from snapgui.engine.images import WINDOW_PX

FOLDER = Path(__file__).parent


def read_part(name: str) -> str:
    """A file of this folder."""
    return (FOLDER / name).read_text(encoding="utf-8")


_component = st.components.v2.component(
    "snap_light_box", html=read_part("tiles.html"), css=read_part("tiles.css"), js=read_part("tiles.js")
)


@dataclass(frozen=True)
class Picture:
    """What a tile shows: pictures as data URIs (``before`` empty where it is gone), and its words.

    Attributes:
        name, words: for who points at it or hears it.
        lines: of words below.
    """

    id: str
    after: str
    before: str
    name: str
    words: str
    lines: tuple[str, ...]
    fooled: bool


def light_box(pictures: Sequence[Picture], *, ticked: Sequence[str], occasion: str, key: str) -> str | None:
    """Draw the tiles; gives the id just opened, once. What is ticked stands beforehand in `told_ticks`.

    Args:
        pictures: of this page of tiles.
        ticked: with what ticks an occasion begins.
        occasion: another one draws the tiles anew; until then ``pictures`` and ``ticked`` must stay the same.
        key: of the component.
    """
    data = {
        "tiles": [asdict(picture) for picture in pictures],
        "ticked": list(ticked),
        "occasion": occasion,
        "side": WINDOW_PX,
    }
    opened: str | None = _component(
        key=key, data=data, on_ticked_change=lambda: None, on_opened_change=lambda: None
    ).opened
    return opened


def told_ticks(key: str) -> dict[str, Any] | None:
    """The ticks that the browser told of a component, with the occasion on which; None before it told any."""
    told: dict[str, Any] | None = (st.session_state.get(key) or {}).get("ticked")
    return told
