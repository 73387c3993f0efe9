/** The model behind a figure: one forward pass a change, and what the untouched model says of the same picture. */
import { CHANGES, DEFAULTS } from './state.js';

const models = new Map(); // SHA-256 -> promise of a model: figures on one page share it

export function loadShared(engine, { manifest, data }) {
  const key = manifest?.sha256;
  if (!models.has(key)) models.set(key, engine.loadViT(manifest, data));
  return models.get(key);
}

const interventions = ({ move, hide, positions, headsOff, temperature, scale }) => ({
  move: move ?? undefined, hide, positions, headsOff, temperature, scaleExponent: scale,
});

/**
 * Gives `ctx` what the views read: r (the engine's result), baseline (probabilities of the untouched model, or null where nothing was
 * changed), cache (what reading.js made of r), and the functions compute() and without(head).
 */
export function addComputing(ctx, host) {
  const { engine, vit, pictures } = ctx;
  let untouched = null; // { key, probabilities }
  const input = () => engine.imageToInput(vit, pictures.pixels(ctx.state.image));

  /** False where another figure with the same model has written into the same arrays. */
  ctx.isCurrent = () => vit.user === ctx;
  ctx.compute = () => {
    const { state } = ctx, began = performance.now(), key = `${state.image} ${ctx.revision}`;
    const isChanged = CHANGES.some((field) => JSON.stringify(state[field]) !== JSON.stringify(DEFAULTS[field]));
    if (isChanged && untouched?.key !== key) untouched = { key, probabilities: vit.forward(input()).probabilities };
    ctx.baseline = isChanged ? untouched.probabilities : null;
    ctx.r = vit.forward(input(), interventions(state));
    if (!isChanged) untouched = { key, probabilities: ctx.r.probabilities };
    vit.user = ctx;
    ctx.cache = {};
    ctx.lens = null;
    host.dataset.forward = (performance.now() - began).toFixed(2);
  };
  /** The probabilities with one more head off; the state stays as it is. */
  ctx.without = (name) => {
    vit.user = null; // the intermediates now belong to no figure
    return vit.forward(input(), { ...interventions(ctx.state), headsOff: [...new Set([...ctx.state.headsOff, name])] }).probabilities;
  };
}
