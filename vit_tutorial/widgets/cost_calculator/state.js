/** What the calculator is asked, as plain data: it travels to Python and comes back. */
import { SIZES } from './cost.js';

export const WORDS = { precision: ['fp32', 'bf16'], attention: ['fused', 'explicit'], optimizer: ['adamw', 'muon', 'sgd'] };
export const LIMITS = { // of the numbers: smallest, largest, step
  embed_dim: [16, 8192, 16], depth: [1, 96, 1], num_heads: [1, 64, 1], mlp_ratio: [0.5, 8, 0.5],
  img_size: [8, 2048, 8], patch_size: [1, 64, 1], batch_size: [1, 65536, 1],
  tflops: [0.001, 10000, 0.001], bandwidth: [0.1, 100000, 0.1], gib: [0.5, 4096, 0.5],
};
export const DEFAULTS = {
  ...SIZES.tiny, mlp_ratio: 4, img_size: 224, patch_size: 16, batch_size: 64, precision: 'fp32', attention: 'fused', optimizer: 'adamw',
  tflops: 0.1, bandwidth: 5, gib: 8,
};
const WHOLE = ['embed_dim', 'depth', 'num_heads', 'img_size', 'patch_size', 'batch_size'];

/** Any state -> one that can be shown: numbers within their limits, known words. */
export function fitted(wanted) {
  const s = { ...DEFAULTS, ...wanted };
  for (const [name, [low, high]] of Object.entries(LIMITS)) {
    const value = Number(s[name]) || DEFAULTS[name];
    s[name] = Math.min(high, Math.max(low, WHOLE.includes(name) ? Math.round(value) : value));
  }
  for (const [name, known] of Object.entries(WORDS)) if (!known.includes(s[name])) s[name] = known[0];
  return s;
}
