// Pictures from data URIs, and those that are made from two of them. All canvases are of the image's own size.

async function loadPicture(uri) {
  const image = new Image();
  image.src = uri;
  await image.decode();
  const canvas = blank(image.naturalWidth, image.naturalHeight);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(image, 0, 0);
  return { canvas, values: context.getImageData(0, 0, canvas.width, canvas.height).data };
}

async function loadAll(data) {
  const pair = async (uris) => Object.fromEntries(
    await Promise.all(Object.entries(uris).map(async ([view, uri]) => [view, await loadPicture(uri)])));
  const heat = await Promise.all(Object.entries(data.heat).map(async ([name, map]) => [name, await loadPicture(map.levels)]));
  const mask = await loadPicture(data.mask);
  return { before: await pair(data.before), after: await pair(data.after), heat: Object.fromEntries(heat), mask, rim: rimOf(mask), made: {} };
}

function blank(width, height) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  return canvas;
}

function paint(width, height, colourAt) {
  const canvas = blank(width, height), context = canvas.getContext("2d");
  const pixels = context.createImageData(width, height);
  for (let i = 0; i < pixels.data.length; i += 4) {
    const [red, green, blue] = colourAt(i);
    pixels.data[i] = red;
    pixels.data[i + 1] = green;
    pixels.data[i + 2] = blue;
    pixels.data[i + 3] = 255;
  }
  context.putImageData(pixels, 0, 0);
  return canvas;
}

// Mid-grey plus gain times the difference: grey is no change. Uint8Clamped keeps it in range.
function differencePicture(pictures, view, gain) {
  const before = pictures.before[view].values, after = pictures.after[view].values, { width, height } = pictures.mask.canvas;
  pictures.made[`difference ${view} ${gain}`] ??= paint(width, height, (i) => [0, 1, 2].map((k) => 128 + gain * (after[i + k] - before[i + k])));
  return pictures.made[`difference ${view} ${gain}`];
}

function heatPicture(pictures, measure, colours) {
  const levels = pictures.heat[measure].values, { width, height } = pictures.mask.canvas;
  pictures.made[`heat ${measure}`] ??= paint(width, height, (i) => colours[levels[i]]);
  return pictures.made[`heat ${measure}`];
}

// The sides that part masked pixels from others, as [x1, y1, x2, y2] in image pixels.
function rimOf(mask) {
  const { width, height } = mask.canvas, rim = [];
  const inside = (x, y) => x >= 0 && y >= 0 && x < width && y < height && mask.values[4 * (y * width + x)] > 127;
  for (let y = 0; y <= height; y += 1) {
    for (let x = 0; x <= width; x += 1) {
      if (inside(x, y) !== inside(x - 1, y)) rim.push([x, y, x, y + 1]);
      if (inside(x, y) !== inside(x, y - 1)) rim.push([x, y, x + 1, y]);
    }
  }
  return rim;
}
