const element = (tag, name, text) => {
  const made = document.createElement(tag);
  if (name) made.className = name;
  if (text !== undefined) made.textContent = text;
  return made;
};

const picture = (uri, words) => {
  if (!uri) return element("span", "", `${words}: the picture is damaged`);
  const image = element("img");
  Object.assign(image, { src: uri, alt: words, title: words, draggable: false });
  return image;
};

function rowOf(run) {
  const row = element("li"), tick = element("label"), box = element("input"), open = element("button");
  row.dataset.id = run.id;
  Object.assign(box, { type: "checkbox", title: "Tick two runs to see them side by side" });
  box.setAttribute("aria-label", `Compare ${run.name}`);
  tick.append(box);
  open.type = "button";
  open.title = run.title;
  open.setAttribute("aria-label", `Open ${run.name}`);
  const pair = element("div", "pair"), words = element("div", "words"), chips = element("div", "chips");
  pair.append(picture(run.before, "Before"), picture(run.after, "After"));
  chips.append(element("span", run.fooled ? "on" : "", run.outcome), ...run.tags.map((tag) => element("span", "", tag)));
  words.append(element("div", "name", run.name), element("div", "answers", run.first), element("div", "answers", run.second), chips, element("div", "faint", run.cost));
  open.append(pair, words);
  const inner = element("div", "row");
  inner.append(tick, open);
  row.append(inner);
  return row;
}

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const root = parentElement.querySelector(".rows");
  const shown = JSON.stringify(data.runs.map(({ before, after, ...words }) => words));
  if (root.dataset.shown !== shown) {
    const fresh = root.dataset.shown && root.dataset.page !== String(data.page);
    root.replaceChildren(...data.runs.map(rowOf));
    if (fresh) root.scrollTop = 0;
    Object.assign(root.dataset, { shown, page: data.page });
  }
  const rows = [...root.children];
  for (const row of rows) {
    const open = row.querySelector("button"), box = row.querySelector("input");
    row.classList.toggle("open", row.dataset.id === data.opened);
    open.setAttribute("aria-current", String(row.dataset.id === data.opened));
    box.checked = data.ticked.includes(row.dataset.id);
    open.onclick = () => setTriggerValue("opened", row.dataset.id);
    box.onchange = () => setTriggerValue("ticked", row.dataset.id);
  }
  const chosen = root.querySelector("li.open");
  if (chosen && root.dataset.chosen !== chosen.dataset.id) {
    root.dataset.chosen = chosen.dataset.id;
    const list = root.getBoundingClientRect(), place = chosen.getBoundingClientRect();
    if (place.top < list.top) root.scrollTop += place.top - list.top - 8;
    if (place.bottom > list.bottom) root.scrollTop += place.bottom - list.bottom + 8;
  }
  // Arrow keys walk along the list, where no picture or field has its own use for them.
  const walk = (event) => {
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key], from = event.composedPath()[0];
    if (!step || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (from !== document.body && !root.contains(from)) return;
    const at = rows.findIndex((row) => row.contains(from) || (from === document.body && row.classList.contains("open")));
    const next = rows[at + step];
    if (!next) return;
    event.preventDefault();
    next.querySelector("button").focus({ preventScroll: true });
    next.querySelector("button").click();
  };
  document.addEventListener("keydown", walk);
  return () => document.removeEventListener("keydown", walk);
}
