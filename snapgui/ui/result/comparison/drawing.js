// Drawing on the stage. Everything is in screen pixels, not in CSS pixels: so a zoom is a whole number on every screen.

const HEAD = 24, FOOT = 36, GAP = 12, MOST_ZOOM = 40;
// Neutral greys by the theme of the page; the picture itself is never changed.
let INK = "#161616", SURROUND = "#c6c6c6";

function takeGreys(root) {
  INK = getComputedStyle(root).color;
  const [red] = INK.match(/\d+/g).map(Number);
  SURROUND = red > 127 ? "#2e2e2e" : "#c6c6c6";
}
const LENGTHS_UM = [1, 2, 5, 10, 20, 50, 100, 200, 500];

function panesOf(single, width, height, scale) {
  const band = { y: Math.round(HEAD * scale), h: height - Math.round(HEAD * scale) - Math.round(FOOT * scale) };
  if (single) return [{ x: 0, w: width, ...band }];
  const half = Math.floor((width - GAP * scale) / 2);
  return [{ x: 0, w: half, ...band }, { x: width - half, w: half, ...band }];
}

function fittingZoom(panes, width, height) {
  return Math.max(1, Math.min(MOST_ZOOM, ...panes.map((pane) => Math.floor(Math.min(pane.w / width, pane.h / height)))));
}

function cornerOf(pane, place) {
  return [Math.round(pane.x + pane.w / 2 - place.x * place.zoom), Math.round(pane.y + pane.h / 2 - place.y * place.zoom)];
}

function imagePointAt(pane, place, x, y) {
  const [left, top] = cornerOf(pane, place);
  return [(x - left) / place.zoom, (y - top) / place.zoom];
}

function clipped(context, x, y, w, h, draw) {
  context.save();
  context.beginPath();
  context.rect(x, y, w, h);
  context.clip();
  draw();
  context.restore();
}

function drawPicture(context, pane, place, picture) {
  const [left, top] = cornerOf(pane, place);
  context.imageSmoothingEnabled = false;
  context.drawImage(picture, left, top, picture.width * place.zoom, picture.height * place.zoom);
}

function drawRim(context, pane, place, rim, scale) {
  const [left, top] = cornerOf(pane, place);
  context.beginPath();
  for (const [x1, y1, x2, y2] of rim) {
    context.moveTo(left + x1 * place.zoom, top + y1 * place.zoom);
    context.lineTo(left + x2 * place.zoom, top + y2 * place.zoom);
  }
  context.lineCap = "square";
  stroke(context, scale);
}

function stroke(context, scale) {
  context.strokeStyle = "#ffffff";
  context.lineWidth = 3 * scale;
  context.stroke();
  context.strokeStyle = "#000000";
  context.lineWidth = scale;
  context.stroke();
}

// Words stand at the left edge of the picture, or of its pane where that is further right.
function leftEdge(pane, place, scale) {
  return Math.min(Math.max(pane.x, cornerOf(pane, place)[0]), pane.x + pane.w / 3) + 2 * scale;
}

function drawTitle(context, pane, place, words, font, scale) {
  context.fillStyle = INK;
  context.font = `600 ${13 * scale}px ${font}`;
  context.textAlign = "left";
  context.textBaseline = "middle";
  clipped(context, pane.x, 0, pane.w, pane.y, () => context.fillText(words, leftEdge(pane, place, scale), pane.y / 2));
}

function drawScaleBar(context, pane, place, umPerPx, font, scale) {
  const longest = Math.min(pane.w, pane.h) * 0.3;
  const lengthUm = LENGTHS_UM.filter((um) => (um / umPerPx) * place.zoom <= longest).at(-1) ?? LENGTHS_UM[0];
  const y = pane.y + pane.h + 9 * scale, left = leftEdge(pane, place, scale), length = Math.round((lengthUm / umPerPx) * place.zoom);
  context.fillStyle = INK;
  context.fillRect(left, y, length, 4 * scale);
  context.font = `${12 * scale}px ${font}`;
  context.textAlign = "left";
  context.textBaseline = "top";
  context.fillText(`${lengthUm} µm`, left, y + 7 * scale);
}

function drawColourBar(context, pane, heat, colours, font, scale) {
  const width = Math.round(pane.w * 0.42), left = pane.x + pane.w - width - 14 * scale, y = pane.y + pane.h + 7 * scale;
  for (let k = 0; k < width; k += 1) {
    context.fillStyle = `rgb(${colours[Math.floor((k / width) * 256)].join(" ")})`;
    context.fillRect(left + k, y, 1, 9 * scale);
  }
  context.fillStyle = INK;
  context.font = `${11 * scale}px ${font}`;
  context.textBaseline = "top";
  context.textAlign = "center";
  for (const tick of heat.ticks) {
    const last = tick === heat.top && heat.top !== 1;
    const x = left + Math.round((tick / heat.top) * width);
    context.fillRect(Math.min(x, left + width - 1), y + 9 * scale, scale, 3 * scale);
    context.fillText(last ? `${tick} +` : String(tick), x, y + 13 * scale);
  }
  context.textAlign = "right";
  context.fillText(heat.name, left - 8 * scale, y + 1 * scale);
}

function drawLine(context, pane, share, scale) {
  const x = Math.round(pane.x + share * pane.w);
  context.beginPath();
  context.moveTo(x + 0.5, pane.y);
  context.lineTo(x + 0.5, pane.y + pane.h);
  stroke(context, scale);
  context.beginPath();
  context.arc(x + 0.5, pane.y + pane.h / 2, 7 * scale, 0, 2 * Math.PI);
  context.fillStyle = "#ffffff";
  context.fill();
  stroke(context, scale);
}
