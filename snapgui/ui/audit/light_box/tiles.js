// Tiles, their ticks, and which one was opened. Ticks live here and are told; data brings them only on another occasion, so that the
// pictures, which are large, need not be sent again for each tick.
export default function (component) {
  const { data, parentElement, setStateValue, setTriggerValue } = component;
  const root = parentElement.querySelector(".light-box"), grid = root.querySelector(".tiles");
  const hold = (root.snap ??= { occasion: null, ticked: new Set() });

  const make = (tag, classes, text = "") => {
    const node = document.createElement(tag);
    node.className = classes;
    node.textContent = text;
    return node;
  };

  const show = () => {
    for (const tile of grid.children) {
      const on = hold.ticked.has(tile.dataset.id);
      tile.classList.toggle("ticked", on);
      tile.querySelector("input").checked = on;
    }
  };

  const tell = () => {
    show();
    setStateValue("ticked", { occasion: hold.occasion, ids: [...hold.ticked] });
  };

  function draw(item) {
    const tile = make("div", item.fooled ? "tile" : "tile held"), open = make("button", "open");
    tile.setAttribute("role", "listitem");
    tile.dataset.id = item.id;
    open.type = "button";
    open.setAttribute("aria-label", `Open ${item.name}: ${item.words}`);
    open.title = `${item.name}\n${item.words}`;
    for (const side of ["after", "before"]) {
      if (!item[side]) continue;
      const image = make("img", side);
      image.src = item[side];
      image.alt = "";
      open.append(image);
    }
    open.append(make("span", item.before ? "side there" : "side", "original"));
    open.onclick = (event) => {
      // Focus comes back when the viewer closes, and would leave the original in the place of the altered picture.
      if (event.detail) open.blur();
      setTriggerValue("opened", item.id);
    };
    const words = make("div", "words"), box = make("input", ""), label = make("label", "");
    box.type = "checkbox";
    box.id = `tick-${item.id}`;
    box.setAttribute("aria-label", `Tick ${item.name}`);
    box.onchange = () => {
      if (box.checked) hold.ticked.add(item.id);
      else hold.ticked.delete(item.id);
      tell();
    };
    label.htmlFor = box.id;
    label.append(...item.lines.map((line, place) => make("span", place ? "" : "first", line)));
    words.append(box, label);
    tile.append(open, words);
    return tile;
  }

  // Twice the picture's own size in whole pixels of the screen: at any other size some of its pixels are wider than others.
  const scale = window.devicePixelRatio || 1;
  root.style.setProperty("--tile", `${(data.side * Math.round(2 * scale)) / scale}px`);
  if (hold.occasion !== data.occasion) {
    hold.occasion = data.occasion;
    hold.ticked = new Set(data.ticked);
    grid.replaceChildren(...data.tiles.map(draw));
  }
  show();
}
