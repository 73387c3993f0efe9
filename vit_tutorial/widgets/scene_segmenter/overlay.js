/** A mask laid over a picture: a colour a class, stripes where colours repeat, a line around each region and its class written on it. */

/** Okabe and Ito's colours without black, as in vit_tutorial/figures/style.py; the first class, background, has none. */
export const CATEGORIES = ['#0072b2', '#e69f00', '#009e73', '#d55e00', '#56b4e9', '#cc79a7', '#f0e442'];
const VOID = 255, SMALLEST = 0.004, STRIPE = 12; // share of the picture from which a region is named; pixels of the canvas

/** { colour, striped } of class k from 1 on: from the eighth on the colours come again, striped. */
export const lookOf = (k) => ({ colour: CATEGORIES[(k - 1) % CATEGORIES.length], striped: Math.floor((k - 1) / CATEGORIES.length) % 2 === 1 });

/** The CSS background of a class's sample in a legend. */
export function sample(k) {
  if (k === 0) return 'transparent';
  const { colour, striped } = lookOf(k);
  return striped ? `repeating-linear-gradient(135deg, ${colour} 0 4px, color-mix(in srgb, ${colour} 35%, #fff) 4px 7px)` : colour;
}

/** '#rrggbb' mixed with white -> a pixel of ImageData as one number (little-endian: alpha, blue, green, red). */
function word(hex, white = 0) {
  const [r, g, b] = [1, 3, 5].map((i) => Math.round(parseInt(hex.slice(i, i + 2), 16) * (1 - white) + 255 * white));
  return ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
}

/** A painter of masks [height, width] on a canvas of its own, `scale` pixels a pixel: paint(mask, hidden class or -1) -> the canvas. */
export function createPainter(height, width, scale) {
  const canvas = Object.assign(document.createElement('canvas'), { width: width * scale, height: height * scale });
  const pen = canvas.getContext('2d'), image = pen.createImageData(canvas.width, canvas.height), words = new Uint32Array(image.data.buffer);
  const table = new Map(), line = word('#ffffff'), grey = word('#8a8f98');
  const coloursOf = (k) => {
    if (!table.has(k)) table.set(k, k === VOID ? [grey, 0] : [word(lookOf(k).colour), word(lookOf(k).colour, lookOf(k).striped ? 0.65 : 0)]);
    return table.get(k);
  };
  return (mask) => {
    for (let y = 0, p = 0; y < height; y++) {
      for (let x = 0; x < width; x++, p++) {
        const k = mask[p], [full, light] = k ? coloursOf(k) : [0, 0];
        const left = x > 0 && mask[p - 1] !== k, above = y > 0 && mask[p - width] !== k;
        for (let dy = 0; dy < scale; dy++) {
          let at = (y * scale + dy) * canvas.width + x * scale;
          for (let dx = 0; dx < scale; dx++, at++) {
            const edge = (left && dx < 2) || (above && dy < 2);
            words[at] = edge ? line : (x * scale + dx + y * scale + dy) % STRIPE < STRIPE / 2 ? full : light;
          }
        }
      }
    }
    pen.putImageData(image, 0, 0);
    return canvas;
  };
}

/** The regions of a mask, 4-connected, large enough to be named: [{ kind, pixels, row, column }], the place nearest to a region's middle. */
export function regions(mask, height, width) {
  const seen = new Uint8Array(mask.length), found = [], stack = [];
  for (let start = 0; start < mask.length; start++) {
    if (seen[start] || mask[start] === 0 || mask[start] === VOID) continue;
    const kind = mask[start], own = [];
    seen[start] = 1;
    stack.push(start);
    while (stack.length) {
      const p = stack.pop(), x = p % width;
      own.push(p);
      for (const q of [x > 0 ? p - 1 : -1, x < width - 1 ? p + 1 : -1, p - width, p + width]) {
        if (q >= 0 && q < mask.length && !seen[q] && mask[q] === kind) { seen[q] = 1; stack.push(q); }
      }
    }
    if (own.length < SMALLEST * mask.length) continue;
    const mean = (of) => own.reduce((sum, p) => sum + of(p), 0) / own.length, row = mean((p) => Math.floor(p / width)), column = mean((p) => p % width);
    const far = (p) => Math.hypot(Math.floor(p / width) - row, (p % width) - column);
    const at = own.reduce((best, p) => (far(p) < far(best) ? p : best));
    found.push({ kind, pixels: own.length, row: Math.floor(at / width), column: at % width });
  }
  return found;
}

/** Writes the name of its class on each region, `scale` pixels of the canvas a pixel of the mask; with `apart` none over one of a larger region. */
export function writeNames(pen, mask, height, width, names, scale, size, apart = false) {
  const written = [];
  Object.assign(pen, { font: `600 ${size}px system-ui, "DejaVu Sans", sans-serif`, textAlign: 'center', textBaseline: 'middle' });
  for (const { kind, row, column } of regions(mask, height, width).sort((a, b) => b.pixels - a.pixels)) {
    const text = names[kind], half = pen.measureText(text).width / 2 + size / 4, tall = size * 0.62;
    const x = Math.max(half, Math.min(pen.canvas.width - half, (column + 0.5) * scale)), y = Math.max(tall, Math.min(pen.canvas.height - tall, (row + 0.5) * scale));
    if (apart && written.some((other) => Math.abs(other.x - x) < other.half + half && Math.abs(other.y - y) < 2 * tall)) continue;
    written.push({ x, y, half });
    Object.assign(pen, { fillStyle: 'rgb(255 255 255 / 0.9)', strokeStyle: '#1d2129', lineWidth: 1.5 });
    pen.beginPath();
    pen.roundRect(x - half, y - tall, 2 * half, 2 * tall, size / 6);
    pen.fill();
    pen.stroke();
    pen.fillStyle = '#1d2129';
    pen.fillText(text, x, y + size * 0.05);
  }
}
