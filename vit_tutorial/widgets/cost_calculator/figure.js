/** A model, a batch and a device, and what a training step takes: parameters, operations, memory by part, time. */
import { element, segmented, show } from '../attention_explorer/dom.js';
import look from '../attention_explorer/look.css';
import { createStore } from '../attention_explorer/state.js';
import own from './calculator.css';
import { costOf, fault, SIZES } from './cost.js';
import { DEFAULTS, fitted, LIMITS } from './state.js';

const styles = look + own, GIB = 2 ** 30, MIB = 2 ** 20;
const NUMBERS = {
  embed_dim: 'Width D', depth: 'Blocks L', num_heads: 'Heads h', mlp_ratio: 'MLP ratio', img_size: 'Image (pixels)', patch_size: 'Patch (pixels)', batch_size: 'Batch (images)',
};
const DEVICE = { tflops: 'TFLOP/s reached', bandwidth: 'GB/s reached', gib: 'Memory (GiB)' };
/** Peaks by the maker, dense products: fp32, half precision (10^12 operations a second), bandwidth (10^9 bytes a second), memory (GiB). */
const DEVICES = { T4: [8.1, 65, 320, 15], A100: [19.5, 312, 2039, 80], H100: [66.9, 989, 3350, 80] };
const REACHED = 0.4; // of the peaks: a guess, to be replaced by what was measured
const PARTS = { weights: 'weights', optimiser: 'optimiser', activations: 'saved activations', gradients: 'gradients', workspace: 'workspace', images: 'images' };

const rounded = (x) => (x >= 100 ? Math.round(x).toLocaleString('en') : Number(x.toPrecision(3)).toString());
const bytes = (x) => (x >= GIB ? `${rounded(x / GIB)} GiB` : `${rounded(x / MIB)} MiB`);
const count = (x) => { for (const [unit, size] of [['P', 1e15], ['T', 1e12], ['G', 1e9], ['M', 1e6]]) if (x >= size) return `${rounded(x / size)} ${unit}`; return rounded(x); };
const time = (s) => (s >= 120 ? `${rounded(s / 60)} min` : s >= 1 ? `${rounded(s)} s` : `${rounded(1000 * s)} ms`);

/**
 * Build the figure inside `host`. `state`: what differs from DEFAULTS; changed(state, fields): after every change that did not come from `set`
 * -> { state, cost(), set(state), destroy() }.
 */
export function createCalculator(host, { state, changed: tell }) {
  const store = createStore({ ...DEFAULTS, ...state }, fitted);
  const fields = {};
  const field = (name, label) => {
    const [min, max, step] = LIMITS[name];
    // What is typed may be odd for a moment: a number counts when it is finished, an arrow at once.
    const input = element('input', { type: 'number', inputmode: 'decimal', min, max, step: name === 'tflops' || name === 'bandwidth' ? 'any' : step, onchange: () => { store.set({ [name]: input.value }); input.value = store.state[name]; } });
    fields[name] = input;
    return element('label', { class: 'number' }, element('span', {}, label), input);
  };
  const sizes = segmented('Size', Object.keys(SIZES).map((name) => [name, name]), (name) => store.set(SIZES[name]));
  const precision = segmented('Precision', [['fp32', 'fp32'], ['bf16', 'bf16']], (value) => store.set({ precision: value }));
  const attention = segmented('Attention', [['fused', 'fused'], ['explicit', 'explicit']], (value) => store.set({ attention: value }));
  const optimizer = segmented('Optimiser', [['adamw', 'AdamW'], ['muon', 'Muon'], ['sgd', 'SGD']], (value) => store.set({ optimizer: value }));
  const devices = segmented('Device', [...Object.keys(DEVICES), 'own'].map((name) => [name, name]), (name) => name !== 'own' && store.set(ofDevice(name, store.state.precision)));
  const facts = Object.fromEntries(['parameters', 'tokens', 'operations', 'peak', 'inference', 'time'].map((name) => [name, element('b', {})]));
  const fact = (label, name) => element('div', {}, element('dt', {}, label), element('dd', {}, facts[name]));
  const bar = element('div', { class: 'bar', role: 'img' }), legend = element('ul', { class: 'legend' }), limit = element('div', { class: 'limit', 'aria-hidden': 'true' });
  const track = element('div', { class: 'track' }, bar, limit), verdict = element('p', { class: 'verdict' });
  const alarm = element('p', { class: 'alarm', role: 'alert', hidden: true }), spoken = element('p', { class: 'spoken', role: 'status' });
  const row = (label, ...content) => element('div', { class: 'row' }, element('span', { class: 'name' }, label), content);
  const figure = element('div', { class: 'figure' },
    row('Model', sizes.node),
    element('div', { class: 'fields' }, Object.entries(NUMBERS).map(([name, label]) => field(name, label))),
    element('div', { class: 'choices' }, row('Precision', precision.node), row('Attention', attention.node), row('Optimiser', optimizer.node)),
    alarm, element('dl', { class: 'facts' }, fact('parameters', 'parameters'), fact('tokens', 'tokens'), fact('operations a step', 'operations'), fact('peak, training', 'peak'), fact('peak, inference', 'inference'), fact('a step takes', 'time')),
    track, legend, verdict,
    row('Device', devices.node), element('div', { class: 'fields' }, Object.entries(DEVICE).map(([name, label]) => field(name, label))), spoken);
  const root = host.shadowRoot ?? host.attachShadow({ mode: 'open' });
  root.replaceChildren(element('style', {}, styles), figure);

  function ofDevice(name, kind) {
    const [single, half, bandwidth, gib] = DEVICES[name];
    return { tflops: Number(((kind === 'bf16' ? half : single) * REACHED).toPrecision(4)), bandwidth: bandwidth * REACHED, gib };
  }
  const matches = (wanted) => Object.entries(wanted).every(([name, value]) => store.state[name] === value);
  let cost = null, device = 'own';
  function render(changed) {
    const { state: now } = store, wrong = fault(now);
    // A device of the list stays itself where the precision changes: it has a rate for each.
    const named = Object.keys(DEVICES).find((name) => matches(ofDevice(name, now.precision)));
    if (!named && device !== 'own' && changed.has('precision') && !changed.has('tflops')) { store.set(ofDevice(device, now.precision)); return; }
    device = named ?? 'own';
    for (const [name, input] of Object.entries(fields)) if (input !== root.activeElement || changed.size > 3) input.value = now[name];
    sizes.set(Object.keys(SIZES).find((name) => matches(SIZES[name])) ?? '');
    for (const [name, control] of Object.entries({ precision, attention, optimizer })) control.set(now[name]);
    devices.set(device);
    alarm.hidden = !wrong;
    show(alarm, wrong);
    figure.classList.toggle('stale', Boolean(wrong));
    host.dataset.renders = Number(host.dataset.renders ?? 0) + 1;
    if (wrong) return;
    cost = costOf(now);
    const seconds = Object.values(cost.seconds).reduce((a, b) => a + b, 0), left = cost.memory.activations >= cost.memory.gradients ? 'gradients' : 'activations';
    const most = Math.max(cost.peak, now.gib * GIB), fits = cost.peak <= now.gib * GIB;
    show(facts.parameters, count(cost.parameters));
    show(facts.tokens, String(cost.tokens));
    show(facts.operations, count(Object.values(cost.flops).reduce((a, b) => a + b, 0)));
    show(facts.peak, bytes(cost.peak));
    show(facts.inference, bytes(cost.inference));
    show(facts.time, time(seconds));
    const parts = Object.keys(PARTS).filter((name) => name !== left);
    show(bar, parts.map((name) => element('span', { class: `part ${name}`, style: `width: ${(100 * cost.memory[name]) / most}%` })));
    show(legend, parts.map((name) => element('li', {}, element('span', { class: `key ${name}` }), `${PARTS[name]} ${bytes(cost.memory[name])}`)));
    limit.style.left = `${(100 * now.gib * GIB) / most}%`;
    verdict.classList.toggle('over', !fits);
    const words = `${fits ? 'Fits' : 'Does not fit'} in ${rounded(now.gib)} GiB: a step takes ${bytes(cost.peak)}, and ${rounded(now.batch_size / seconds)} images a second pass.`;
    show(verdict, words);
    bar.setAttribute('aria-label', `Memory of a training step: ${parts.map((name) => `${PARTS[name]} ${bytes(cost.memory[name])}`).join(', ')}. ${words}`);
    say(words);
  }
  let timer, silent = true;
  function say(text) { // once the reader pauses, and not at the start
    clearTimeout(timer);
    timer = setTimeout(() => { if (silent) silent = false; else show(spoken, text); }, 500);
  }
  host.addEventListener('keydown', (event) => event.stopPropagation()); // JupyterLab would take the arrow keys
  store.listen((now, changed, origin) => {
    render(changed);
    if (origin !== 'outside') tell?.(now, changed);
  });
  render(new Set(Object.keys(DEFAULTS)));
  host.dataset.ready = 'true';
  return {
    get state() { return store.state; },
    cost: () => cost,
    set: (changes) => store.set(changes, 'outside'),
    destroy() { clearTimeout(timer); root.replaceChildren(); },
  };
}
