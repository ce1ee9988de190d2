// The viewer itself: what is chosen, what is drawn for it, and what keys and pointer do.

const VIEWS = ["rgb", "haematoxylin", "eosin"];
const MODE_KEYS = { s: "side", w: "swipe", b: "blink", d: "difference", h: "heat", m: "mask" };
const ARROWS = { arrowleft: [-1, 0], arrowright: [1, 0], arrowup: [0, -1], arrowdown: [0, 1] };
const GAINS = [1, 2, 4, 8, 16];
// Beside the pictures: the bars above, status and keys below; they are to be on one screen together.
const BESIDE = 300, LEAST_STAGE = 300;
const EDITED = "input, textarea, select, canvas, [contenteditable], [role=textbox], [role=combobox], [role=slider], [role=spinbutton], [role=listbox]";

function makeViewer(root) {
  const find = (name) => root.querySelector(name), all = (name) => [...root.querySelectorAll(name)];
  const stage = find(".stage"), context = stage.getContext("2d"), gain = find(".gain"), measure = find(".measure"), rate = find(".rate");
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const chosen = { mode: "side", last: "side", view: "rgb", outline: false, fit: true, line: 0.5, playing: !calm, second: true, held: false };
  const place = { zoom: 1, x: 0, y: 0 };
  let data = null, pictures = null, panes = [], scale = 1, timer = null, drag = null, pointer = null, wheeled = 0, font = "sans-serif";

  const single = () => chosen.mode === "swipe" || chosen.mode === "blink";

  function layout() {
    if (!data || !root.clientWidth) return;
    scale = window.devicePixelRatio || 1;
    const around = getComputedStyle(root);
    const width = Math.floor((root.clientWidth - parseFloat(around.paddingLeft) - parseFloat(around.paddingRight)) * scale);
    const bands = Math.round(HEAD * scale) + Math.round(FOOT * scale);
    const most = data.zoom ? Math.round(data.zoom * scale) * data.height + bands : Math.max(LEAST_STAGE, window.innerHeight - BESIDE) * scale;
    // As high as two pictures side by side need at their largest whole zoom, in every mode.
    const zoom = fittingZoom(panesOf(false, width, most, scale), data.width, data.height);
    const height = data.zoom ? most : Math.round(Math.min(most, zoom * data.height + bands));
    if (stage.width !== width || stage.height !== height) {
      stage.width = width;
      stage.height = height;
      // One pixel of the canvas is one of the screen: stretched, some of the picture's pixels would be wider.
      stage.style.width = `${width / scale}px`;
      stage.style.height = `${height / scale}px`;
    }
    panes = panesOf(single(), width, height, scale);
    if (chosen.fit) Object.assign(place, { zoom: fittingZoom(panes, data.width, data.height), x: data.width / 2, y: data.height / 2 });
    font = getComputedStyle(root).fontFamily;
    takeGreys(root);
    draw();
  }

  const altered = () => !chosen.held && !(chosen.mode === "blink" && !chosen.second);

  function titleOf(side) {
    const stain = chosen.view === "rgb" ? "" : ` · ${chosen.view}, dark is more`;
    return (side === "after" ? data.name : "Original") + stain;
  }

  function shownIn() {
    const before = [titleOf("before"), pictures.before[chosen.view].canvas], after = [titleOf("after"), pictures.after[chosen.view].canvas];
    const present = altered() ? after : before;
    const stain = chosen.view === "rgb" ? "" : ` of ${chosen.view}`;
    return {
      side: () => [before, present],
      swipe: () => [present],
      blink: () => [present],
      difference: () => [present, [`Difference${stain} × ${gain.value}, grey is no change`, differencePicture(pictures, chosen.view, Number(gain.value))]],
      heat: () => [present, [`${data.heat[measure.value].name}, dark is no difference`, heatPicture(pictures, measure.value, data.colours)]],
      mask: () => [present, ["Mask, white may change", pictures.mask.canvas]],
    }[chosen.mode]();
  }

  function draw() {
    if (!pictures || !panes.length) return;
    context.clearRect(0, 0, stage.width, stage.height);
    shownIn().forEach(([title, picture], index) => drawPane(panes[index], title, picture));
    if (chosen.mode === "heat") drawColourBar(context, panes[1], data.heat[measure.value], data.colours, font, scale);
    tell();
  }

  function drawPane(pane, title, picture) {
    context.fillStyle = SURROUND;
    context.fillRect(pane.x, pane.y, pane.w, pane.h);
    const swiping = chosen.mode === "swipe" && altered(), split = Math.round(chosen.line * pane.w);
    clipped(context, pane.x, pane.y, pane.w, pane.h, () => {
      drawPicture(context, pane, place, picture);
      if (swiping) clipped(context, pane.x, pane.y, split, pane.h, () => drawPicture(context, pane, place, pictures.before[chosen.view].canvas));
      if (chosen.outline) drawRim(context, pane, place, pictures.rim, scale);
      if (swiping) drawLine(context, pane, chosen.line, scale);
    });
    drawTitle(context, pane, place, swiping ? `Left of the line: ${titleOf("before")}   |   right of it: ${titleOf("after")}` : title, font, scale);
    drawScaleBar(context, pane, place, data.um_per_px, font, scale);
  }

  // What is chosen, for buttons, for people and for tests.
  function tell() {
    all("[data-mode]").forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.mode === chosen.mode)));
    all("[data-view]").forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.view === chosen.view)));
    all("[data-for]").forEach((part) => part.classList.toggle("on", part.dataset.for === chosen.mode));
    find(".outline").setAttribute("aria-pressed", String(chosen.outline));
    find(".play").textContent = chosen.playing ? "Pause" : "Play";
    find(".rate-words").textContent = `${rate.value} change${rate.value === "1" ? "" : "s"} a second`;
    find(".gain-words").textContent = `Mid-grey plus ${gain.value} × (altered − original).`;
    stage.setAttribute("aria-label", `${shownIn().map(([title]) => title).join("; ")}; ${place.zoom} times enlarged`);
    const now = altered() ? "altered" : "original";
    Object.assign(root.dataset, { now, shows: chosen.mode, stain: chosen.view, zoom: place.zoom, rim: chosen.outline ? "on" : "off", name: data.name });
    find(".status").textContent = [`${place.zoom} × enlarged, ${data.um_per_px} µm/px`, ...pixelWords()].join(" · ");
  }

  function pixelWords() {
    const pane = pointer && panes.find((place) => pointer[0] >= place.x && pointer[0] < place.x + place.w);
    if (!pane) return ["point at a pixel to read it"];
    const [x, y] = imagePointAt(pane, place, ...pointer).map(Math.floor);
    if (x < 0 || y < 0 || x >= data.width || y >= data.height) return ["point at a pixel to read it"];
    const i = 4 * (y * data.width + x), rgb = (picture) => picture.values.slice(i, i + 3).join(" ");
    const heat = Object.entries(data.heat).map(([name, map]) => {
      const level = pictures.heat[name].values[i], value = (level / 255) * map.top;
      return `${map.name} ${level === 255 ? `${map.top} or more` : value.toFixed(map.top > 1 ? 1 : 2)}`;
    });
    return [`x ${x}, y ${y}`, `original ${rgb(pictures.before.rgb)}`, `altered ${rgb(pictures.after.rgb)}`, ...heat];
  }

  function choose(changes) {
    if (changes.mode && changes.mode !== chosen.mode) chosen.last = chosen.mode;
    Object.assign(chosen, changes);
    if (changes.mode || changes.playing !== undefined) restart();
    layout();
  }

  function restart() {
    clearInterval(timer);
    chosen.second = true;
    timer = chosen.mode === "blink" && chosen.playing ? setInterval(() => { chosen.second = !chosen.second; draw(); }, 1000 / Number(rate.value)) : null;
  }

  function zoomBy(direction, x, y) {
    if (!panes.length) return;
    const pane = panes.find((place) => x >= place.x && x < place.x + place.w) ?? panes[0];
    const [px, py] = x === undefined ? [pane.x + pane.w / 2, pane.y + pane.h / 2] : [x, y];
    const [imageX, imageY] = imagePointAt(pane, place, px, py);
    const zoom = Math.max(1, Math.min(MOST_ZOOM, place.zoom + direction * Math.max(1, Math.round(place.zoom / 4))));
    moveTo(imageX - (px - pane.x - pane.w / 2) / zoom, imageY - (py - pane.y - pane.h / 2) / zoom, zoom);
  }

  function moveTo(x, y, zoom = place.zoom) {
    Object.assign(place, { zoom, x: Math.max(0, Math.min(data.width, x)), y: Math.max(0, Math.min(data.height, y)) });
    chosen.fit = false;
    draw();
  }

  const onStage = (event) => {
    const box = stage.getBoundingClientRect();
    return [(event.clientX - box.left) * (stage.width / box.width), (event.clientY - box.top) * (stage.height / box.height)];
  };
  const nearLine = ([x]) => chosen.mode === "swipe" && Math.abs(x - panes[0].x - chosen.line * panes[0].w) < 12 * scale;
  const focused = () => root.contains(root.getRootNode().activeElement);

  stage.onpointerdown = (event) => {
    root.focus({ preventScroll: true });
    if (!panes.length) return;
    stage.setPointerCapture(event.pointerId);
    drag = { line: nearLine(onStage(event)), from: onStage(event), x: place.x, y: place.y };
    stage.classList.toggle("dragging", !drag.line);
  };
  stage.onpointermove = (event) => {
    pointer = onStage(event);
    if (!panes.length || !pictures) return;
    stage.classList.toggle("line", drag ? drag.line : nearLine(pointer));
    if (drag?.line) chosen.line = Math.max(0, Math.min(1, (pointer[0] - panes[0].x) / panes[0].w));
    if (drag && !drag.line) moveTo(drag.x - (pointer[0] - drag.from[0]) / place.zoom, drag.y - (pointer[1] - drag.from[1]) / place.zoom);
    else draw();
  };
  stage.onpointerup = stage.onpointercancel = () => { drag = null; stage.classList.remove("dragging"); };
  stage.onpointerleave = () => { pointer = null; draw(); };
  // The page must scroll on when the pointer merely passes over: the wheel zooms only once the viewer was clicked.
  stage.addEventListener("wheel", (event) => {
    if (!pictures || !(focused() || event.ctrlKey)) return;
    event.preventDefault();
    wheeled = Math.sign(wheeled) === Math.sign(event.deltaY) ? wheeled + event.deltaY : event.deltaY;
    if (Math.abs(wheeled) < 30) return;
    zoomBy(wheeled < 0 ? 1 : -1, ...onStage(event));
    wheeled = 0;
  }, { passive: false });

  all("[data-mode]").forEach((button) => { button.onclick = () => choose({ mode: button.dataset.mode }); });
  all("[data-view]").forEach((button) => { button.onclick = () => choose({ view: button.dataset.view }); });
  find(".outline").onclick = () => choose({ outline: !chosen.outline });
  find(".in").onclick = () => zoomBy(1);
  find(".out").onclick = () => zoomBy(-1);
  find(".fit").onclick = () => choose({ fit: true });
  find(".play").onclick = () => choose({ playing: !chosen.playing });
  rate.oninput = () => { restart(); draw(); };
  gain.onchange = measure.onchange = draw;

  function act(key) {
    const index = ["1", "2", "3"].indexOf(key);
    if (key === " ") { if (!chosen.held) choose({ held: true }); }
    else if (index >= 0) choose({ view: VIEWS[index] });
    else if (key === "a") choose({ outline: !chosen.outline });
    else if (key === "d") choose({ mode: chosen.mode === "difference" ? chosen.last : "difference" });
    else if (MODE_KEYS[key]) choose({ mode: MODE_KEYS[key] });
    else if (key === "+" || key === "=") zoomBy(1);
    else if (key === "-") zoomBy(-1);
    else if (key === "0") choose({ fit: true });
    else if (ARROWS[key]) moveTo(place.x + ARROWS[key][0] * Math.max(1, 40 / place.zoom), place.y + ARROWS[key][1] * Math.max(1, 40 / place.zoom));
    else return false;
    return true;
  }

  const moving = (key) => key === "+" || key === "=" || key === "-" || Boolean(ARROWS[key]);
  function onKey(event) {
    if (!pictures || event.ctrlKey || event.metaKey || event.altKey) return;
    const key = event.key.toLowerCase(), from = event.composedPath()[0];
    const known = " 123asdwbhm+=-0".includes(key) || ARROWS[key];
    if (!known || from.tagName === "SELECT" || (from.tagName === "INPUT" && ARROWS[key])) return;
    event.preventDefault();
    event.stopPropagation();
    if (!event.repeat || moving(key)) act(key);
  }
  // Without a click the keys act only under the pointer, and never while something elsewhere is being typed into.
  function onPageKey(event) {
    const active = document.activeElement;
    const elsewhere = active?.closest?.(EDITED) || event.composedPath()[0].closest?.(EDITED);
    if (root.matches(":hover") && !elsewhere && !event.composedPath().includes(root)) onKey(event);
  }
  function onKeyUp(event) {
    if (event.key !== " " || !chosen.held) return;
    event.preventDefault();
    choose({ held: false });
  }
  const letGo = () => { if (chosen.held) choose({ held: false }); };
  root.addEventListener("keydown", onKey);

  const observer = new ResizeObserver(layout);
  function attach() {
    document.addEventListener("keydown", onPageKey, true);
    document.addEventListener("keyup", onKeyUp, true);
    window.addEventListener("blur", letGo);
    window.addEventListener("resize", layout);
    observer.observe(root);
  }
  function detach() {
    document.removeEventListener("keydown", onPageKey, true);
    document.removeEventListener("keyup", onKeyUp, true);
    window.removeEventListener("blur", letGo);
    window.removeEventListener("resize", layout);
    observer.disconnect();
    clearInterval(timer);
  }

  function fill(select, options, value) {
    select.replaceChildren(...options.map(([key, words]) => new Option(words, key)));
    select.value = value;
  }

  async function show(next) {
    const before = data, same = before && ["before", "after"].every((side) => before[side].rgb === next[side].rgb) && before.mask === next.mask;
    attach();
    restart();
    if (same) { data = next; layout(); return; }
    const loaded = await loadAll(next);
    if (root.asked !== next) return;
    if (!before || before.width !== next.width || before.height !== next.height) chosen.fit = true;
    root.classList.toggle("on-stage", Boolean(next.zoom));
    if (!before && next.zoom) choose({ mode: "swipe" });
    data = next;
    pictures = loaded;
    fill(gain, GAINS.map((value) => [value, `× ${value}`]), next.gain);
    if (!before) fill(measure, Object.entries(next.heat).map(([key, map]) => [key, map.name]), "de00");
    layout();
    root.dataset.ready = "yes";
    if (before && before.name !== next.name && !next.zoom) root.scrollIntoView({ block: "start", behavior: "smooth" });
  }
  return { show: (next) => { root.asked = next; return show(next); }, detach };
}

export default function (component) {
  const root = component.parentElement.querySelector(".comparison");
  root.viewer ??= makeViewer(root);
  root.viewer.show(component.data);
  return () => root.viewer.detach();
}
