// How large is a pixel of this screen? A bank card, 85.60 mm wide and 53.98 mm high, is laid against a box.
const CARD = 53.98 / 85.6, LEAST = 120, MOST = 1200;
// Of the page, not of one drawing of the box: Streamlit may draw it anew while keys are pressed.
let kept = 324;

export default function (component) {
  const { parentElement, setTriggerValue } = component;
  const find = (name) => parentElement.querySelector(name);
  const [card, edge, distance, told, done, skip] = [".card", ".edge", ".distance", ".told", ".done", ".skip"].map(find);
  let width = kept;

  const size = (wanted) => {
    width = kept = Math.min(Math.max(wanted, LEAST), MOST);
    card.style.width = width + "px";
    card.style.height = width * CARD + "px";
    card.setAttribute("aria-valuenow", Math.round(width));
  };
  const sizes = () => ({
    device_pixel_ratio: window.devicePixelRatio || 1, screen_width: window.screen.width, screen_height: window.screen.height,
    window_width: window.innerWidth, window_height: window.innerHeight,
  });
  const finish = () => {
    const cm = Number(distance.value);
    if (!(cm >= 20 && cm <= 200)) { told.textContent = "The distance must be from 20 to 200 cm."; distance.focus(); return; }
    setTriggerValue("measured", { ...sizes(), card_px: width, distance_mm: cm * 10 });
  };
  const onKey = (event) => {
    const at = event.composedPath()[0];
    if (event.ctrlKey || event.altKey || event.metaKey || document.querySelector('[data-testid="stPopoverBody"]')) return;
    const typing = at.tagName === "INPUT";
    const step = event.shiftKey ? 10 : 1;
    if (event.key === "Enter" && !event.repeat && (typing || !at.closest?.("button"))) { event.preventDefault(); finish(); }
    else if (!typing && ["ArrowRight", "ArrowLeft"].includes(event.key)) { event.preventDefault(); size(width + (event.key === "ArrowRight" ? step : -step)); }
  };
  edge.onpointerdown = (event) => {
    edge.setPointerCapture(event.pointerId);
    const from = event.clientX - width;
    edge.onpointermove = (move) => size(move.clientX - from);
  };
  edge.onpointerup = edge.onpointercancel = () => { edge.onpointermove = null; };
  done.onclick = finish;
  skip.onclick = () => setTriggerValue("measured", sizes());
  // One listener, whichever call set it.
  document.removeEventListener("keydown", parentElement.snapKeys, true);
  parentElement.snapKeys = onKey;
  document.addEventListener("keydown", onKey, true);
  size(width);
  return () => document.removeEventListener("keydown", parentElement.snapKeys, true);
}
