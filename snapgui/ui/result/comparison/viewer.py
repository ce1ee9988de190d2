"""The viewer as a component of the page: its own HTML, CSS and JavaScript, without network and build step."""

from pathlib import Path
from typing import Any

import streamlit as st

FOLDER = Path(__file__).parent
SCRIPTS = ("pictures.js", "drawing.js", "viewer.js")


def _read(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


# One module: a component takes one script, and nothing is fetched.
_component = st.components.v2.component(
    "snap_comparison",
    html=_read("viewer.html"),
    css=_read("viewer.css"),
    js="\n".join(map(_read, SCRIPTS)),
)


def comparison(data: dict[str, Any], *, name: str, key: str, zoom: int | None = None) -> None:
    """Show two pictures as `comparison_data` packed them; ``name`` is that of the altered one.

    With a ``zoom`` it takes the workbench's stage: one picture first, so many times enlarged, before on the
    left of a line and after on its right.
    """
    _component(key=key, data=data | {"name": name, "zoom": zoom})
