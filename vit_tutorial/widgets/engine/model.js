/** The forward pass: z_0 = [x_class; x_1 E; ...] + E_pos, then the blocks (blocks.js), then the head. */
import { createBlocks, layOutBlocks, linearMap, readParts } from './blocks.js';
import { createKernel, roundUp } from './kernel.js';
import { softmaxRows } from './maths.js';
import { readOptions } from './options.js';
import { readShape } from './shape.js';
import { readWeights } from './weights.js';

/** A model ready to run. Takes a manifest and its bytes, or one entry of globalThis.vitTutorialModels. See index.js. */
export async function loadViT(manifest, bytes, { simd = true } = {}) {
  if (manifest?.manifest) [manifest, bytes] = [manifest.manifest, bytes ?? manifest.base64];
  const tensors = await readWeights(manifest, bytes);
  const shape = readShape(manifest.config);
  const [arrays, kernel] = await inMemory((take) => layOut(shape, take), shape.tokens, simd);
  return new ViT(manifest, shape, readParts(tensors, kernel), arrays, kernel.name);
}

/**
 * Arrays in the kernel's memory. All are laid out twice: once to count, once to cut. It never grows, so the views stay valid. Each has three
 * floats behind it that a function may spoil which works on four at a time.
 */
export async function inMemory(lay, maxRows, simd) {
  let next = 0;
  const place = (n) => (next += roundUp(n + 3, 4)) - roundUp(n + 3, 4), count = Object.assign((n) => place(n), { deepest: maxRows });
  lay(count);
  const kernel = await createKernel(next, maxRows, count.deepest, simd);
  next = 0;
  return [lay((n) => kernel.floats.subarray(place(n)).subarray(0, n)), kernel];
}

/** All arrays of a model: the weights in panels, and one array for each intermediate. */
export function layOut(shape, take) {
  const { patches: n, tokens: N, dim: D, classes: K, patchLength } = shape;
  const readout = () => ({ features: take(N * D), pooled: take(D), logits: take(K) });
  return {
    patchMap: linearMap(take, D, patchLength), head: linearMap(take, K, D),
    patches: take(n * patchLength), patchEmbedding: take(n * D), tokens: take(N * D),
    stack: layOutBlocks(shape, take), norm: { gain: take(D), shift: take(D) }, final: readout(), lens: readout(),
  };
}

export class ViT {
  #arrays; #linear; #layerNorm; #blocks; #prefix; #result;

  constructor({ config, classes, mean, std }, shape, parts, arrays, kernel) {
    Object.assign(this, { config, classes, mean, std, shape, kernel });
    this.#arrays = arrays;
    this.#linear = parts.linear;
    this.#layerNorm = parts.kernel.layerNorm;
    const { dim: D } = shape, { get } = parts;
    parts.store(arrays.patchMap, 'patch_embed.proj');
    this.#blocks = createBlocks(parts, shape, arrays.stack, '', config);
    if (shape.classes) parts.store(arrays.head, 'head');
    parts.storeNorm(arrays.norm, shape.average ? 'fc_norm' : 'norm', D, config.norm_eps);
    this.#prefix = [
      ...(config.class_token ? get('cls_token', D) : []), ...(config.reg_tokens ? get('reg_token', config.reg_tokens * D) : []),
    ];
    this.positionEmbedding = shape.positions ? get('pos_embed', shape.positions * D) : null;
    const { patches, patchEmbedding, tokens, stack: { blocks }, final: { features, pooled } } = arrays;
    this.#result = { patches, patchEmbedding, tokens, blocks, features, pooled };
  }

  /** Image [C, H, W], normalised -> every intermediate; index.js has the options and the result. */
  forward(image, options = {}) {
    const { channels, height, width } = this.shape;
    if (image?.length !== channels * height * width) {
      throw new Error(`the image has ${image?.length} numbers; the model takes ${channels}x${height}x${width}`);
    }
    const how = readOptions(options, this.shape);
    const positionEmbedding = how.positions ? this.positionEmbedding : null;
    const x = this.#blocks(this.#embed(image, how.source, positionEmbedding), how);
    return Object.assign(this.#result, { positionEmbedding, hidden: how.hidden }, this.#read(x, how.hidden, this.#arrays.final));
  }

  /** The head's reading of a state [N, D] of the residual stream -> { logits, probabilities }. `hidden`: patches left out of a mean. */
  readout(state, hidden = new Set()) {
    const { tokens, dim } = this.shape;
    if (state?.length !== tokens * dim) throw new Error(`the state has ${state?.length} numbers; the model takes ${tokens}x${dim}`);
    return this.#read(state, hidden, this.#arrays.lens);
  }

  /** Cut, map and place: the content of patch source[i] goes to position i. */
  #embed(image, source, positionEmbedding) {
    const { channels, height, width, patchSize: P, columns } = this.shape;
    const { patches, patchEmbedding, patchMap, tokens } = this.#arrays;
    let at = 0;
    for (const from of source) {
      const corner = ((from / columns) | 0) * P * width + (from % columns) * P;
      for (let c = 0; c < channels; c++) {
        for (let y = 0, start = c * height * width + corner; y < P; y++, start += width) {
          for (let x = start; x < start + P; x++) patches[at++] = image[x];
        }
      }
    }
    this.#linear(patches, patchMap, patchEmbedding);
    tokens.set(this.#prefix);
    tokens.set(patchEmbedding, this.#prefix.length);
    const positions = positionEmbedding?.length ?? 0, start = tokens.length - positions; // some models give the prefix tokens no position
    for (let i = 0; i < positions; i++) tokens[start + i] += positionEmbedding[i];
    return tokens;
  }

  /** Last LayerNorm and pooling (in this order for the class token, the other for the mean), then the head. */
  #read(state, hidden, { features, pooled, logits }) {
    const { prefix, patches, dim, classes, average } = this.shape, { norm, head } = this.#arrays;
    features.set(state); // it may be anywhere, features are where the kernel works
    if (average) {
      pooled.fill(0);
      for (let i = 0; i < patches; i++) {
        if (!hidden.has(i)) for (let j = 0; j < dim; j++) pooled[j] += state[(prefix + i) * dim + j] / (patches - hidden.size);
      }
      this.#layerNorm(pooled, pooled, dim, norm);
    } else {
      this.#layerNorm(features, features, dim, norm);
      pooled.set(features.subarray(0, dim));
    }
    if (!classes) return { logits: null, probabilities: null };
    this.#linear(pooled, head, logits);
    const probabilities = new Float32Array(classes);
    softmaxRows(logits, probabilities, classes);
    return { logits: logits.slice(), probabilities };
  }
}
