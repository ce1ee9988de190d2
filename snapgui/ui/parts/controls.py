"""Controls whose values the session keeps itself and hands to the widgets, which may lose theirs."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from snapgui.ui.state import get_state

# How each widget is told the value with which it begins.
_FIRST = {
    "selectbox": "index",
    "radio": "index",
    "segmented_control": "default",
    "pills": "default",
    "multiselect": "default",
}


def control(
    widget: Callable[..., Any],
    label: str,
    *arguments: Any,
    key: str,
    then: Callable[[], None] | None = None,
    **more: Any,
) -> Any:
    """Draw a widget that shows and changes ``controls[key]`` of the session; gives the value.

    Args:
        widget: a bound drawing function, such as ``st.slider`` or ``column.number_input``.
        arguments: what stands between its label and its value, such as its options or its limits.
        then: called after a person changed the value.
    """
    value, name = get_state().controls[key], widget.__name__
    given: dict[str, Any] = {}
    if key in st.session_state and st.session_state[key] != value:
        # Set by a preset or a run that was opened: the widget in the browser is told.
        st.session_state[key] = value
    else:
        first = _FIRST.get(name, "value")
        given[first] = arguments[0].index(value) if first == "index" else value
    return widget(label, *arguments, key=key, on_change=_take, args=(key, then), **given, **more)


def own_control(
    widget: Callable[..., Any], label: str, *arguments: Any, key: str, first: Any, **more: Any
) -> Any:
    """The same for a control of one page, which begins with ``first``."""
    get_state().controls.setdefault(key, first)
    return control(widget, label, *arguments, key=key, **more)


def _take(key: str, then: Callable[[], None] | None) -> None:
    get_state().controls[key] = st.session_state[key]
    if then is not None:
        then()
