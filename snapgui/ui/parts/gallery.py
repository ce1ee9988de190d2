"""A strip of thumbnails to click or to walk along with the arrow keys: an inline component, no network, no
build step.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import streamlit as st

HTML = '<div class="gallery" role="group"></div>'
CSS = """
.gallery {
  overflow-y: auto;
  font-family: var(--st-font); font-size: 0.85rem; color: var(--st-text-color);
}
.gallery p { margin: 0 0 4px 0; }
.row {
  display: grid; grid-template-columns: repeat(auto-fill, minmax(56px, 1fr)); gap: 6px;
  margin-bottom: 10px; padding: 3px;
}
button {
  padding: 0; border: 1px solid var(--st-border-color);
  background: none; cursor: pointer; line-height: 0;
}
button[aria-pressed="true"] { outline: 3px solid var(--st-primary-color); }
button:focus-visible { outline: 3px dotted var(--st-primary-color); }
img { width: 100%; aspect-ratio: 1; }
.cell { position: relative; line-height: 0; }
.cell input {
  position: absolute; top: 3px; right: 3px; margin: 0; width: 15px; height: 15px; opacity: 0;
  accent-color: var(--st-primary-color);
}
.cell:hover input, .cell:focus-within input, .cell input:checked { opacity: 1; }
"""
JS = """
export default function (component) {
  const { data, parentElement, setTriggerValue, setStateValue } = component;
  const root = parentElement.querySelector(".gallery");
  root.style.maxHeight = `max(200px, calc(100vh - ${data.beside_px}px))`;
  const shown = data.items.map((item) => item.id + item.label).join("|");
  if (root.dataset.shown !== shown) {
    root.dataset.shown = shown;
    root.replaceChildren();
    for (const group of [...new Set(data.items.map((item) => item.group))]) {
      if (group) {
        const heading = document.createElement("p");
        heading.textContent = group;
        root.append(heading);
      }
      const row = document.createElement("div");
      row.className = "row";
      for (const item of data.items.filter((item) => item.group === group)) {
        const button = document.createElement("button");
        button.type = "button";
        button.dataset.id = item.id;
        button.title = item.label;
        const image = document.createElement("img");
        image.src = item.uri;
        image.alt = item.label;
        button.append(image);
        const cell = document.createElement("div");
        cell.className = "cell";
        cell.append(button);
        if (data.ticking) {
          const tick = document.createElement("input");
          tick.type = "checkbox";
          tick.dataset.id = item.id;
          tick.title = "Tick to run several pictures";
          tick.setAttribute("aria-label", `Tick ${item.label}`);
          cell.append(tick);
        }
        row.append(cell);
      }
      root.append(row);
    }
  }
  for (const button of root.querySelectorAll("button")) {
    button.setAttribute("aria-pressed", String(button.dataset.id === data.selected));
    button.onclick = () => setTriggerValue("picked", button.dataset.id);
  }
  // A grid that is mounted anew takes its ticks from the page; else its own are newer.
  root.ticked ??= new Set(data.ticked);
  for (const tick of root.querySelectorAll("input")) {
    tick.checked = root.ticked.has(tick.dataset.id);
    tick.onchange = () => {
      root.ticked[tick.checked ? "add" : "delete"](tick.dataset.id);
      setStateValue("ticked", [...root.ticked]);
    };
  }
  const chosen = root.querySelector('[aria-pressed="true"]');
  if (chosen && root.dataset.chosen !== chosen.dataset.id) {
    root.dataset.chosen = chosen.dataset.id;
    const strip = root.getBoundingClientRect(), place = chosen.getBoundingClientRect();
    if (place.top < strip.top) root.scrollTop += place.top - strip.top - 8;
    if (place.bottom > strip.bottom) root.scrollTop += place.bottom - strip.bottom + 8;
  }
  // Arrow keys walk along the strip, unless something that has its own use for them is in focus.
  const walk = (event) => {
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    const from = event.composedPath()[0];
    if (!step || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (from !== document.body && !root.contains(from)) return;
    const buttons = [...root.querySelectorAll("button")];
    const at = buttons.findIndex((button) => button.getAttribute("aria-pressed") === "true");
    const next = buttons[at + step];
    if (!next) return;
    event.preventDefault();
    if (root.contains(from)) next.focus();
    next.click();
  };
  document.addEventListener("keydown", walk);
  return () => document.removeEventListener("keydown", walk);
}
"""
_component = st.components.v2.component("snap_gallery", html=HTML, css=CSS, js=JS)


@dataclass(frozen=True)
class Thumbnail:
    """One picture to choose: an id, a data URI, a label for people, and the heading under which it stands."""

    id: str
    uri: str
    label: str
    group: str = ""


def gallery(
    items: Sequence[Thumbnail],
    *,
    selected: str | None,
    key: str,
    ticking: bool = False,
    beside_px: int = 270,
) -> tuple[str | None, list[str]]:
    """Show thumbnails under their headings; gives the id just clicked, once, else None, and those that are
    ticked, where that is asked for.

    ``beside_px`` is the height of what stands above and below, so that the page need not be scrolled.
    """
    # What was clicked is known before the grid is drawn, so that it is framed at once.
    known = st.session_state.get(key) or {}
    clicked = known.get("picked")
    data = {
        "items": [asdict(item) for item in items],
        "selected": clicked or selected or "",
        "ticking": ticking,
        "beside_px": beside_px,
        "ticked": known.get("ticked") or [],
    }
    found = _component(key=key, data=data, on_picked_change=lambda: None, on_ticked_change=lambda: None)
    there = {item.id for item in items}
    return found.picked, [name for name in found.ticked or [] if name in there]
