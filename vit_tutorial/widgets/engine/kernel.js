/** The work of a forward pass on whole arrays, in WebAssembly where the browser has SIMD, else in plain JavaScript. */
import binary from './kernel.wasm.js';
import { addScaled, CONSTANTS, gelu, layerNorm, softmaxRows } from './maths.js';
import { fromBase64 } from './weights.js';

const PAGE = 65536; // bytes of a WebAssembly memory page
export const PANEL = 8; // outputs that the product computes side by side
const TILE = 6; // rows that it computes at once
export const roundUp = (n, multiple) => Math.ceil(n / multiple) * multiple;

/**
 * Memory for `length` floats and functions that work in it. `rows`, `depth`: the most that a product has.
 *
 * `product(a, w, bias, c, rows, cols, depth, lda, ldc)` writes C = A W^T + bias for views a, c into `floats`, w in panels (see
 * `packPanels`), bias padded to whole panels. lda and ldc are the rows' strides in floats. `pack` is packPanels and the others are those
 * of maths.js, all for views into `floats`; softmax and gelu may spoil three floats past the end of an array.
 */
export async function createKernel(length, rows, depth, simd) {
  const tailStart = roundUp(CONSTANTS.length, 4), tileStart = tailStart + roundUp(rows * PANEL, 4);
  const start = tileStart + roundUp(TILE * depth, 4);
  const pages = Math.ceil(((start + length) * 4) / PAGE);
  const wasm = simd && await assemble(pages).catch(() => null); // no WebAssembly, none with SIMD, or a page that forbids it
  const all = new Float32Array(wasm ? wasm.memory.buffer : pages * (PAGE / 4));
  all.set(CONSTANTS);
  const tail = all.subarray(tailStart, tileStart), run = wasm?.product ?? plainProduct(all), tile = tileStart * 4;

  /** A last panel that would not be full begins early and computes some outputs twice; fewer outputs than a panel go by way of `tail`. */
  function product(a, w, bias, c, rows, cols, depth, lda = depth, ldc = cols) {
    const full = cols - (cols % PANEL), early = cols - PANEL, [A, W, b, C] = [a, w, bias, c].map((array) => array.byteOffset);
    if (full) run(A, W, b, C, rows, full, depth, lda * 4, ldc * 4, tile);
    if (full === cols) return;
    if (full) return run(A, W + full * depth * 4, b + early * 4, C + early * 4, rows, PANEL, depth, lda * 4, ldc * 4, tile);
    run(A, W, b, tail.byteOffset, rows, PANEL, depth, lda * 4, PANEL * 4, tile);
    for (let m = 0; m < rows; m++) c.set(tail.subarray(m * PANEL, m * PANEL + cols), m * ldc);
  }

  const kernel = { name: 'javascript', product, floats: all.subarray(start), pack: packPanels, softmax: softmaxRows, gelu, layerNorm, addScaled };
  if (!wasm) return kernel;
  return {
    ...kernel,
    name: 'wasm-simd',
    pack(target, source, outputs, depth, outputStride, depthStride, factor = 1) {
      if (outputs < PANEL) packPanels(target, source, outputs, depth, outputStride, depthStride, factor);
      else wasm.pack(target.byteOffset, source.byteOffset, outputs, depth, outputStride * 4, depthStride * 4, factor);
    },
    softmax: (x, out, width) => wasm.softmax(x.byteOffset, out.byteOffset, x.length / width, width),
    gelu: (x) => wasm.gelu(x.byteOffset, x.length),
    layerNorm(x, out, width, norm) {
      if (width % 4) layerNorm(x, out, width, norm);
      else wasm.layer_norm(x.byteOffset, out.byteOffset, x.length / width, width, norm.gain.byteOffset, norm.shift.byteOffset, norm.eps);
    },
    addScaled(x, y, scale, out) {
      const width = scale.length;
      if (width % 4) addScaled(x, y, scale, out);
      else wasm.add_scaled(x.byteOffset, y.byteOffset, scale.byteOffset, out.byteOffset, x.length / width, width);
    },
  };
}

/**
 * The functions of kernel.wat and their memory. Where the browser knows relaxed SIMD, products and polynomials multiply and add in one
 * instruction with one rounding, which takes a few other bytes of the same number. What is added is a local or a constant from memory:
 *
 *   f32x4.mul, local.get SUM, f32x4.add                         ->  nop nop nop, local.get SUM, f32x4.relaxed_madd
 *   f32x4.mul, i32.const 0, v128.load32_splat, f32x4.add        ->  nop nop nop, i32.const 0, v128.load32_splat, f32x4.relaxed_madd
 */
async function assemble(pages) {
  const memory = new WebAssembly.Memory({ initial: pages }), plain = fromBase64(binary);
  const fused = Uint8Array.from(plain.join().replace(/253,230,1,(32,\d+|65,0,253,9,2,\d+),253,228,1\b/g, '1,1,1,$1,253,133,2').split(','));
  const code = WebAssembly.validate(fused) ? fused : plain;
  return { memory, ...(await WebAssembly.instantiate(code, { engine: { memory } })).instance.exports };
}

/**
 * W[n][k] = source[n * outputStride + k * depthStride] * factor -> panels of eight outputs [outputs/8][depth][8]. A last one that would not
 * be full begins early, as `product` reads it; where there are fewer than eight outputs, the others are zero.
 */
export function packPanels(target, source, outputs, depth, outputStride, depthStride, factor = 1) {
  let at = 0;
  for (let start = 0; start < outputs; start += PANEL) {
    const first = Math.max(0, Math.min(start, outputs - PANEL));
    for (let k = 0; k < depth; k++) {
      for (let n = first, from = n * outputStride + k * depthStride; n < first + PANEL; n++, from += outputStride) {
        target[at++] = n < outputs ? source[from] * factor : 0;
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
