/**
 * A segmenter: the encoder, a head that scores s x s cells of every patch for each class, and the enlargement to pixels.
 *
 *   const model = await loadSegmenter(manifest, bytes);     // as loadViT; the manifest has a `head`
 *   model.forward(image, { hide: [3] }) -> { logits [K, rows s, columns s], mask [H W] class numbers, encoder }
 *
 * Heads: a linear map, and the mask transformer of Segmenter (Strudel et al. 2021, section 3.2), as vit_tutorial/heads has them. A hidden
 * patch is looked at by nobody, in the encoder and in the head. `encoder` is the result of the encoder's own forward (index.js).
 */
import { createBlocks, layOutBlocks, linearMap, readParts } from './blocks.js';
import { packPanels, PANEL, roundUp } from './kernel.js';
import { layerNorm } from './maths.js';
import { inMemory, layOut, ViT } from './model.js';
import { readShape } from './shape.js';
import { readWeights } from './weights.js';

const HEADS = ['linear', 'mask_transformer'];
const NORM_EPS = 1e-5; // of PyTorch's LayerNorm, which the head's last one keeps
const SHORTEST = 1e-12; // a vector is divided by its length, but by no less than this (F.normalize)

export async function loadSegmenter(manifest, bytes, { simd = true } = {}) {
  if (manifest?.manifest) [manifest, bytes] = [manifest.manifest, bytes ?? manifest.base64];
  if (!HEADS.includes(manifest?.head?.head)) throw new Error(`no segmenter for this page: its head is ${manifest?.head?.head}; known: ${HEADS}`);
  const named = Object.entries(await readWeights(manifest, bytes));
  const tensors = Object.fromEntries(named.map(([name, tensor]) => [name.replace(/^encoder\./, ''), tensor])); // its head is none of the encoder's
  const shape = readShape(manifest.config), decoder = decoderShape(shape, manifest);
  const lay = (take) => ({ encoder: layOut(shape, take), ...layOutHead(shape, decoder, manifest.head, take) });
  const [arrays, kernel] = await inMemory(lay, Math.max(shape.tokens, decoder?.tokens ?? 0, shape.patches * manifest.head.head_cells ** 2), simd);
  return new SegmenterModel(manifest, shape, decoder, readParts(tensors, kernel), arrays, kernel.name);
}

/** The sizes of a mask transformer's blocks: the patches, then the classes; null for a linear head. */
function decoderShape({ patches, dim, heads, hidden }, { head }) {
  if (head.head === 'linear') return null;
  const own = head.head_num_heads ?? heads;
  return { tokens: patches + head.num_classes, prefix: 0, dim, heads: own, headDim: dim / own, hidden, depth: head.head_depth };
}

function layOutHead({ patches: n, tokens: N, dim: D }, decoder, { num_classes: K, head_cells: s }, take) {
  const common = { normalised: take(N * D), scores: take(n * s * s * K) };
  if (!decoder) return { ...common, head: linearMap(take, K * s * s, D) };
  const width = cellWidth(D, s);
  return {
    ...common, projDec: linearMap(take, D, D), projPatch: linearMap(take, s * s * width, D), projClasses: linearMap(take, width, D),
    stack: layOutBlocks(decoder, take), tokens: take(decoder.tokens * D), read: take(decoder.tokens * D),
    cells: take(n * s * s * width), classes: take(K * width), panels: take(roundUp(K, PANEL) * width), zeros: take(roundUp(K, PANEL)),
  };
}

/** How many numbers a cell's vector has in the mask transformer (vit_tutorial/heads/mask_transformer.py). */
const cellWidth = (D, s) => Math.floor(D / s);

class SegmenterModel {
  #arrays; #parts; #encoder; #blocks; #decoder; #tokenNorm; #norm; #maskNorm; #classEmbedding;

  constructor(manifest, shape, decoder, parts, arrays, kernel) {
    const { config, classes, mean, std, head } = manifest, { dim: D } = shape;
    Object.assign(this, { config, classes, mean, std, shape, kernel, head, source: manifest.source ?? null });
    this.#arrays = arrays;
    this.#parts = parts;
    this.#decoder = decoder;
    this.#encoder = new ViT(manifest, shape, parts, arrays.encoder, kernel);
    if (shape.average) this.#tokenNorm = parts.norm('fc_norm', D, config.norm_eps); // else the encoder has normalised them
    if (!decoder) {
      parts.store(arrays.head, 'head');
      return;
    }
    parts.store(arrays.projDec, 'head.proj_dec');
    for (const [map, name] of [[arrays.projPatch, 'head.proj_patch'], [arrays.projClasses, 'head.proj_classes']]) {
      const { weight, outputs, inputs } = map; // these two stand as [inputs, outputs]: x P, not x W^T
      packPanels(weight, parts.get(name, outputs * inputs), outputs, inputs, 1, outputs);
    }
    this.#blocks = createBlocks(parts, decoder, arrays.stack, 'head.', { ...config, qkv_bias: true, init_values: null });
    this.#norm = parts.norm('head.decoder_norm', D, config.norm_eps);
    this.#maskNorm = parts.norm('head.mask_norm', head.num_classes, NORM_EPS);
    this.#classEmbedding = parts.get('head.cls_emb', head.num_classes * D);
  }

  /** Image [C, H, W], normalised -> { logits, mask, encoder }. The arrays `logits` and `mask` are fresh every time. */
  forward(image, { hide = [] } = {}) {
    const { prefix, patches, dim: D, rows, columns, height, width } = this.shape, { num_classes: K, head_cells: s } = this.head;
    const encoder = this.#encoder.forward(image, { hide }), { normalised, scores } = this.#arrays;
    if (this.#tokenNorm) layerNorm(encoder.features, normalised, D, this.#tokenNorm);
    const tokens = (this.#tokenNorm ? normalised : encoder.features).subarray(prefix * D);
    const logits = new Float32Array(K * patches * s * s), across = columns * s;
    const place = (n, cell) => (((n / columns) | 0) * s + ((cell / s) | 0)) * across + (n % columns) * s + (cell % s);
    if (!this.#decoder) {
      this.#parts.linear(tokens, this.#arrays.head, scores); // [n, K, s s]
      for (let n = 0, i = 0; n < patches; n++) for (let k = 0; k < K; k++) for (let c = 0; c < s * s; c++) logits[k * patches * s * s + place(n, c)] = scores[i++];
    } else {
      this.#decode(tokens, encoder.hidden); // [n, s s, K]
      for (let n = 0, i = 0; n < patches; n++) for (let c = 0; c < s * s; c++) for (let k = 0; k < K; k++) logits[k * patches * s * s + place(n, c)] = scores[i++];
    }
    return { logits, mask: classesOfPixels(logits, K, rows * s, across, height, width), encoder };
  }

  /** The mask transformer: patches and classes through the blocks, then a cosine of every cell with every class, then a LayerNorm. */
  #decode(patchTokens, hidden) {
    const { tokens, read, cells, classes, panels, zeros, scores, projDec, projPatch, projClasses } = this.#arrays, parts = this.#parts;
    const { patches, dim: D } = this.shape, { num_classes: K, head_cells } = this.head, start = patches * D, width = cellWidth(D, head_cells);
    parts.linear(patchTokens, projDec, tokens.subarray(0, start));
    tokens.set(this.#classEmbedding, start);
    const z = this.#blocks(tokens, { hidden, headsOff: new Set(), factor: this.#decoder.headDim ** -0.5 });
    layerNorm(z, read, D, this.#norm);
    parts.linear(read.subarray(0, start), projPatch, cells);
    parts.linear(read.subarray(start), projClasses, classes);
    for (const vectors of [cells, classes]) toUnitLength(vectors, width);
    packPanels(panels, classes, K, width, width, 1);
    parts.kernel.product(cells, panels, zeros, scores, cells.length / width, K, width);
    layerNorm(scores, scores, K, this.#maskNorm);
  }
}

function toUnitLength(vectors, width) {
  for (let row = 0; row < vectors.length; row += width) {
    let square = 0;
    for (let i = row; i < row + width; i++) square += vectors[i] ** 2;
    const length = Math.max(Math.sqrt(square), SHORTEST);
    for (let i = row; i < row + width; i++) vectors[i] /= length;
  }
}

/** For each of `length` pixels the two of n points that it lies between, and the second one's share; the ends are held. */
function between(n, length) {
  return Array.from({ length }, (_, i) => {
    const at = Math.max(0, Math.min(n - 1, ((i + 0.5) * n) / length - 0.5)), low = Math.floor(at);
    return [low, Math.min(low + 1, n - 1), at - low];
  });
}

/** Maps [K, h, w] enlarged bilinearly as PyTorch does with align_corners=False: [K, H, W]. */
export function enlarge(maps, K, h, w, H, W) {
  if (h === H && w === W) return maps;
  const down = between(h, H), across = between(w, W), out = new Float32Array(K * H * W), row = new Float32Array(w);
  for (let k = 0, i = 0; k < K; k++) {
    for (const [top, bottom, share] of down) {
      const [a, b] = [(k * h + top) * w, (k * h + bottom) * w];
      for (let x = 0; x < w; x++) row[x] = maps[a + x] + share * (maps[b + x] - maps[a + x]);
      for (const [left, right, part] of across) out[i++] = row[left] + part * (row[right] - row[left]);
    }
  }
  return out;
}

/** The class with the largest enlarged score, pixel by pixel: [H W]. */
export function classesOfPixels(maps, K, h, w, H, W) {
  const scores = enlarge(maps, K, h, w, H, W), size = H * W, mask = new Uint8Array(size), best = scores.slice(0, size);
  for (let k = 1; k < K; k++) {
    for (let i = 0, at = k * size; i < size; i++, at++) if (scores[at] > best[i]) { best[i] = scores[at]; mask[i] = k; }
  }
  return mask;
}
