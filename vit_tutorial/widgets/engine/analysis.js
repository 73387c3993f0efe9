/** What can be read out of one forward pass: heads, distances, rollout, logit lens. `r` is a result of `vit.forward`. */

/** A copy of a result that later forwards leave alone. */
export function copy(value) {
  if (ArrayBuffer.isView(value)) return value.slice();
  if (Array.isArray(value)) return value.map(copy);
  if (value?.constructor !== Object) return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, copy(part)]));
}

/** Weights [h, N, N] -> their mean over the heads [N, N]. */
export function meanOverHeads(weights, heads) {
  const size = weights.length / heads, mean = new Float32Array(size);
  for (let i = 0; i < weights.length; i++) mean[i % size] += weights[i] / heads;
  return mean;
}

/**
 * Attention rollout, one [N, N] a block: R_l = A_l R_{l-1} with A_l = (mean over heads + identity) / 2 and R_{-1} the identity
 * (Abnar and Zuidema 2020, section 3.2).
 */
export function rollout(vit, r) {
  const { tokens: N, heads } = vit.shape, steps = [];
  for (const { weights } of r.blocks) {
    const A = meanOverHeads(weights, heads).map((w, i) => (w + (i % (N + 1) === 0)) / 2); // every (N+1)th lies on the diagonal
    const before = steps.at(-1), now = before ? new Float32Array(N * N) : A;
    for (let i = 0; before && i < N; i++) {
      for (let k = 0; k < N; k++) {
        for (let j = 0, a = A[i * N + k]; j < N; j++) now[i * N + j] += a * before[k * N + j];
      }
    }
    steps.push(now);
  }
  return steps;
}

/** How much attention each token receives in a block: the mean over the queries, [h, N]; a head's numbers sum to 1. */
export function receivedAttention(vit, r, block) {
  const { tokens: N, heads } = vit.shape, { weights } = r.blocks[block], out = new Float32Array(heads * N);
  for (let i = 0; i < weights.length; i++) out[((i / (N * N)) | 0) * N + (i % N)] += weights[i] / N;
  return out;
}

/** Entropy -sum w ln w of the weights in nats, mean over the queries, [h]: 0 for one key only, ln N for all keys alike. */
export function headEntropy(vit, r, block) {
  const { tokens: N, heads } = vit.shape, { weights } = r.blocks[block], out = new Float32Array(heads);
  weights.forEach((w, i) => { if (w > 0) out[(i / (N * N)) | 0] -= (w * Math.log(w)) / N; });
  return out;
}

/**
 * How far each head looks, in pixels, [h]: the distance between the centres of query and key patch, weighted by attention and averaged
 * over the query patches (Dosovitskiy et al. 2021, section 4.5). Prefix tokens have no place: a patch's weights on patches are
 * renormalised to sum to 1.
 */
export function attentionDistance(vit, r, block) {
  const { tokens: N, heads, patches, prefix, columns, patchSize } = vit.shape, { weights } = r.blocks[block];
  const row = (i) => (i / columns) | 0, column = (i) => i % columns;
  return Float32Array.from({ length: heads }, (_, head) => {
    let mean = 0;
    for (let i = 0; i < patches; i++) {
      const start = (head * N + prefix + i) * N + prefix;
      let sum = 0, total = 0;
      for (let j = 0; j < patches; j++) {
        const w = weights[start + j];
        total += w;
        sum += w * patchSize * Math.hypot(row(i) - row(j), column(i) - column(j));
      }
      if (total > 0) mean += sum / total / patches;
    }
    return mean;
  });
}

/** Cosine similarity of the patches' position embeddings, [n, n]; null where the model has none. */
export function positionSimilarity({ shape: { patches: n, dim: D }, positionEmbedding }) {
  if (!positionEmbedding) return null;
  const unit = Array.from({ length: n }, (_, i) => {
    const row = positionEmbedding.subarray(positionEmbedding.length - (n - i) * D).subarray(0, D), norm = Math.hypot(...row) || 1;
    return row.map((x) => x / norm);
  });
  return Float32Array.from({ length: n * n }, (_, i) => unit[(i / n) | 0].reduce((sum, x, k) => sum + x * unit[i % n][k], 0));
}

/** The head's reading of every state of the residual stream (nostalgebraist 2020): the tokens first, then after each block. */
export function logitLens(vit, r) {
  return [r.tokens, ...r.blocks.map((b) => b.afterMlp)].map((state) => vit.readout(state, r.hidden));
}
