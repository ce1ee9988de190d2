"""Two pictures shown in turn at one place, the most telling comparison of small changes: an inline component."""

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from snapgui.ui.pictures import data_uri

HTML = """
<div class="blink">
  <div class="stage"><img class="before" alt="original"><img class="after" alt="adversarial"></div>
  <div class="name" aria-live="off"></div>
  <div class="bar">
    <button type="button" class="play">Pause</button>
    <button type="button" class="hold">Hold to see original</button>
    <label>slow <input class="rate" type="range" min="0.5" max="3" step="0.25" value="1" aria-label="changes a second"> fast</label>
  </div>
</div>
"""
CSS = """
.blink { font-family: var(--st-font); font-size: 0.9rem; color: var(--st-text-color); }
.stage { position: relative; }
img { position: absolute; left: 0; top: 0; width: 100%; height: 100%; image-rendering: pixelated; }
.name { margin: 4px 0; font-weight: 600; }
.bar { display: flex; flex-wrap: wrap; gap: 8px; align-items: center; }
button { font: inherit; color: inherit; padding: 4px 10px; cursor: pointer; touch-action: none; user-select: none;
  background: var(--st-secondary-background-color); border: 1px solid var(--st-border-color); border-radius: 4px; }
input { width: 90px; vertical-align: middle; accent-color: var(--st-primary-color); }
"""
JS = """
export default function (component) {
  const { data, parentElement } = component;
  const find = (name) => parentElement.querySelector(name);
  const [stage, before, after, name, play, hold, rate] =
    [".stage", ".before", ".after", ".name", ".play", ".hold", ".rate"].map(find);
  stage.style.width = data.width + "px";
  stage.style.height = data.height + "px";
  if (before.src !== data.before) before.src = data.before;
  if (after.src !== data.after) after.src = data.after;
  // The page may redraw at any time: what the person chose is kept with the stage.
  let playing = stage.dataset.playing !== "no", held = false, second = true, timer = null;
  const draw = () => {
    const altered = second && !held;
    after.style.visibility = altered ? "visible" : "hidden";
    name.textContent = altered ? "adversarial" : "original";
  };
  const start = () => {
    clearInterval(timer);
    timer = playing ? setInterval(() => { second = !second; draw(); }, 1000 / Number(rate.value)) : null;
  };
  const label = () => { stage.dataset.playing = playing ? "yes" : "no"; play.textContent = playing ? "Pause" : "Blink"; };
  const press = (state) => { held = state; draw(); };
  play.onclick = () => { playing = !playing; second = true; label(); draw(); start(); };
  hold.onpointerdown = (event) => { hold.setPointerCapture(event.pointerId); press(true); };
  hold.onpointerup = hold.onpointercancel = () => press(false);
  hold.onkeydown = (event) => { if (event.key === " " || event.key === "Enter") { event.preventDefault(); press(true); } };
  hold.onkeyup = hold.onblur = () => press(false);
  rate.oninput = start;
  label();
  draw();
  start();
  return () => clearInterval(timer);
}
"""
_component = st.components.v2.component("snap_blink", html=HTML, css=CSS, js=JS)


def blink(before: NDArray[np.uint8], after: NDArray[np.uint8], *, zoom: int, key: str) -> None:
    """Show two pictures uint8 ``(H, W, 3)`` in turn, unblended, at most three changes a second."""
    height, width = before.shape[:2]
    data = {"before": data_uri(before), "after": data_uri(after), "width": width * zoom, "height": height * zoom}
    _component(key=key, data=data)
