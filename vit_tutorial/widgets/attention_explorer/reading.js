/** What a view reads out of one forward pass. `ctx`: { vit, engine, shape, state, r, cache }. */

/** Compute once a forward pass. */
const once = (ctx, name, make) => ctx.cache[name] ?? (ctx.cache[name] = make());

export const tokenOf = (ctx, patch) => (patch === 'class' ? 0 : ctx.shape.prefix + patch);
export const patchOf = (ctx, token) => (token < ctx.shape.prefix ? 'class' : token - ctx.shape.prefix);

/** Weights [N, N] of one head, or the mean of a layer's heads. */
export function weightsOf(ctx, layer, head) {
  const { tokens: N, heads } = ctx.shape, all = ctx.r.blocks[layer].weights;
  if (head !== 'mean') return all.subarray(head * N * N, (head + 1) * N * N);
  return once(ctx, `mean ${layer}`, () => ctx.engine.meanOverHeads(all, heads));
}

/** [N]: how strongly each token is looked at, by the query, by all queries, or through all layers up to this one. */
export function attentionTo(ctx, { layer, head, show } = ctx.state) {
  const { tokens: N, heads } = ctx.shape;
  if (show === 'received') {
    const all = once(ctx, `received ${layer}`, () => ctx.engine.receivedAttention(ctx.vit, ctx.r, layer));
    if (head !== 'mean') return all.subarray(head * N, (head + 1) * N);
    return Float32Array.from({ length: N }, (_, j) => {
      let sum = 0;
      for (let h = 0; h < heads; h++) sum += all[h * N + j] / heads;
      return sum;
    });
  }
  const from = show === 'rollout' ? once(ctx, 'rollout', () => ctx.engine.rollout(ctx.vit, ctx.r))[layer] : weightsOf(ctx, layer, head);
  const row = tokenOf(ctx, ctx.state.query);
  return from.subarray(row * N, (row + 1) * N);
}

/** Entropy in nats and mean distance in pixels of one head; of 'mean', the means over the heads. */
export function headNumbers(ctx, layer, head) {
  const entropy = once(ctx, `entropy ${layer}`, () => ctx.engine.headEntropy(ctx.vit, ctx.r, layer));
  const distance = once(ctx, `distance ${layer}`, () => ctx.engine.attentionDistance(ctx.vit, ctx.r, layer));
  const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;
  return head === 'mean' ? { entropy: mean(entropy), distance: mean(distance) } : { entropy: entropy[head], distance: distance[head] };
}

/** Index of the largest number, the first `skip` left out. */
export function strongest(values, skip = 0) {
  let best = skip;
  for (let i = skip; i < values.length; i++) if (values[i] > values[best]) best = i;
  return best;
}

/** q, k or v of one token in one head: [d]. */
export function vectorOf(ctx, which, layer, head, token) {
  const { tokens: N, headDim: d } = ctx.shape, at = (head * N + token) * d;
  return ctx.r.blocks[layer][which].subarray(at, at + d);
}

/** Cosine similarity of the patches' position embeddings [n, n], or null. */
export const similarity = (ctx) => (ctx.vit.similarity ??= ctx.engine.positionSimilarity(ctx.vit));
