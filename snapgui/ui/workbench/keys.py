"""Keys of the mask editor: undo, redo, width of the brush."""

import streamlit as st

from snapgui.ui.state import SnapState, redo_mask, undo_mask

BRUSH_STEP_PX, BRUSH_LEAST_PX, BRUSH_MOST_PX = 2, 2, 24
KEY = "mask_keys"
JS = """
export default function (component) {
  const { data, setTriggerValue } = component;
  // The canvas has a tool bar of its own, whose undo knows nothing of the mask: there is one undo, ours.
  const hide = (tries) => {
    const place = document.querySelector(".st-key-" + data.canvas);
    const root = place && [...place.querySelectorAll("*")].map((node) => node.shadowRoot).find(Boolean);
    if (!root) { if (tries > 0) setTimeout(() => hide(tries - 1), 200); return; }
    if (!root.querySelector("style.snap")) {
      const style = document.createElement("style");
      style.className = "snap";
      style.textContent = ".dc-toolbar { display: none !important; }";
      root.append(style);
    }
  };
  hide(25);
  const writes = (node) => node && (node.isContentEditable || node.tagName === "TEXTAREA" ||
    (node.tagName === "INPUT" && !["range", "radio", "checkbox", "button", "file"].includes(node.type)));
  const act = (event) => {
    if (writes(event.composedPath()[0])) return;
    const command = event.ctrlKey || event.metaKey, letter = event.key.toLowerCase();
    let pressed = "";
    if (command && !event.altKey && letter === "z") pressed = event.shiftKey ? "redo" : "undo";
    else if (command && !event.altKey && letter === "y") pressed = "redo";
    else if (!command && event.key === "[") pressed = "thinner";
    else if (!command && event.key === "]") pressed = "thicker";
    if (!pressed) return;
    // Else the browser undoes what was typed into some field of the page.
    event.preventDefault();
    event.stopPropagation();
    setTriggerValue("pressed", pressed);
  };
  document.addEventListener("keydown", act, true);
  return () => document.removeEventListener("keydown", act, true);
}
"""
_component = st.components.v2.component("snap_mask_keys", html="<span></span>", js=JS)


def mask_keys(state: SnapState, canvas_key: str) -> None:
    """Listen to Ctrl+Z, Ctrl+Shift+Z, [ and ] wherever no text is being typed."""
    _component(key=KEY, data={"canvas": canvas_key}, on_pressed_change=lambda: _press(state))


def _press(state: SnapState) -> None:
    press_key(state, (st.session_state.get(KEY) or {}).get("pressed") or "")


def press_key(state: SnapState, pressed: str) -> None:
    """Do what a key stands for: ``undo``, ``redo``, ``thinner`` or ``thicker``."""
    if pressed == "undo":
        undo_mask(state)
    elif pressed == "redo":
        redo_mask(state)
    elif pressed in ("thinner", "thicker"):
        step = BRUSH_STEP_PX if pressed == "thicker" else -BRUSH_STEP_PX
        wide = state.controls["brush_px"] + step
        state.controls["brush_px"] = min(max(wide, BRUSH_LEAST_PX), BRUSH_MOST_PX)
