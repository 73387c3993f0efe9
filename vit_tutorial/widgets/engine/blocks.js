/** A stack of pre-norm blocks: z <- z + Attention(LN(z)), z <- z + FFN(LN(z)). The encoder is one, a mask transformer holds another. */
import { packPanels, PANEL, roundUp } from './kernel.js';

/** A linear map's place in memory: its weights in panels of outputs, its bias padded to whole panels. */
export function linearMap(take, outputs, inputs) {
  take.deepest = Math.max(take.deepest, inputs); // counted with the arrays
  return { outputs, inputs, weight: take(roundUp(outputs, PANEL) * inputs), bias: take(roundUp(outputs, PANEL)) };
}

/** All arrays of a stack: the weights, and one array for each intermediate. `shape`: see shape.js. */
export function layOutBlocks({ tokens: N, dim: D, heads: h, headDim: d, hidden, depth }, take) {
  const linear = (outputs, inputs) => linearMap(take, outputs, inputs), times = (n, make) => Array.from({ length: n }, make);
  const each = (names, length) => Object.fromEntries(names.split(' ').map((name) => [name, take(length)]));
  return {
    layers: times(depth, () => ({
      qkv: times(3 * h, () => linear(d, D)), proj: linear(D, D), fc1: linear(hidden, D), fc2: linear(D, hidden),
      norms: times(2, () => each('gain shift', D)), scales: times(2, () => take(D)),
    })),
    blocks: times(depth, () => ({
      ...each('norm1 q k v context attention afterAttention norm2 mlp afterMlp', N * D),
      ...each('scores weights', h * N * N), mlpHidden: take(N * hidden),
    })),
    panels: take((N + PANEL) * (d + PANEL)), zeros: take(N + d + PANEL), // whole panels fit
  };
}

/** What a model is made of: its tensors by name, checked, and put where the kernel finds them. */
export function readParts(tensors, kernel) {
  const get = (name, length) => {
    const { [name]: found = [] } = tensors;
    if (found.length !== length) throw new Error(`the configuration needs ${length} numbers of ${name}, the weight file has ${found.length}`);
    return found;
  };
  return {
    get, kernel,
    /** Outputs `first` to first + map.outputs of the `all` outputs that the tensor has. */
    store(map, name, hasBias = true, first = 0, all = map.outputs) {
      const { outputs, inputs, weight, bias } = map, last = first + outputs;
      packPanels(weight, get(`${name}.weight`, all * inputs).subarray(first * inputs, last * inputs), outputs, inputs, inputs, 1);
      if (hasBias) bias.set(get(`${name}.bias`, all).subarray(first, last));
    },
    storeNorm(norm, name, width, eps) {
      norm.gain.set(get(`${name}.weight`, width));
      norm.shift.set(get(`${name}.bias`, width));
      norm.eps = eps;
    },
    norm: (name, width, eps) => ({ gain: get(`${name}.weight`, width), shift: get(`${name}.bias`, width), eps }),
    /** out [rows, outputs] = x [rows, inputs] W^T + bias */
    linear: (x, { weight, bias, outputs, inputs }, out) => kernel.product(x, weight, bias, out, x.length / inputs, outputs, inputs),
  };
}

/**
 * The blocks of a stack -> run(x, how): x [N, D] through all of them. `how`: { hidden, headsOff, factor } of options.js.
 *
 * @param name what the tensors' names begin with, before 'blocks.0.'; @param config qkv_bias, init_values, norm_eps
 */
export function createBlocks({ get, store, storeNorm, linear, kernel }, { tokens: N, prefix, dim: D, heads, headDim: d }, { layers, blocks, panels, zeros }, name, config) {
  layers.forEach((layer, l) => {
    const start = `${name}blocks.${l}.`;
    layer.qkv.forEach((map, i) => store(map, `${start}attn.qkv`, config.qkv_bias, i * d, 3 * D));
    store(layer.proj, `${start}attn.proj`);
    for (const map of ['fc1', 'fc2']) store(layer[map], `${start}mlp.${map}`);
    layer.norms.forEach((norm, i) => {
      storeNorm(norm, `${start}norm${i + 1}`, D, config.norm_eps);
      if (config.init_values === null) layer.scales[i].fill(1);
      else layer.scales[i].set(get(`${start}ls${i + 1}.gamma`, D));
    });
    const { q, k, v } = blocks[l];
    layer.heads = [q, k, v].flatMap((all) => Array.from({ length: heads }, (_, head) => all.subarray(head * N * d, (head + 1) * N * d)));
  });

  /** context = softmax(q k^T * factor) v, head by head. */
  function attend(b, l, { hidden, headsOff, factor }) {
    for (let head = 0; head < heads; head++) {
      const [q, k, v] = [0, 1, 2].map((i) => layers[l].heads[i * heads + head]);
      const [scores, weights] = [b.scores, b.weights].map((all) => all.subarray(head * N * N, (head + 1) * N * N));
      kernel.pack(panels, k, N, d, d, 1, factor);
      kernel.product(q, panels, zeros, scores, N, N, d);
      for (const patch of hidden) for (let i = prefix + patch; i < scores.length; i += N) scores[i] = -Infinity;
      kernel.softmax(scores, weights, N);
      kernel.pack(panels, v, d, N, 1, d);
      kernel.product(weights, panels, zeros, b.context.subarray(head * d), N, d, N, N, D);
      if (headsOff.has(`${l}.${head}`)) for (let i = head * d; i < N * D; i += D) b.context.fill(0, i, i + d);
    }
  }

  return (x, how) => layers.reduce((z, layer, l) => {
    const b = blocks[l];
    kernel.layerNorm(z, b.norm1, D, layer.norms[0]);
    layer.qkv.forEach((map, i) => linear(b.norm1, map, layer.heads[i]));
    attend(b, l, how);
    linear(b.context, layer.proj, b.attention);
    kernel.addScaled(z, b.attention, layer.scales[0], b.afterAttention);
    kernel.layerNorm(b.afterAttention, b.norm2, D, layer.norms[1]);
    linear(b.norm2, layer.fc1, b.mlpHidden);
    kernel.gelu(b.mlpHidden);
    linear(b.mlpHidden, layer.fc2, b.mlp);
    kernel.addScaled(b.afterAttention, b.mlp, layer.scales[1], b.afterMlp);
    return b.afterMlp;
  }, x);
}
