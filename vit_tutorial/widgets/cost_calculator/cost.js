/** What a training step costs, by formula: vit_tutorial/cost.py in JavaScript, term by term. A test holds the two equal. */

const FP32 = 4, BF16 = 2; // bytes a number
const KEPT = { sgd: 1, adam: 2, adamw: 2, muon: 1 }; // numbers of the optimiser for each one that it moves
const sum = (parts) => Object.values(parts).reduce((a, b) => a + b, 0);

/** The sizes of the field: Dosovitskiy et al. 2021, table 1; Touvron et al. 2021, table 1. */
export const SIZES = {
  tiny: { embed_dim: 192, depth: 12, num_heads: 3 },
  small: { embed_dim: 384, depth: 12, num_heads: 6 },
  base: { embed_dim: 768, depth: 12, num_heads: 12 },
  large: { embed_dim: 1024, depth: 24, num_heads: 16 },
};

/** Why this model cannot be; empty where it can. */
export function fault({ embed_dim: D, num_heads: h, img_size: side, patch_size: patch }) {
  if (D % h) return `Width ${D} is not divisible by ${h} heads.`;
  if (side % patch) return `${side} pixels are not divisible by patches of ${patch}.`;
  return '';
}

/**
 * `state`: { embed_dim, depth, num_heads, mlp_ratio, img_size, patch_size, batch_size, precision, attention, optimizer, tflops, bandwidth },
 * a ViT of three channels with class token and 1000 classes; operations in 10^12 and bytes in 10^9 a second.
 * -> { tokens, parameters, flops, saved, memory, peak, inference, seconds }, bytes and seconds.
 */
export function costOf(state) {
  const { embed_dim: D, depth: L, num_heads: h, batch_size: B, patch_size: patch } = state, C = 3, K = 1000;
  const half = state.precision === 'bf16', explicit = state.attention === 'explicit', narrow = half ? BF16 : FP32;
  const hidden = Math.trunc(D * state.mlp_ratio), patches = (state.img_size / patch) ** 2, N = patches + 1, rows = B * N;
  const pixels = C * state.img_size ** 2, inPatch = C * patch ** 2, inBlocks = L * (4 * D * D + 2 * D * hidden);

  const counts = {
    embedding: D * (inPatch + 1) + (1 + N) * D, attention: L * (4 * D * D + 4 * D), 'feed-forward': L * (2 * D * hidden + hidden + D),
    norms: L * 4 * D + 2 * D, head: (D + 1) * K,
  };
  const P = sum(counts), kept = state.optimizer === 'muon' ? inBlocks + 2 * (P - inBlocks) : KEPT[state.optimizer] * P;
  const matrices = inBlocks + D * inPatch + D * K;

  const flops = {
    embedding: 2 * B * 2 * patches * D * inPatch, 'linear maps': 3 * B * L * N * (8 * D * D + 4 * D * hidden),
    attention: 3 * B * L * 4 * N * N * D, head: 3 * B * 2 * D * K,
  };
  const saved = {
    "norms' inputs": L * rows * (2 * D + 4) * FP32,
    "maps' inputs": L * rows * 2 * D * narrow,
    attention: L * rows * 4 * D * narrow,
    'feed-forward': L * rows * 2 * hidden * narrow,
    'attention, N x N': L * rows * h * (explicit ? N * narrow : FP32),
    'last norm and logits': rows * D * FP32 + (half ? B * D * BF16 : rows * D * FP32) + 2 * FP32 * rows + B * K * FP32,
  };
  if (half) saved['bf16 copies'] = (matrices + B * pixels) * BF16;

  const ofFfn = rows * (D * FP32 + hidden * narrow), freed = rows * (D * FP32 + (D + 2 * hidden) * narrow);
  const workspace = explicit ? Math.max(ofFfn, rows * (D * FP32 + 2 * h * N * narrow) - freed) : ofFfn;
  const memory = {
    weights: FP32 * P, gradients: FP32 * P, optimiser: FP32 * kept, activations: sum(saved), workspace, images: B * pixels * FP32,
  };
  const peak = memory.weights + memory.optimiser + memory.workspace + memory.images + Math.max(memory.activations, memory.gradients);
  const wide = rows * (D * (FP32 + narrow) + 2 * hidden * narrow), square = explicit ? rows * (D * (FP32 + 4 * narrow) + 2 * h * N * narrow) : 0;
  const inference = memory.weights + (half ? matrices * BF16 : 0) + memory.images + Math.max(wide, square);

  const traffic = rows * L * (D * 22 * FP32 + (11 * D + 6 * hidden) * narrow + (explicit ? 9 * h * N * narrow : 0)) + FP32 * (3 * P + 2 * kept);
  const rate = state.tflops * 1e12;
  const seconds = { 'linear maps': (sum(flops) - flops.attention) / rate, attention: flops.attention / rate, elementwise: traffic / (state.bandwidth * 1e9) };
  return { tokens: N, parameters: P, flops, saved, memory, peak, inference, seconds };
}
