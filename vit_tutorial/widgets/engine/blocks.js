/** A stack of pre-norm blocks: z <- z + Attention(LN(z)), z <- z + FFN(LN(z)). The encoder is one, a mask transformer holds another. */
import { packPanels, PANEL, roundUp } from './kernel.js';
import { gelu, layerNorm, softmaxRows } from './maths.js';

/** A linear map's place in memory: its weights in panels of outputs, its bias padded to whole panels. */
export const linearMap = (take, outputs, inputs) => ({
  outputs, inputs, weight: take(roundUp(outputs, PANEL) * inputs), bias: take(roundUp(outputs, PANEL)),
});

/** All arrays of a stack: the weights, and one array for each intermediate. `shape`: see shape.js. */
export function layOutBlocks({ tokens: N, dim: D, heads: h, headDim: d, hidden, depth }, take) {
  const linear = (outputs, inputs) => linearMap(take, outputs, inputs), times = (make) => Array.from({ length: depth }, make);
  const each = (names, length) => Object.fromEntries(names.split(' ').map((name) => [name, take(length)]));
  return {
    layers: times(() => ({
      'attn.qkv': linear(3 * D, D), 'attn.proj': linear(D, D), 'mlp.fc1': linear(hidden, D), 'mlp.fc2': linear(D, hidden),
    })),
    blocks: times(() => ({
      ...each('norm1 q k v context attention afterAttention norm2 mlp afterMlp', N * D),
      ...each('scores weights', h * N * N), mlpHidden: take(N * hidden),
    })),
    qkv: take(N * 3 * D), panels: take((N + PANEL) * (d + PANEL)), zeros: take(N + d + PANEL), // whole panels fit
  };
}

/** What a model is made of: its tensors by name, checked, put where the product finds them, and the linear map that reads them there. */
export function readParts(tensors, product) {
  const get = (name, length) => {
    const { [name]: found = [] } = tensors;
    if (found.length !== length) throw new Error(`the configuration needs ${length} numbers of ${name}, the weight file has ${found.length}`);
    return found;
  };
  return {
    get, product,
    store({ outputs, inputs, weight, bias }, name, hasBias = true) {
      packPanels(weight, get(`${name}.weight`, outputs * inputs), outputs, inputs, inputs, 1);
      if (hasBias) bias.set(get(`${name}.bias`, outputs));
    },
    norm: (name, width, eps) => ({ gain: get(`${name}.weight`, width), shift: get(`${name}.bias`, width), eps }),
    /** out [rows, outputs] = x [rows, inputs] W^T + bias */
    linear: (x, { weight, bias, outputs, inputs }, out) => product(x, weight, bias, out, x.length / inputs, outputs, inputs),
  };
}

/**
 * The blocks of a stack -> run(x, how): x [N, D] through all of them. `how`: { hidden, headsOff, factor } of options.js.
 *
 * @param name what the tensors' names begin with, before 'blocks.0.'; @param config qkv_bias, init_values, norm_eps
 */
export function createBlocks({ get, store, norm, linear, product }, { tokens: N, prefix, dim: D, heads, headDim: d }, { layers, blocks, qkv, panels, zeros }, name, config) {
  layers.forEach((layer, l) => {
    const start = `${name}blocks.${l}.`;
    for (const map in layer) store(layer[map], start + map, config.qkv_bias || map !== 'attn.qkv');
    layer.norms = [1, 2].map((i) => norm(`${start}norm${i}`, D, config.norm_eps));
    layer.scales = [1, 2].map((i) => config.init_values !== null && get(`${start}ls${i}.gamma`, D));
  });

  /** context = softmax(q k^T * factor) v, head by head. */
  function attend(b, l, { hidden, headsOff, factor }) {
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
      const scores = part(b.scores, N * N), weights = part(b.weights, N * N);
      packPanels(panels, part(b.k, N * d), N, d, d, 1);
      product(part(b.q, N * d), panels, zeros, scores, N, N, d);
      for (let i = 0; i < scores.length; i++) scores[i] *= factor;
      for (const patch of hidden) for (let i = prefix + patch; i < scores.length; i += N) scores[i] = -Infinity;
      softmaxRows(scores, weights, N);
      packPanels(panels, part(b.v, N * d), d, N, 1, d);
      product(weights, panels, zeros, b.context.subarray(head * d), N, d, N, N, D);
      if (headsOff.has(`${l}.${head}`)) for (let i = head * d; i < N * D; i += D) b.context.fill(0, i, i + d);
    }
  }

  return (x, how) => layers.reduce((z, layer, l) => {
    const b = blocks[l];
    layerNorm(z, b.norm1, D, layer.norms[0]);
    linear(b.norm1, layer['attn.qkv'], qkv);
    attend(b, l, how);
    linear(b.context, layer['attn.proj'], b.attention);
    addScaled(z, b.attention, layer.scales[0], b.afterAttention);
    layerNorm(b.afterAttention, b.norm2, D, layer.norms[1]);
    linear(b.norm2, layer['mlp.fc1'], b.mlpHidden);
    gelu(b.mlpHidden);
    linear(b.mlpHidden, layer['mlp.fc2'], b.mlp);
    addScaled(b.afterAttention, b.mlp, layer.scales[1], b.afterMlp);
    return b.afterMlp;
  }, x);
}

/** out = x + scale * y, with one scale a channel, or none. */
function addScaled(x, y, scale, out) {
  for (let i = 0; i < out.length; i++) out[i] = x[i] + (scale ? scale[i % scale.length] : 1) * y[i];
}
