/** A drawing becomes what a model of MNIST knows. The same as vit_tutorial/data/ink.py, where each step is explained; a test compares them. */

export const FIELD = 28, BOX = 20, ENLARGED = 4;

/** @param ink [wide * high], 0 to 255, row by row -> Uint8Array [28 * 28]: the ink fills 20 x 20, its centre of mass is the centre. */
export function prepareInk(ink, wide, high) {
  const field = new Uint8Array(FIELD * FIELD);
  let [top, left, bottom, right] = [high, wide, -1, -1];
  for (let y = 0; y < high; y++) {
    for (let x = 0; x < wide; x++) {
      if (!ink[y * wide + x]) continue;
      bottom = y + 1;
      if (y < top) top = y;
      if (x < left) left = x;
      if (x >= right) right = x + 1;
    }
  }
  if (bottom < 0) return field;
  const step = Math.max(Math.max(bottom - top, right - left) / BOX, Math.max(wide, high) / (FIELD * ENLARGED));
  const rows = Math.ceil((bottom - top) / step), columns = Math.ceil((right - left) / step);
  const down = means(top, step, rows, high), across = means(left, step, columns, wide);
  const small = down.map((row) => across.map((column) => {
    let sum = 0;
    for (const [y, a] of row) for (const [x, b] of column) sum += a * b * ink[y * wide + x];
    return sum;
  }));
  const y0 = shift(small.map((row) => row.reduce((a, b) => a + b)));
  const x0 = shift(across.map((_, x) => small.reduce((sum, row) => sum + row[x], 0)));
  small.forEach((row, y) => row.forEach((value, x) => { field[(y0 + y) * FIELD + x0 + x] = Math.floor(value + 0.5); }));
  return field;
}

/** For each of `count` stretches of length `step`: [pixel, its share] of the n pixels under it. */
function means(start, step, count, n) {
  return Array.from({ length: count }, (_, i) => {
    const [from, to] = [start + step * i, start + step * (i + 1)], parts = [];
    for (let k = Math.floor(from); k < Math.min(to, n); k++) parts.push([k, (Math.min(to, k + 1) - Math.max(from, k)) / step]);
    return parts;
  });
}

/** Whole pixels that bring the centre of `mass` [n] nearest to pixel 14, with all n inside the field. */
function shift(mass) {
  const centre = mass.reduce((sum, m, i) => sum + m * i, 0) / mass.reduce((a, b) => a + b);
  return Math.min(Math.max(Math.floor(FIELD / 2 - centre + 0.5), 0), FIELD - mass.length);
}
