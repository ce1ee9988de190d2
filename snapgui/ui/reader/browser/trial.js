// One trial after another at one place of the page. The order of a trial:
//   blank, (look: a cross until Space, fixation, exposed, noise,) answer, (where,) (comment,) sent, (told)
// Only what the server sends is known here; every answer is kept in the browser until the server has moved on from it.

const BLANK_MS = 400, FIXATION_MS = 500, NOISE_MS = 400, RESEND_MS = 3000, SLOW_MS = 2000;
const LARGEST_ZOOM = 4; // CSS pixels to a pixel of the picture where the screen was not measured
const INK = [[236, 222, 232], [222, 168, 200], [196, 128, 176], [150, 96, 160], [96, 60, 130], [60, 36, 96]];
const SVG = "http://www.w3.org/2000/svg";

export default function (component) {
  const { parentElement, data, setTriggerValue } = component;
  parentElement.snapTrial ??= makeRunner(parentElement);
  parentElement.snapTrial.receive(data, setTriggerValue);
  return parentElement.snapTrial.leave;
}

function makeRunner(root) {
  const find = (name) => root.querySelector(name);
  const [count, filled, question, stage, fixation, keys, comment, hint] =
    [".count", ".filled", ".question", ".stage", ".fixation", ".keys", ".comment", ".hint"].map(find);
  const panes = [...root.querySelectorAll(".pane")];
  let data = null, send = null, phase = "none", images = [], noise = [], answer = null, onset = 0, cross = null, screen = {}, refused = 0;
  let timers = [], turn = 0, feedback = null, next = null, notice = "";

  // The phase stands on the page as well, for the style and for tests.
  function enter(name) {
    phase = name;
    Object.assign(find(".trial").dataset, { phase: name, trial: data.trial });
  }

  // --- Pictures -------------------------------------------------------------------------------------------------------

  const ratio = () => window.devicePixelRatio || 1;

  function fit() {
    const { naturalWidth: width, naturalHeight: height } = images[0];
    const room = find(".trial").clientWidth - (images.length - 1) * 32;
    const rest = find(".trial").clientHeight - stage.clientHeight + 80; // what stands around the trial
    const most = Math.min((room * ratio()) / (images.length * width), ((window.innerHeight - rest) * ratio()) / height);
    const largest = data.largest_px ? Math.floor((data.largest_px * ratio()) / Math.max(width, height)) : Math.round(LARGEST_ZOOM * ratio());
    const zoom = Math.max(1, Math.min(Math.floor(most), largest));
    panes.forEach((pane, i) => {
      pane.hidden = i >= images.length;
      const canvas = pane.firstChild;
      if (canvas.width !== width * zoom || canvas.height !== height * zoom) {
        canvas.width = width * zoom;
        canvas.height = height * zoom;
      }
      canvas.style.width = (width * zoom) / ratio() + "px";
      canvas.style.height = (height * zoom) / ratio() + "px";
      pane.lastChild.setAttribute("viewBox", `0 0 ${width} ${height}`);
    });
    snap();
    return zoom;
  }

  // Whole screen pixels, or the picture's own pixels would come out in two sizes.
  function snap() {
    panes.forEach((pane) => { pane.style.transform = ""; });
    for (const pane of panes) {
      const place = pane.getBoundingClientRect();
      const off = (value) => Math.round(value * ratio()) / ratio() - value;
      pane.style.transform = `translate(${off(place.left)}px, ${off(place.top)}px)`;
    }
  }

  const brushes = () => panes.slice(0, images.length).map((pane) => pane.firstChild.getContext("2d"));
  const clear = () => panes.forEach((pane) => pane.firstChild.getContext("2d").clearRect(0, 0, 1e5, 1e5));
  function paint() {
    brushes().forEach((brush, i) => {
      brush.imageSmoothingEnabled = false;
      brush.drawImage(images[i], 0, 0, brush.canvas.width, brush.canvas.height);
    });
  }
  // A pattern of the colours of the stain, the same whatever is shown; made beforehand, since it takes a few milliseconds.
  function makeNoise() {
    return brushes().map(({ canvas }) => {
      const brush = Object.assign(document.createElement("canvas"), { width: canvas.width, height: canvas.height }).getContext("2d");
      for (const size of [24, 12, 4]) {
        const step = size * Math.max(1, Math.round(ratio()));
        for (let y = 0; y < canvas.height; y += step) {
          for (let x = 0; x < canvas.width; x += step) {
            if (size < 24 && Math.random() < 0.4) continue;
            brush.fillStyle = `rgb(${INK[Math.floor(Math.random() * INK.length)]})`;
            brush.fillRect(x, y, step, step);
          }
        }
      }
      return brush.canvas;
    });
  }
  function draw(i, ...paths) {
    const svg = panes[i].lastChild;
    svg.replaceChildren(...paths.flatMap((path) => ["under", "over"].map((layer) => {
      const line = document.createElementNS(SVG, "path");
      line.setAttribute("d", path);
      line.setAttribute("class", layer);
      return line;
    })));
  }
  const drawCross = () =>
    draw(0, `M${cross.x - 8} ${cross.y}h6m4 0h6M${cross.x} ${cross.y - 8}v6m0 4v6`);

  // --- Time -----------------------------------------------------------------------------------------------------------

  // The time of a frame lies on the scale of performance.now() and of event.timeStamp.
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  const later = (ms, act) => timers.push(setTimeout(act, ms));
  const stopTimers = () => { timers.forEach(clearTimeout); timers = []; };

  // Frames until so many ms are over, half a frame early so that the last one is not one too many; gives the last one's time.
  async function wait(start, ms, length, mine) {
    let now = start;
    while (now - start < ms - length / 2) {
      now = await frame();
      if (mine !== turn) throw "over";
    }
    return now;
  }

  async function measureFrame(ms, mine) {
    let last = await frame();
    const start = last, gaps = [];
    while (last - start < ms || gaps.length < 5) {
      const now = await frame();
      if (mine !== turn) throw "over";
      gaps.push(now - last);
      last = now;
    }
    gaps.sort((a, b) => a - b);
    return { length: gaps[Math.floor(gaps.length / 2)], now: last };
  }

  // --- A trial --------------------------------------------------------------------------------------------------------

  async function begin(trial) {
    const mine = ++turn;
    stopTimers();
    data = trial; enter("blank"); answer = null; cross = null; feedback = null;
    clear();
    panes.forEach((_, i) => draw(i));
    fixation.style.visibility = "hidden";
    stage.classList.remove("aiming");
    comment.style.display = "none";
    keys.style.display = "";
    count.textContent = `${data.practice ? "Practice " : ""}${data.done + 1} of ${data.total}`;
    filled.style.width = `${(100 * data.done) / data.total}%`;
    say("");
    showKeys();
    try {
      images = await Promise.all(data.pictures.map(load));
      if (mine !== turn) return;
      const zoom = fit();
      question.textContent = data.exposure_ms ? "" : data.ask.title;
      const { length, now } = await measureFrame(BLANK_MS, mine);
      screen = { trial: data.trial, frame_ms: length, zoom, device_pixel_ratio: ratio(), hidden: document.hidden };
      if (data.exposure_ms) { look(); return; }
      // Painted within a frame's callback, and so to be seen from that frame on.
      snap();
      onset = now;
      paint();
      ask();
    } catch (reason) {
      if (reason !== "over") { enter("none"); say("This picture could not be shown. Reload the page to continue."); }
    }
  }

  async function load(uri) {
    const image = new Image();
    image.src = uri;
    await image.decode();
    return image;
  }

  function look() {
    enter("look");
    snap();
    noise = makeNoise();
    question.textContent = "Look at the cross";
    fixation.style.visibility = "visible";
    say("Space shows the picture.");
  }

  async function expose() {
    const mine = turn, length = screen.frame_ms;
    enter("exposed");
    say("");
    try {
      onset = await wait(await frame(), FIXATION_MS, length, mine);
      fixation.style.visibility = "hidden";
      paint();
      const end = await wait(onset, data.exposure_ms, length, mine);
      brushes().forEach((brush, i) => brush.drawImage(noise[i], 0, 0));
      Object.assign(screen, { asked_ms: data.exposure_ms, shown_ms: end - onset, hidden: screen.hidden || document.hidden });
      send("shown", screen);
      await wait(end, NOISE_MS, length, mine);
      clear();
      question.textContent = data.ask.title;
      ask();
    } catch (reason) {
      if (reason !== "over") throw reason;
    }
  }

  function ask() {
    enter("answer"); answer = null; cross = null;
    comment.style.display = "none";
    keys.style.display = "";
    stage.classList.remove("aiming");
    draw(0);
    say(notice);
    showKeys();
  }

  const rated = () => data.ask.options.length > 2;

  function choose(i, time) {
    if (phase !== "answer" || i >= data.ask.options.length) return;
    const second = rated() ? i >= 3 : i === 1;
    answer = {
      trial: data.trial, choice: data.ask.choices[second ? 1 : 0], rating: rated() ? i + 1 : null, x: null, y: null,
      reaction_ms: Math.max(0, time - onset), shown_ms: data.exposure_ms ? screen.shown_ms : null, comment: "",
    };
    showKeys(i);
    if (data.ask.where && second) aim();
    else if (data.ask.comment) remark();
    else deliver();
  }

  function aim() {
    enter("where");
    cross = { x: images[0].naturalWidth / 2, y: images[0].naturalHeight / 2 };
    stage.classList.add("aiming");
    drawCross();
    say(data.ask.where);
  }

  function place(x, y) {
    const edge = (value, size) => Math.min(Math.max(value, 0), size - 0.001);
    cross = { x: edge(x, images[0].naturalWidth), y: edge(y, images[0].naturalHeight) };
    drawCross();
  }

  function locate() {
    answer.x = cross.x;
    answer.y = cross.y;
    stage.classList.remove("aiming");
    if (data.ask.comment) remark(); else deliver();
  }

  function remark() {
    enter("comment");
    comment.value = "";
    keys.style.display = "none";
    comment.style.display = "block";
    say(data.ask.comment);
    comment.focus();
  }

  // --- Sending --------------------------------------------------------------------------------------------------------

  const unsent = () => `snap-unsent-${data.session}`;
  // Of a preview nothing is kept, here neither.
  const keep = (value) => { if (!data.preview) try { localStorage.setItem(unsent(), JSON.stringify(value)); } catch { /* private windows */ } };
  const kept = () => { try { return JSON.parse(localStorage.getItem(unsent())); } catch { return null; } };
  const drop = () => { try { localStorage.removeItem(unsent()); } catch { /* private windows */ } };

  function deliver() {
    answer.comment = comment.style.display === "block" ? comment.value.trim() : "";
    answer.screen = screen;
    comment.blur();
    keep(answer);
    // With feedback to come the picture stays; otherwise an empty stage says that the answer was taken.
    if (!data.practice) { clear(); panes.forEach((_, i) => draw(i)); }
    deliverKept();
  }

  function deliverKept() {
    enter("sent");
    stopTimers();
    say("");
    later(SLOW_MS, () => say("The answer is on its way; it is kept in this browser until it has arrived."));
    const again = () => { send("answer", answer); later(RESEND_MS, again); };
    again();
  }

  function receive(fresh, setTriggerValue) {
    send = setTriggerValue;
    // Adding the same listener again changes nothing.
    document.addEventListener("keydown", onKey, true);
    document.addEventListener("visibilitychange", onHide);
    window.addEventListener("resize", onResize);
    const same = data && data.session === fresh.session && data.trial === fresh.trial;
    if (same && fresh.refused === refused) return;
    const told = data && fresh.feedback && fresh.feedback.trial === data.trial && phase === "sent";
    refused = fresh.refused;
    if (told) { tell(fresh); return; }
    const first = !data;
    data = fresh;
    const old = kept();
    if (first && old && old.trial === fresh.trial && !refused) {
      // Given before a reload and not yet heard by the server.
      answer = old;
      deliverKept();
      return;
    }
    drop();
    notice = same ? "The answer could not be kept. Please give it again." : "";
    begin(fresh);
  }

  function tell(fresh) {
    stopTimers();
    drop();
    if (!images.length) { begin(fresh); return; }
    enter("told");
    feedback = fresh.feedback;
    next = fresh;
    if (data.exposure_ms) paint();
    draw(0);
    feedback.outlines.forEach((path, i) => { if (path) draw(i, path); });
    comment.style.display = "none";
    keys.style.display = "";
    say(feedback.words, true);
    keys.style.visibility = "visible";
    button("continue", "Enter", proceed);
  }

  function proceed() {
    notice = "";
    if (phase === "told") begin(next);
  }

  // --- Keys and mouse -------------------------------------------------------------------------------------------------

  function say(words, told = false) {
    hint.textContent = words;
    hint.classList.toggle("told", told);
  }

  function button(words, key, act) {
    const element = document.createElement("button");
    element.type = "button";
    element.tabIndex = -1;
    const name = document.createElement("b");
    name.textContent = key;
    element.append(name, words);
    element.onclick = (event) => { element.blur(); act(event); };
    keys.replaceChildren(element);
    return element;
  }

  function showKeys(chosen = -1) {
    const names = rated() ? ["1", "2", "3", "4", "5", "6"] : ["←", "→"];
    const shown = data.ask.options.map((words, i) => {
      const element = button(words, names[i], (event) => choose(i, event.timeStamp));
      element.disabled = phase !== "answer" || chosen >= 0;
      element.classList.toggle("chosen", i === chosen);
      return element;
    });
    keys.replaceChildren(...shown);
    keys.style.visibility = data.exposure_ms && !["answer", "sent"].includes(phase) ? "hidden" : "visible";
  }

  function onKey(event) {
    const at = event.composedPath()[0];
    if (event.ctrlKey || event.altKey || event.metaKey || document.querySelector('[data-testid="stPopoverBody"]')) return;
    if (at === comment) {
      if (event.key === "Enter" && !event.shiftKey && phase === "comment" && !event.isComposing) { take(event); deliver(); }
      if (event.key === "Escape" && phase === "comment") { take(event); ask(); }
      return;
    }
    if (/^(INPUT|TEXTAREA|SELECT)$/.test(at.tagName) || at.isContentEditable) return;
    const elsewhere = at.closest?.("button, a, summary") && !root.contains(at);
    if (elsewhere && ["Enter", " "].includes(event.key)) return;
    if (phase === "where" && event.key.startsWith("Arrow")) {
      const step = event.shiftKey ? 8 : 2;
      const [x, y] = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[event.key];
      take(event);
      place(cross.x + x, cross.y + y);
      return;
    }
    if (event.repeat) { if (/^([1-6 ]|Enter|Arrow.*)$/.test(event.key)) take(event); return; }
    if (phase === "answer" && rated() && /^[1-6]$/.test(event.key)) { take(event); choose(Number(event.key) - 1, event.timeStamp); }
    else if (phase === "answer" && !rated() && ["ArrowLeft", "ArrowRight"].includes(event.key)) { take(event); choose(event.key === "ArrowLeft" ? 0 : 1, event.timeStamp); }
    else if (phase === "where" && ["Enter", " "].includes(event.key)) { take(event); locate(); }
    else if (phase === "where" && event.key === "Escape") { take(event); ask(); }
    else if (phase === "look" && event.key === " ") { take(event); expose(); }
    else if (phase === "told" && ["Enter", " "].includes(event.key)) { take(event); proceed(); }
    else if (/^([1-6 ]|Arrow.*)$/.test(event.key)) {
      take(event);
      // Before the picture stands nothing can be said of it: the key does not count, and the reader sees that.
      if (phase === "blank") say("Too early: keys count once the picture is there.");
    }
  }
  const take = (event) => { event.preventDefault(); event.stopPropagation(); };

  panes[0].firstChild.addEventListener("click", (event) => {
    if (phase !== "where") return;
    const box = panes[0].firstChild.getBoundingClientRect();
    place(((event.clientX - box.left) / box.width) * images[0].naturalWidth, ((event.clientY - box.top) / box.height) * images[0].naturalHeight);
    locate();
  });
  const onHide = () => { if (document.hidden && ["exposed", "answer"].includes(phase)) screen.hidden = true; };
  const onResize = () => {
    if (!images.length || phase === "exposed") return;
    screen.zoom = fit();
    if ((["answer", "where", "comment"].includes(phase) && !data.exposure_ms) || phase === "told") paint();
  };

  function leave() {
    turn++;
    stopTimers();
    document.removeEventListener("keydown", onKey, true);
    document.removeEventListener("visibilitychange", onHide);
    window.removeEventListener("resize", onResize);
  }

  return { receive, leave };
}
