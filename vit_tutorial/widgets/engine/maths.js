/** LayerNorm, GELU and softmax on rows of numbers. */

/** 2^x for |x| <= 1/2 as a polynomial in x, the highest power first (kernel.wat); off by at most 1e-8. */
const EXP2 = [1.5469732e-4, 1.3400433e-3, 9.6180253e-3, 5.5503272e-2, 2.4022651e-1, 6.9314718e-1, 1];

/**
 * Phi(-z) = exp(-z^2 / 2) t (a polynomial in t), t = 1 / (1 + 0.4 z), for z >= 0: the form of Hastings (Abramowitz and Stegun 1964,
 * 7.1.26), with coefficients, the highest power first, for which z Phi(-z) is off by at most 6e-9.
 */
const SLOPE = 0.4, TAIL = [0.0574313253, -0.258483917, 0.345139027, 0.00934689026, 0.190045789, 0.156521291];

/** What kernel.wat reads from the start of its memory. */
export const CONSTANTS = [...EXP2, 2 ** 23 + 127, Math.LOG2E, SLOPE, -Math.LOG2E / 2, ...TAIL];

/** x[i] <- x[i] Phi(x[i]), the exact GELU, as max(x, 0) - |x| Phi(-|x|). */
export function gelu(x) {
  const [c5, c4, c3, c2, c1, c0] = TAIL;
  for (let i = 0; i < x.length; i++) {
    const z = Math.abs(x[i]), t = 1 / (1 + SLOPE * z);
    x[i] = Math.max(x[i], 0) - z * Math.exp(-z * z / 2) * t * (c0 + t * (c1 + t * (c2 + t * (c3 + t * (c4 + t * c5)))));
  }
}

/** LayerNorm of each row of width D: (x - mean) / sqrt(variance + eps) * gain + shift. */
export function layerNorm(x, out, width, { gain, shift, eps }) {
  for (let row = 0; row < x.length; row += width) {
    let mean = 0, variance = 0;
    for (let i = 0; i < width; i++) mean += x[row + i];
    mean /= width;
    for (let i = 0; i < width; i++) variance += (x[row + i] - mean) ** 2;
    const factor = 1 / Math.sqrt(variance / width + eps);
    for (let i = 0; i < width; i++) out[row + i] = (x[row + i] - mean) * factor * gain[i] + shift[i];
  }
}

/** out[row] = softmax(x[row]) for each row of `width` numbers; entries of -Infinity get exactly 0. */
export function softmaxRows(x, out, width) {
  for (let row = 0; row < x.length; row += width) {
    let largest = -Infinity, sum = 0;
    for (let i = row; i < row + width; i++) if (x[i] > largest) largest = x[i];
    for (let i = row; i < row + width; i++) sum += out[i] = Math.exp(x[i] - largest);
    for (let i = row; i < row + width; i++) out[i] /= sum;
  }
}

/** out = x + scale * y, row by row, with one scale a channel. */
export function addScaled(x, y, scale, out) {
  for (let row = 0; row < x.length; row += scale.length) {
    for (let i = 0; i < scale.length; i++) out[row + i] = x[row + i] + scale[i] * y[row + i];
  }
}
