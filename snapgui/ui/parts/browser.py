"""How large the page is in the browser, so that pictures get the largest whole-number zoom that fits."""

import streamlit as st

from snapgui.engine.images import WINDOW_PX

GAP_PX = 16
FALLBACK_PX, FALLBACK_HEIGHT_PX = 1280, 860
SIZE_JS = """
export default function (component) {
  const { parentElement, setStateValue, data } = component;
  const host = parentElement.host ?? parentElement;
  // A message that arrives just after a click on another page's link would call this page back:
  // say nothing that is known.
  let sent = data.known, timer = null;
  const send = () => {
    const size = [Math.round(host.getBoundingClientRect().width), window.innerHeight];
    if (size[0] <= 0 || size.every((side, i) => Math.abs(side - sent[i]) <= 8)) return;
    sent = size;
    setStateValue("size", size);
  };
  const observer = new ResizeObserver(() => { clearTimeout(timer); timer = setTimeout(send, 150); });
  const later = () => { clearTimeout(timer); timer = setTimeout(send, 150); };
  observer.observe(host);
  window.addEventListener("resize", later);
  return () => { clearTimeout(timer); observer.disconnect(); window.removeEventListener("resize", later); };
}
"""
_size_component = st.components.v2.component("snap_page_size", html="<span></span>", js=SIZE_JS)


def page_size(*, key: str, known: tuple[int, int] | None) -> tuple[int, int] | None:
    """Width of the place where this is called and height of the window, in CSS pixels; ``known`` until the
    browser tells others.
    """
    size = _size_component(key=key, data={"known": known or (0, 0)}, on_size_change=lambda: None).size
    return (int(size[0]), int(size[1])) if size else known


def zoom_for(page_px: int | None, pictures: int, *, least: int, most: int) -> int:
    """The largest whole-number zoom at which so many patches stand side by side."""
    room = ((page_px or FALLBACK_PX) - (pictures - 1) * GAP_PX) // pictures
    return max(least, min(most, room // WINDOW_PX))


SCROLL_JS = """
export default function (component) {
  const { data, parentElement } = component;
  const host = parentElement.host ?? parentElement;
  // Reloads and page changes must not scroll again, so the last occasion is kept with the tab.
  if (data.occasion && sessionStorage.getItem("snap-scroll") !== data.occasion) {
    sessionStorage.setItem("snap-scroll", data.occasion);
    host.style.scrollMarginTop = "72px";
    let taken = false;
    for (const name of ["wheel", "touchmove", "keydown", "pointerdown"]) {
      document.addEventListener(name, () => { taken = true; }, { once: true, passive: true, capture: true });
    }
    // What lies below may still be drawn, and until then the page is too short: try again, unless the
    // person moves on.
    const arrive = (left) => {
      if (taken || !host.isConnected) return;
      host.scrollIntoView({ block: "start", behavior: "smooth" });
      if (left > 0) setTimeout(() => arrive(left - 1), 600);
    };
    setTimeout(() => arrive(4), 50);
  }
}
"""
_scroll_component = st.components.v2.component("snap_scroll", html="<span></span>", js=SCROLL_JS)


def scroll_here(occasion: str) -> None:
    """Scroll to where this is called, the first time that it is called for this occasion."""
    _scroll_component(key="scroll_here", data={"occasion": occasion})
