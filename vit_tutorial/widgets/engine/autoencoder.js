/**
 * A masked autoencoder: an encoder that looks at the visible patches, and a small decoder that paints the hidden ones.
 *
 *   const model = await loadAutoencoder(manifest, bytes);     // as loadViT; the manifest has an `autoencoder`
 *   model.forward(image, { hide: [3] }) -> { prediction [n, C P P], painted [C, H, W], encoder }
 *
 * He et al. 2022, as vit_tutorial/pretraining/mae.py has it. There the encoder does not get the hidden patches; here they are in its arrays
 * and nobody looks at them, which gives the visible ones the same numbers. The decoder sees a mask token in their places.
 */
import { createBlocks, layOutBlocks, linearMap, readParts } from './blocks.js';
import { layerNorm } from './maths.js';
import { inMemory, layOut, ViT } from './model.js';
import { readShape } from './shape.js';
import { readWeights } from './weights.js';

export async function loadAutoencoder(manifest, bytes, { simd = true } = {}) {
  if (manifest?.manifest) [manifest, bytes] = [manifest.manifest, bytes ?? manifest.base64];
  if (!manifest?.autoencoder) throw new Error('no masked autoencoder for this page: its manifest describes no decoder');
  const named = Object.entries(await readWeights(manifest, bytes));
  const tensors = Object.fromEntries(named.map(([name, tensor]) => [name.replace(/^encoder\./, ''), tensor]));
  const shape = readShape(manifest.config), decoder = decoderShape(shape, manifest.autoencoder);
  const lay = (take) => ({ encoder: layOut(shape, take), ...layOutDecoder(shape, decoder, take) });
  const [arrays, kernel] = await inMemory(lay, shape.tokens, simd);
  return new Autoencoder(manifest, shape, decoder, readParts(tensors, kernel), arrays, kernel.name);
}

function decoderShape({ tokens, prefix }, { decoder_dim: dim, decoder_depth: depth, decoder_heads: heads, mlp_ratio }) {
  return { tokens, prefix, dim, heads, headDim: dim / heads, hidden: Math.trunc(dim * mlp_ratio), depth };
}

function layOutDecoder({ tokens, patches, dim, patchLength }, decoder, take) {
  const { tokens: N, dim: D } = decoder;
  return {
    normalised: take(tokens * dim), embed: linearMap(take, D, dim), stack: layOutBlocks(decoder, take), pred: linearMap(take, patchLength, D),
    tokens: take(N * D), read: take(N * D), prediction: take(patches * patchLength),
  };
}

class Autoencoder {
  #arrays; #parts; #encoder; #blocks; #tokenNorm; #norm; #decoder; #maskToken; #positions;

  constructor(manifest, shape, decoder, parts, arrays, kernel) {
    const { config, mean, std, autoencoder } = manifest, { dim: D, prefix } = decoder;
    Object.assign(this, { config, mean, std, shape, kernel, autoencoder, source: manifest.source ?? null });
    this.#arrays = arrays;
    this.#parts = parts;
    this.#decoder = decoder;
    this.#encoder = new ViT(manifest, shape, parts, arrays.encoder, kernel);
    if (shape.average) this.#tokenNorm = parts.norm('fc_norm', shape.dim, config.norm_eps); // else the encoder has normalised them
    parts.store(arrays.embed, 'decoder_embed');
    parts.store(arrays.pred, 'decoder_pred');
    this.#blocks = createBlocks(parts, decoder, arrays.stack, 'decoder_', { ...config, qkv_bias: true, init_values: null });
    this.#norm = parts.norm('decoder_norm', D, config.norm_eps);
    this.#maskToken = parts.get('mask_token', D);
    this.#positions = sinusoidal2d(shape, D, prefix);
  }

  /** Image [C, H, W], normalised -> { prediction, painted, encoder }. The array `painted` is fresh every time. */
  forward(image, { hide = [] } = {}) {
    const { normalised, tokens, read, prediction, embed, pred } = this.#arrays, parts = this.#parts;
    const { dim: D, headDim, prefix } = this.#decoder;
    const encoder = this.#encoder.forward(image, { hide });
    if (this.#tokenNorm) layerNorm(encoder.features, normalised, this.shape.dim, this.#tokenNorm);
    parts.linear(this.#tokenNorm ? normalised : encoder.features, embed, tokens);
    for (const patch of encoder.hidden) tokens.set(this.#maskToken, (prefix + patch) * D);
    this.#positions.forEach((p, i) => { tokens[i] += p; });
    const z = this.#blocks(tokens, { hidden: new Set(), headsOff: new Set(), factor: headDim ** -0.5 });
    layerNorm(z, read, D, this.#norm);
    parts.linear(read.subarray(prefix * D), pred, prediction);
    return { prediction, painted: this.#paint(image, encoder), encoder };
  }

  /** The image with its hidden patches as they were predicted: patch rows and columns back to pixels. */
  #paint(image, { hidden, patches }) {
    const { width, height, columns, patchSize: P, patchLength } = this.shape, painted = Float32Array.from(image);
    for (const patch of hidden) {
      const at = patch * patchLength, corner = Math.floor(patch / columns) * P * width + (patch % columns) * P;
      const [mean, std] = this.autoencoder.norm_targets ? statistics(patches.subarray(at, at + patchLength)) : [0, 1];
      for (let i = 0; i < patchLength; i++) { // [C, P, P] of a patch
        const c = Math.floor(i / (P * P)), y = Math.floor((i % (P * P)) / P), x = i % P;
        painted[c * height * width + corner + y * width + x] = this.#arrays.prediction[at + i] * std + mean;
      }
    }
    return painted;
  }
}

/** Mean and standard deviation of a patch, with which its target was normalised (mae.py, patch_statistics). */
function statistics(patch) {
  const mean = patch.reduce((a, b) => a + b, 0) / patch.length;
  return [mean, Math.sqrt(patch.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (patch.length - 1) + 1e-6)];
}

/** Sine-cosine positions [N, D] (positions.py, sinusoidal_2d): half of the width for the row, half for the column; 0 for prefix tokens. */
function sinusoidal2d({ patches, columns, tokens }, D, prefix) {
  const quarter = D / 4, out = new Float32Array(tokens * D);
  for (let i = 0; i < patches; i++) {
    [Math.floor(i / columns), i % columns].forEach((place, half) => {
      for (let k = 0; k < quarter; k++) {
        const angle = place * 10000 ** (-k / quarter), at = (prefix + i) * D + half * 2 * quarter + k;
        out[at] = Math.sin(angle);
        out[at + quarter] = Math.cos(angle);
      }
    });
  }
  return out;
}

/**
 * The mean squared error on the hidden patches, of what is painted and of a guess that paints them in the mean of the visible pixels of each
 * channel (0, the mean of the data, where nothing is visible): { painted, guess }, in the units of the loss; NaN where nothing is hidden.
 */
export function errors(image, painted, hide, { channels, height, width, patchSize: P, columns, patches }) {
  const hidden = new Set(hide), isHidden = (p) => hidden.has(Math.floor(Math.floor(p / width) / P) * columns + Math.floor((p % width) / P));
  const sums = { painted: 0, guess: 0 }, pixels = height * width;
  for (let c = 0; c < channels; c++) {
    const part = image.subarray(c * pixels, (c + 1) * pixels), own = painted.subarray(c * pixels, (c + 1) * pixels);
    let seen = 0;
    part.forEach((x, p) => { if (!isHidden(p)) seen += x; });
    const mean = hidden.size < patches ? seen / ((patches - hidden.size) * P * P) : 0;
    part.forEach((x, p) => {
      if (!isHidden(p)) return;
      sums.painted += (own[p] - x) ** 2;
      sums.guess += (mean - x) ** 2;
    });
  }
  const count = hidden.size * P * P * channels;
  return { painted: sums.painted / count, guess: sums.guess / count };
}
