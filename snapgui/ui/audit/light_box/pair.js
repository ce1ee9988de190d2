// Before left, after right, at the largest whole-number zoom that leaves room for the words.
export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const root = parentElement.querySelector(".pair"), find = (name) => root.querySelector(name);
  // Beside the pictures: the dialog's head, the bar and the words below.
  const BESIDE = 380, LEAST_ZOOM = 2;
  const scale = window.devicePixelRatio || 1;
  // Called anew with each picture: what listened for the one before must not hear the next key.
  root.snapStop?.();

  for (const image of root.querySelectorAll(".original")) {
    image.hidden = !data.before;
    if (data.before) image.src = data.before;
  }
  find(".gone").hidden = Boolean(data.before);
  find(".altered").src = data.after;
  find("svg").setAttribute("viewBox", `0 0 ${data.side} ${data.side}`);
  for (const path of root.querySelectorAll("path")) path.setAttribute("d", data.rim);
  find(".place").textContent = `${data.at + 1} of ${data.of}`;
  find(".back").disabled = data.at === 0;
  find(".on").disabled = data.at === data.of - 1;
  find(".tick").textContent = data.ticked ? "Ticked (T)" : "Tick (T)";
  find(".tick").setAttribute("aria-pressed", String(data.ticked));

  const layout = () => {
    const room = Math.min((root.clientWidth - 12) / 2, window.innerHeight - BESIDE);
    const zoom = Math.max(LEAST_ZOOM, Math.floor((room * scale) / data.side)) / scale;
    for (const pane of root.querySelectorAll(".pane")) pane.style.width = pane.style.height = `${data.side * zoom}px`;
  };
  const observer = new ResizeObserver(layout);
  observer.observe(root);
  layout();

  const outline = () => find(".outline").setAttribute("aria-pressed", String(root.classList.toggle("outlined")));
  // Keys may be faster than pictures: each goes on from where the one before is to lead.
  if (root.snapAhead === data.at) root.snapAhead = undefined;
  const go = (by) => {
    const next = (root.snapAhead ?? data.at) + by;
    if (next < 0 || next >= data.of) return;
    root.snapAhead = next;
    setTriggerValue("shown", next);
  };
  const tick = () => setTriggerValue("tick", data.at);
  find(".back").onclick = () => go(-1);
  find(".on").onclick = () => go(1);
  find(".outline").onclick = outline;
  find(".tick").onclick = tick;

  const writes = (node) => ["INPUT", "TEXTAREA", "SELECT"].includes(node?.tagName) || node?.isContentEditable;
  const down = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || writes(event.composedPath()[0])) return;
    const act = { ArrowLeft: () => go(-1), ArrowRight: () => go(1), o: outline, t: tick, " ": () => root.classList.add("holding") }[
      event.key.length > 1 ? event.key : event.key.toLowerCase()];
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.repeat && event.key.length === 1) return;
    act();
  };
  const up = (event) => { if (event.key === " ") root.classList.remove("holding"); };
  document.addEventListener("keydown", down, true);
  document.addEventListener("keyup", up, true);
  root.snapStop = () => {
    observer.disconnect();
    document.removeEventListener("keydown", down, true);
    document.removeEventListener("keyup", up, true);
  };
  return root.snapStop;
}
