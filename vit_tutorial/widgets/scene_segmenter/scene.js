/** A scene: digits laid down one after the other on black, turned, and the reader's own ink; with the class of every pixel. scene.py says the same. */

export const SIDE = 8, INK = 64, VOID = 255; // pixels of a digit; a pixel is part of a digit from this ink on; a pixel without a truth
const BOX = 12, MIDDLE = (BOX - 1) / 2, OFFSET = (BOX - SIDE) / 2; // of a turned digit: its diagonal fits

/** 64 letters '0' to 'g', seventeen levels of ink -> Uint8 [8 8]. */
export const readInk = (text) => Uint8Array.from(text, (letter) => Math.round((parseInt(letter, 17) * 255) / 16));

/** A digit's ink turned clockwise by `angle` degrees around its middle, interpolated bilinearly: Uint8 [12 12], two pixels more on each side. */
export function turned(ink, angle) {
  const out = new Uint8Array(BOX * BOX), cos = Math.cos((angle * Math.PI) / 180), sin = Math.sin((angle * Math.PI) / 180);
  const at = (y, x) => (x >= 0 && y >= 0 && x < SIDE && y < SIDE ? ink[y * SIDE + x] : 0);
  for (let i = 0; i < out.length; i++) {
    const dx = (i % BOX) - MIDDLE, dy = ((i / BOX) | 0) - MIDDLE;
    const x = cos * dx + sin * dy + MIDDLE - OFFSET, y = cos * dy - sin * dx + MIDDLE - OFFSET;
    const left = Math.floor(x), top = Math.floor(y), u = x - left, v = y - top;
    const above = (1 - u) * at(top, left) + u * at(top, left + 1), below = (1 - u) * at(top + 1, left) + u * at(top + 1, left + 1);
    out[i] = Math.round((1 - v) * above + v * below);
  }
  return out;
}

/**
 * Digits [{ digit, row, column, angle }] in the order they are laid down -> { pixels, truth, owner }, each [H W].
 *
 * A pixel that a digit claims (its ink is at least INK) shows that digit's ink; a pixel that none claims shows the strongest ink there. `truth`
 * is the class, 0 for background; the reader's own ink (`drawn` [H W]) lies on top and its class is not known: VOID. `owner` is the number
 * of the digit in the list, or -1.
 */
export function compose(digits, palette, drawn, { height, width }) {
  const pixels = new Uint8Array(height * width), truth = new Uint8Array(height * width), owner = new Int8Array(height * width).fill(-1);
  digits.forEach(({ digit, row, column, angle }, number) => {
    const ink = turned(palette[digit].ink, angle);
    for (let i = 0; i < ink.length; i++) {
      const y = row - OFFSET + ((i / BOX) | 0), x = column - OFFSET + (i % BOX), p = y * width + x;
      if (y < 0 || x < 0 || y >= height || x >= width) continue;
      if (ink[i] >= INK) [pixels[p], truth[p], owner[p]] = [ink[i], palette[digit].kind + 1, number];
      else pixels[p] = Math.max(pixels[p], ink[i]);
    }
  });
  drawn?.forEach((ink, p) => {
    if (ink >= INK) [pixels[p], truth[p], owner[p]] = [ink, VOID, -1];
    else pixels[p] = Math.max(pixels[p], ink);
  });
  return { pixels, truth, owner };
}

/** Some digits at places where they cover each other little; `random()` gives numbers in [0, 1). */
export function randomScene(palette, { height, width }, random = Math.random) {
  const below = (n) => Math.floor(random() * n), digits = [], wanted = 3 + below(3);
  for (let tries = 0; digits.length < wanted && tries < 200; tries++) {
    const next = { digit: below(palette.length), row: below(height - SIDE + 1), column: below(width - SIDE + 1), angle: 0 };
    if (digits.every(({ row, column }) => Math.max(Math.abs(row - next.row), Math.abs(column - next.column)) >= 6)) digits.push(next);
  }
  return digits;
}

/** Of a mask and its truth, VOID left out: { right, miou, background, iou [K] }, shares; iou is NaN of a class that is in neither. */
export function scores(mask, truth, K) {
  const both = new Float64Array(K), either = new Float64Array(K);
  let counted = 0, right = 0, background = 0;
  truth.forEach((t, p) => {
    if (t === VOID) return;
    counted++;
    either[t]++;
    if (t === 0) background++;
    if (mask[p] === t) [right, both[t]] = [right + 1, both[t] + 1];
    else either[mask[p]]++;
  });
  const iou = Array.from(both, (n, k) => n / either[k]), there = iou.filter((x) => !Number.isNaN(x));
  return { right: right / counted, miou: there.reduce((a, b) => a + b, 0) / there.length, background: background / counted, iou };
}
