"""How wide the page is in the browser, so that pictures get the largest whole-number zoom that fits."""

import streamlit as st

from snapgui.engine.images import WINDOW_PX

GAP_PX = 16
FALLBACK_PX = 1280
JS = """
export default function (component) {
  const { parentElement, setStateValue } = component;
  const host = parentElement.host ?? parentElement;
  let sent = 0, timer = null;
  const send = () => {
    const width = Math.round(host.getBoundingClientRect().width);
    if (width > 0 && Math.abs(width - sent) > 8) { sent = width; setStateValue("width", width); }
  };
  const observer = new ResizeObserver(() => { clearTimeout(timer); timer = setTimeout(send, 150); });
  observer.observe(host);
  return () => { clearTimeout(timer); observer.disconnect(); };
}
"""
_component = st.components.v2.component("snap_page_width", html="<span></span>", js=JS)


def page_width(*, key: str) -> int | None:
    """Width in CSS pixels of the place where this is called; None until the browser has told."""
    width = _component(key=key, on_width_change=lambda: None).width
    return int(width) if width else None


def zoom_for(page_px: int | None, pictures: int, *, least: int, most: int) -> int:
    """The largest whole-number zoom at which so many patches stand side by side."""
    room = ((page_px or FALLBACK_PX) - (pictures - 1) * GAP_PX) // pictures
    return max(least, min(most, room // WINDOW_PX))
