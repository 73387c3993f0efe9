/** The matrix product, in WebAssembly where the browser has SIMD, else in plain JavaScript. */
import binary from './kernel.wasm.js';
import { fromBase64 } from './weights.js';

const PAGE = 65536; // bytes of a WebAssembly memory page
export const PANEL = 8; // outputs that the product computes side by side
export const roundUp = (n, multiple) => Math.ceil(n / multiple) * multiple;

/**
 * Memory for `length` floats and a product that works in it.
 *
 * `product(a, w, bias, c, rows, cols, depth, lda, ldc)` writes C = A W^T + bias for views a, c into `floats`, w in panels (see
 * `packPanels`), bias padded to whole panels. lda and ldc are the rows' strides in floats.
 */
export async function createKernel(length, maxRows, simd) {
  const start = roundUp(maxRows * PANEL, 4);
  const pages = Math.ceil(((start + length) * 4) / PAGE);
  let run, buffer;
  if (simd) {
    try {
      const memory = new WebAssembly.Memory({ initial: pages });
      const { instance } = await WebAssembly.instantiate(fromBase64(binary), { engine: { memory } });
      run = instance.exports.product;
      buffer = memory.buffer;
    } catch { /* no WebAssembly, none with SIMD, or a page that forbids it: the plain product does the same, more slowly */ }
  }
  const name = run ? 'wasm-simd' : 'javascript';
  buffer ??= new ArrayBuffer(pages * PAGE);
  const all = new Float32Array(buffer);
  run ??= plainProduct(all);
  const tail = all.subarray(0, start); // where the last, partly filled panel of outputs is computed

  const product = (a, w, bias, c, rows, cols, depth, lda = depth, ldc = cols) => {
    const whole = cols - (cols % PANEL);
    const [A, W, b, C] = [a.byteOffset, w.byteOffset, bias.byteOffset, c.byteOffset];
    if (whole) run(A, W, b, C, rows, whole, depth, lda * 4, ldc * 4);
    if (whole === cols) return;
    run(A, W + whole * depth * 4, b + whole * 4, tail.byteOffset, rows, PANEL, depth, lda * 4, PANEL * 4);
    for (let m = 0; m < rows; m++) {
      for (let n = whole; n < cols; n++) c[m * ldc + n] = tail[m * PANEL + n - whole];
    }
  };
  return { name, product, floats: all.subarray(start) };
}

/** W[n][k] = source[n * outputStride + k * depthStride] -> panels of eight outputs [outputs/8][depth][8], zero at the end. */
export function packPanels(target, source, outputs, depth, outputStride, depthStride) {
  let at = 0;
  for (let first = 0; first < outputs; first += PANEL) {
    for (let k = 0; k < depth; k++) {
      for (let n = first; n < first + PANEL; n++) {
        target[at++] = n < outputs ? source[n * outputStride + k * depthStride] : 0;
      }
    }
  }
}

/** The same product as kernel.wat, with the same pointers in bytes; `| 0` keeps them integers for the compiler. */
function plainProduct(f) {
  return (a, w, bias, c, rows, cols, depth, lda, ldc) => {
    for (let n = 0; n < cols; n += 4) { // half a panel: four sums at once
      const panel = ((w >> 2) + (n & -PANEL) * depth + (n & 4)) | 0, end = (panel + depth * PANEL) | 0, b = (bias >> 2) + n;
      for (let m = 0; m < rows; m++) {
        let at = (a + m * lda) >> 2, s0 = f[b], s1 = f[b + 1], s2 = f[b + 2], s3 = f[b + 3];
        for (let p = panel; p < end; p = (p + PANEL) | 0, at = (at + 1) | 0) {
          const x = f[at];
          s0 += x * f[p];
          s1 += x * f[p + 1];
          s2 += x * f[p + 2];
          s3 += x * f[p + 3];
        }
        const out = ((c + m * ldc) >> 2) + n;
        f[out] = s0;
        f[out + 1] = s1;
        f[out + 2] = s2;
        f[out + 3] = s3;
      }
    }
  };
}
