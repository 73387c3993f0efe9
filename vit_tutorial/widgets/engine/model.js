/** The forward pass: z_0 = [x_class; x_1 E; ...] + E_pos, then blocks z <- z + Attention(LN(z)), z <- z + FFN(LN(z)), then the head. */
import { createKernel, packPanels, PANEL, roundUp } from './kernel.js';
import { gelu, layerNorm, softmaxRows } from './maths.js';
import { readOptions } from './options.js';
import { readShape } from './shape.js';
import { readWeights } from './weights.js';

/** A model ready to run. Takes a manifest and its bytes, or one entry of globalThis.vitTutorialModels. See index.js. */
export async function loadViT(manifest, bytes, { simd = true } = {}) {
  if (manifest?.manifest) [manifest, bytes] = [manifest.manifest, bytes ?? manifest.base64];
  const tensors = await readWeights(manifest, bytes);
  const shape = readShape(manifest.config);

  // Everything is laid out twice: once to count, once to cut the memory. It never grows, so the views stay valid.
  let length = 0;
  layOut(shape, (n) => { length += roundUp(n, 4); });
  const kernel = await createKernel(length, shape.tokens, simd);
  let next = 0;
  const arrays = layOut(shape, (n) => {
    const view = kernel.floats.subarray(next, next + n);
    next += roundUp(n, 4);
    return view;
  });
  return new ViT(manifest, shape, tensors, arrays, kernel);
}

/** All arrays of a model: the weights in panels, and one array for each intermediate. */
function layOut(shape, take) {
  const { patches: n, tokens: N, dim: D, heads: h, headDim: d, hidden, classes: K, patchLength, depth } = shape;
  const linear = (outputs, inputs) => ({
    outputs, inputs, weight: take(roundUp(outputs, PANEL) * inputs), bias: take(roundUp(outputs, PANEL)),
  });
  const each = (names, length) => Object.fromEntries(names.split(' ').map((name) => [name, take(length)]));
  const readout = () => ({ features: take(N * D), pooled: take(D), logits: take(K) });
  const times = (make) => Array.from({ length: depth }, make);
  return {
    patchMap: linear(D, patchLength),
    layers: times(() => ({
      'attn.qkv': linear(3 * D, D), 'attn.proj': linear(D, D), 'mlp.fc1': linear(hidden, D), 'mlp.fc2': linear(D, hidden),
    })),
    head: linear(K, D),
    patches: take(n * patchLength), patchEmbedding: take(n * D), tokens: take(N * D),
    blocks: times(() => ({
      ...each('norm1 q k v context attention afterAttention norm2 mlp afterMlp', N * D),
      ...each('scores weights', h * N * N), mlpHidden: take(N * hidden),
    })),
    final: readout(), lens: readout(),
    qkv: take(N * 3 * D), panels: take(Math.max(roundUp(N, PANEL) * d, roundUp(d, PANEL) * N)),
    zeros: take(roundUp(Math.max(N, d), PANEL)),
  };
}

class ViT {
  #arrays; #product; #prefix; #norm; #result;

  constructor({ config, classes, mean, std }, shape, tensors, arrays, kernel) {
    Object.assign(this, { config, classes, mean, std, shape, kernel: kernel.name });
    this.#arrays = arrays;
    this.#product = kernel.product;
    const { dim: D } = shape;
    const get = (name, length) => {
      const found = tensors[name]?.length ?? 0;
      if (found !== length) throw new Error(`the configuration needs ${length} numbers of ${name}, the weight file has ${found}`);
      return tensors[name];
    };
    const store = ({ outputs, inputs, weight, bias }, name, hasBias = true) => {
      packPanels(weight, get(`${name}.weight`, outputs * inputs), outputs, inputs, inputs, 1);
      if (hasBias) bias.set(get(`${name}.bias`, outputs));
    };
    const norm = (name) => ({ gain: get(`${name}.weight`, D), shift: get(`${name}.bias`, D), eps: config.norm_eps });
    store(arrays.patchMap, 'patch_embed.proj');
    arrays.layers.forEach((layer, l) => {
      const name = `blocks.${l}.`;
      for (const map in layer) store(layer[map], name + map, config.qkv_bias || map !== 'attn.qkv');
      for (const i of [1, 2]) {
        layer[`norm${i}`] = norm(`${name}norm${i}`);
        layer[`scale${i}`] = config.init_values !== null && get(`${name}ls${i}.gamma`, D);
      }
    });
    if (shape.classes) store(arrays.head, 'head');
    this.#norm = norm(shape.average ? 'fc_norm' : 'norm');
    this.#prefix = [
      ...(config.class_token ? get('cls_token', D) : []), ...(config.reg_tokens ? get('reg_token', config.reg_tokens * D) : []),
    ];
    this.positionEmbedding = shape.positions ? get('pos_embed', shape.positions * D) : null;
    const { patches, patchEmbedding, tokens, blocks, final: { features, pooled } } = arrays;
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
    let x = this.#embed(image, how.source, positionEmbedding);
    for (let l = 0; l < this.shape.depth; l++) x = this.#block(l, x, how);
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
    const { channels, height, width, patchSize: P, columns, dim } = this.shape;
    const { patches, patchEmbedding, patchMap, tokens } = this.#arrays;
    let at = 0;
    for (const from of source) {
      const corner = ((from / columns) | 0) * P * width + (from % columns) * P;
      for (let c = 0; c < channels; c++) {
        for (let y = 0; y < P; y++) {
          for (let x = 0; x < P; x++) patches[at++] = image[c * height * width + corner + y * width + x];
        }
      }
    }
    this.#linear(patches, patchMap, patchEmbedding);
    tokens.set(this.#prefix);
    tokens.set(patchEmbedding, this.#prefix.length);
    const start = tokens.length - (positionEmbedding?.length ?? 0); // some models give the prefix tokens no position
    positionEmbedding?.forEach((p, i) => { tokens[start + i] += p; });
    return tokens;
  }

  #block(l, x, how) {
    const { dim } = this.shape, layer = this.#arrays.layers[l], b = this.#arrays.blocks[l];
    layerNorm(x, b.norm1, dim, layer.norm1);
    this.#attend(l, how);
    this.#linear(b.context, layer['attn.proj'], b.attention);
    addScaled(x, b.attention, layer.scale1, b.afterAttention);
    layerNorm(b.afterAttention, b.norm2, dim, layer.norm2);
    this.#linear(b.norm2, layer['mlp.fc1'], b.mlpHidden);
    gelu(b.mlpHidden);
    this.#linear(b.mlpHidden, layer['mlp.fc2'], b.mlp);
    addScaled(b.afterAttention, b.mlp, layer.scale2, b.afterMlp);
    return b.afterMlp;
  }

  /** context = softmax(q k^T * factor) v, head by head. */
  #attend(l, { hidden, headsOff, factor }) {
    const { tokens: N, prefix, dim: D, heads, headDim: d } = this.shape;
    const { layers, blocks, qkv, panels, zeros } = this.#arrays, b = blocks[l];
    this.#linear(b.norm1, layers[l]['attn.qkv'], qkv);
    for (let i = 0; i < N; i++) { // [N, 3, h, d] -> three times [h, N, d]
      for (let j = 0; j < D; j++) {
        const to = (((j / d) | 0) * N + i) * d + (j % d), from = i * 3 * D + j;
        b.q[to] = qkv[from];
        b.k[to] = qkv[from + D];
        b.v[to] = qkv[from + 2 * D];
      }
    }
    for (let head = 0; head < heads; head++) {
      const part = (array, size) => array.subarray(head * size, (head + 1) * size);
      const scores = part(b.scores, N * N), weights = part(b.weights, N * N), context = b.context.subarray(head * d);
      packPanels(panels, part(b.k, N * d), N, d, d, 1);
      this.#product(part(b.q, N * d), panels, zeros, scores, N, N, d);
      for (let i = 0; i < scores.length; i++) scores[i] *= factor;
      for (const patch of hidden) for (let i = prefix + patch; i < scores.length; i += N) scores[i] = -Infinity;
      softmaxRows(scores, weights, N);
      packPanels(panels, part(b.v, N * d), d, N, 1, d);
      this.#product(weights, panels, zeros, context, N, d, N, N, D);
      if (headsOff.has(`${l}.${head}`)) for (let i = 0; i < N; i++) context.fill(0, i * D, i * D + d);
    }
  }

  /** Last LayerNorm and pooling (in this order for the class token, the other for the mean), then the head. */
  #read(state, hidden, { features, pooled, logits }) {
    const { prefix, patches, dim, classes, average } = this.shape;
    if (average) {
      features.set(state);
      pooled.fill(0);
      for (let i = 0; i < patches; i++) {
        if (!hidden.has(i)) for (let j = 0; j < dim; j++) pooled[j] += state[(prefix + i) * dim + j] / (patches - hidden.size);
      }
      layerNorm(pooled, pooled, dim, this.#norm);
    } else {
      layerNorm(state, features, dim, this.#norm);
      pooled.set(features.subarray(0, dim));
    }
    if (!classes) return { logits: null, probabilities: null };
    this.#linear(pooled, this.#arrays.head, logits);
    const probabilities = new Float32Array(classes);
    softmaxRows(logits, probabilities, classes);
    return { logits: logits.slice(), probabilities };
  }

  /** out [rows, outputs] = x [rows, inputs] W^T + bias */
  #linear(x, { weight, bias, outputs, inputs }, out) {
    this.#product(x, weight, bias, out, x.length / inputs, outputs, inputs);
  }
}

/** out = x + scale * y, with one scale a channel, or none. */
function addScaled(x, y, scale, out) {
  for (let i = 0; i < out.length; i++) out[i] = x[i] + (scale ? scale[i % scale.length] : 1) * y[i];
}
