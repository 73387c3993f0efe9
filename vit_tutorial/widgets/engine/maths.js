/** LayerNorm, GELU and softmax on rows of numbers. */

const REACH = 6, STEPS = 1024; // Phi is tabulated on [-6, 6], 1024 steps a unit

/**
 * Phi, the distribution function of the standard normal: the integral of its density by Simpson's rule. Between two entries a straight
 * line is off by at most max|Phi''| / (8 * 1024^2) = 3e-8, half a unit in the last place of a float32 near 1.
 */
const PHI = (() => {
  const table = new Float32Array(2 * REACH * STEPS + 2), density = (x) => Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
  let phi = 0;
  for (let i = 0, h = 1 / STEPS; i < table.length; i++) {
    const x = i * h - REACH;
    table[i] = phi;
    phi += (h / 6) * (density(x) + 4 * density(x + h / 2) + density(x + h));
  }
  return table;
})();

/** x[i] <- x[i] Phi(x[i]), the exact GELU. Below -6 it is 0 and above 6 it is x, to 1e-8. */
export function gelu(x) {
  for (let i = 0; i < x.length; i++) {
    const t = (x[i] + REACH) * STEPS, j = t | 0;
    if (t < 0) x[i] = 0;
    else if (t < 2 * REACH * STEPS) x[i] *= PHI[j] + (t - j) * (PHI[j + 1] - PHI[j]);
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
