"""Bring a place of the page into view, once for each occasion: an inline component."""

import streamlit as st

JS = """
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
    // What lies below may still be drawn, and until then the page is too short: try again, unless the person moves on.
    const arrive = (left) => {
      if (taken || !host.isConnected) return;
      host.scrollIntoView({ block: "start", behavior: "smooth" });
      if (left > 0) setTimeout(() => arrive(left - 1), 600);
    };
    setTimeout(() => arrive(4), 50);
  }
}
"""
_component = st.components.v2.component("snap_scroll", html="<span></span>", js=JS)


def scroll_here(occasion: str) -> None:
    """Scroll to where this is called, the first time that it is called for this occasion."""
    _component(key="scroll_here", data={"occasion": occasion})
