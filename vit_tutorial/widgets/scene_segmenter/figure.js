/**
 * The scene segmenter: digits that the reader moves, and the mask that a ViT lays over them. Everything that is shown follows from the
 * state (state.js), the reader's own ink, and one forward pass of a segmenter.
 */
import { button, canvas, element, segmented, show, slider } from '../attention_explorer/dom.js';
import look from '../attention_explorer/look.css';
import { createStore } from '../attention_explorer/state.js';
import { loadSegmenter } from '../engine/segmenter.js';
import { createBoard, SCALE } from './board.js';
import { createDrawing } from './drawing.js';
import { createLegend, legendStyles } from './legend.js';
import { createPainter, writeNames } from './overlay.js';
import { compose, randomScene, readInk, scores, SIDE } from './scene.js';
import { CHANGES, DEFAULTS, fitted } from './state.js';
import own from './scenes.css';

const styles = look + legendStyles + own;
const HINTS = {
  move: 'Drag a digit. Keyboard: arrow keys move it, [ and ] turn it, Delete takes it away.',
  draw: 'Draw. Keyboard: arrow keys move the pen, Space lowers and lifts it.',
  hide: 'Click or drag over patches: the model gets black there, and no other patch looks at them.',
};
const NAMES = { linear: 'Linear head', mask: 'Mask transformer' };
const percent = (share) => (Number.isNaN(share) ? '–' : `${(100 * share).toFixed(1)} %`);
const loaded = new Map(); // SHA-256 -> promise of a model: figures on one page share it

function shared({ manifest, data }) {
  const key = manifest?.sha256;
  if (!loaded.has(key)) loaded.set(key, loadSegmenter(manifest, data));
  return loaded.get(key);
}

/**
 * Build the figure inside `host`. `options`:
 *   models    { linear, mask }, each { manifest, data }; one may be left out        palette  [{ kind, ink }], see scene.py
 *   state     what differs from DEFAULTS
 *   changed(state, fields, { mask, right, miou })   called after every change that did not come from `set`
 * -> { state, set(state), answer(), latencies, destroy() }. Throws what can be shown to the reader.
 */
export async function createScene(host, options) {
  const { changed: tell } = options, names = Object.keys(NAMES).filter((name) => options.models[name]?.manifest);
  if (!names.length) throw new Error('the weights are missing or were cut');
  const models = Object.fromEntries(await Promise.all(names.map(async (name) => [name, await shared(options.models[name])])));
  const palette = options.palette.map(({ kind, ink }) => ({ kind, ink: readInk(ink) }));
  const { shape, classes, head } = models[names[0]], { height, width, patchSize, columns } = shape, K = head.num_classes;
  const fit = (state) => fitted({ ...state, decoder: models[state.decoder] ? state.decoder : names[0] }, shape, palette);
  const start = fit({ ...DEFAULTS, ...options.state });
  const store = createStore(start, fit), drawing = createDrawing(height, width);
  const ctx = {
    shape, palette, drawing, say,
    get state() { return store.state; },
    set: (changes) => store.set(changes),
    drew: () => render(new Set(['drawing'])),
    now: (event) => { began = event.timeStamp; },
    remove(number) {
      store.set({ digits: store.state.digits.filter((_, i) => i !== number), selected: -1 });
      board.focus(Math.min(number, store.state.digits.length - 1));
    },
  };
  let began = 0, scene = null, mask = null, found = null;
  const latencies = [];

  // ---- the parts --------------------------------------------------------------------------------------------------------------
  const board = createBoard(ctx), legend = createLegend(classes, K), paint = createPainter(height, width, SCALE);
  const picture = canvas(width, height), image = picture.pen.createImageData(width, height);
  const decoder = names.length > 1 ? segmented('Decoder', names.map((name) => [name, NAMES[name]]), (value) => store.set({ decoder: value }), 'tabs') : null;
  const layers = segmented('Mask', [['model', 'Model'], ['truth', 'Truth'], ['wrong', 'Mistakes']], (value) => store.set({ show: value }));
  const tools = segmented('Tool', [['move', 'Move'], ['draw', 'Draw'], ['hide', 'Hide patches']], (tool) => store.set({ tool }), 'tools');
  const hint = element('span', { class: 'hint' });
  const opacity = slider('Opacity', { min: 0, max: 100, step: 5 }, (value) => store.set({ opacity: value / 100 }));
  const angle = slider('Angle', { min: -180, max: 180, step: 5 }, (value) => turn(value));
  const thumbs = palette.map(({ kind, ink }, digit) => {
    const face = canvas(SIDE), pixels = face.pen.createImageData(SIDE, SIDE);
    ink.forEach((value, p) => pixels.data.set([value, value, value, 255], 4 * p));
    face.pen.putImageData(pixels, 0, 0);
    return button(face, () => add(digit), { class: 'thumb', 'aria-label': `Add a ${kind}`, title: `Add a ${kind}` });
  });
  const menu = element('div', { class: 'buttons small menu' },
    button('New scene', () => fresh(randomScene(palette, shape))), button('Clear', () => fresh([])), button('Reset', () => { drawing.clear(); store.set({ ...start, tool: store.state.tool }); render(new Set(['drawing'])); }));
  const right = element('b', {}), miou = element('b', {}), floor = element('b', {});
  const facts = element('dl', { class: 'facts' },
    element('div', {}, element('dt', {}, 'Pixels right'), element('dd', {}, right)), element('div', {}, element('dt', {}, 'mIoU of this scene'), element('dd', {}, miou)),
    element('div', { class: 'floor' }, element('dt', {}, 'if all were background'), element('dd', {}, floor)));
  const readout = element('p', { class: 'readout' }), spoken = element('p', { class: 'spoken', role: 'status', 'aria-live': 'polite' });
  const origin = element('p', { class: 'sub' });
  const slow = models[names[0]].kernel === 'javascript' ? element('p', { class: 'note engine-note' }, 'This browser offers no WebAssembly with SIMD: the figure computes in plain JavaScript, with the same numbers, more slowly.') : null;
  const figure = element('div', { class: 'figure' },
    element('div', { class: 'top' }, decoder?.node, menu),
    element('div', { class: 'stage' },
      element('section', { class: 'panel', 'aria-label': 'Scene' }, board.node, element('div', { class: 'tool-bar' }, tools.node, hint)),
      element('section', { class: 'panel side', 'aria-label': 'Classes and scores' }, facts, legend.node)),
    element('div', { class: 'controls' }, element('div', { class: 'row' }, element('span', { class: 'name', 'aria-hidden': 'true' }, 'Mask'), layers.node), opacity.node, angle.node),
    element('div', { class: 'add' }, element('span', { class: 'name' }, 'Add a digit'), element('div', { class: 'thumbs', role: 'group', 'aria-label': 'Digits of the test split' }, thumbs)),
    readout, origin, slow, spoken);
  const root = host.shadowRoot ?? host.attachShadow({ mode: 'open' });
  root.replaceChildren(element('style', {}, styles), figure);

  // ---- what buttons do ----------------------------------------------------------------------------------------------------------
  function turn(value) {
    const { selected, digits } = store.state;
    began = performance.now();
    if (selected >= 0) store.set({ digits: digits.map((digit, i) => (i === selected ? { ...digit, angle: value } : digit)) });
  }
  function add(digit) { // where it covers least
    const { owner } = scene;
    let best = null;
    for (let row = 0; row <= height - SIDE; row++) {
      for (let column = 0; column <= width - SIDE; column++) {
        let covered = 0;
        for (let i = 0; i < SIDE * SIDE; i++) covered += owner[(row + ((i / SIDE) | 0)) * width + column + (i % SIDE)] >= 0;
        const far = Math.hypot(row - (height - SIDE) / 2, column - (width - SIDE) / 2) / 1000;
        if (!best || covered + far < best.cost) best = { cost: covered + far, row, column };
      }
    }
    const { digits } = store.state;
    store.set({ digits: [...digits, { digit, row: best.row, column: best.column, angle: 0 }], selected: digits.length, tool: 'move' });
  }
  function fresh(digits) {
    drawing.clear();
    store.set({ digits, selected: -1, hide: [] });
    render(new Set(['drawing']));
  }

  // ---- what is computed and shown -------------------------------------------------------------------------------------------------
  function compute() {
    const { state } = store, model = models[state.decoder];
    scene = compose(state.digits, palette, drawing.ink, shape);
    const input = Float32Array.from(scene.pixels, (value) => (value / 255 - model.mean[0]) / model.std[0]);
    const black = -model.mean[0] / model.std[0];
    for (const patch of state.hide) {
      const corner = Math.floor(patch / columns) * patchSize * width + (patch % columns) * patchSize;
      for (let i = 0; i < patchSize ** 2; i++) input[corner + Math.floor(i / patchSize) * width + (i % patchSize)] = black;
    }
    ({ mask } = model.forward(input, { hide: state.hide }));
    found = scores(mask, scene.truth, K);
    scene.pixels.forEach((value, p) => image.data.set([value, value, value, 255], 4 * p));
    picture.pen.putImageData(image, 0, 0);
  }
  function shown() {
    const { show: which } = store.state, { truth } = scene;
    if (which === 'model') return mask;
    if (which === 'truth') return truth;
    return mask.map((k, p) => (truth[p] === k || truth[p] === 255 ? 0 : k || 255));
  }
  function draw() {
    const { state } = store, { pen } = board, side = patchSize * SCALE;
    pen.imageSmoothingEnabled = false;
    pen.globalAlpha = 1;
    pen.drawImage(picture, 0, 0, pen.canvas.width, pen.canvas.height);
    for (const patch of state.hide) hatch(pen, (patch % columns) * side, Math.floor(patch / columns) * side, side);
    if (!state.opacity) return;
    const layer = shown();
    pen.globalAlpha = state.opacity;
    pen.drawImage(paint(layer), 0, 0);
    pen.globalAlpha = 1;
    writeNames(pen, layer, height, width, classes, SCALE, 1.25 * SCALE);
  }
  /** How a digit fares: the share of its pixels that the model gives its class. */
  function fate(number) {
    const kind = palette[store.state.digits[number].digit].kind;
    let own = 0, named = 0;
    scene.owner.forEach((who, p) => { if (who === number) { own++; named += mask[p] === kind + 1; } });
    return { kind, own, share: own ? named / own : NaN };
  }
  function describe(number) {
    const { kind, own, share } = fate(number), { row, column, angle: by } = store.state.digits[number];
    return `digit ${kind}, row ${row}, column ${column}${by ? `, turned by ${by} degrees` : ''}: ${own ? `${percent(share)} of its pixels are called ${kind}` : 'covered'}`;
  }
  function sentence() {
    const { digits, selected, hide } = store.state;
    if (!digits.length && drawing.isEmpty()) return `An empty scene. ${found.right === 1 ? 'The model calls all of it background.' : `The model finds something on ${percent(1 - found.right)} of it.`} Add a digit, or draw one.`;
    if (selected >= 0) {
      const { kind, own, share } = fate(selected);
      return own ? `The selected ${kind}: ${percent(share)} of its pixels are called ${kind}.` : `The selected ${kind} is covered, or outside.`;
    }
    const most = digits.filter((_, number) => fate(number).share > 0.5).length;
    const own = drawing.isEmpty() ? '' : ' Your own ink has no truth: its pixels do not count.';
    return `${most} of ${digits.length} digits have most of their pixels right${hide.length ? `, with ${hide.length} of ${shape.patches} patches hidden` : ''}.${own}`;
  }
  function render(changed) {
    const { state } = store, forward = changed.has('drawing') || CHANGES.some((field) => changed.has(field));
    if (forward) {
      compute();
      legend.set(found.iou, mask);
      show(right, percent(found.right));
      show(miou, Number.isNaN(found.miou) ? '–' : found.miou.toFixed(3));
      show(floor, percent(found.background));
    }
    draw();
    board.update(changed, describe);
    decoder?.set(state.decoder);
    show(origin, sourceOf(models[state.decoder]));
    layers.set(state.show);
    tools.set(state.tool);
    show(hint, HINTS[state.tool]);
    opacity.set(Math.round(100 * state.opacity), `${Math.round(100 * state.opacity)} %`);
    const turnedBy = state.digits[state.selected]?.angle ?? 0;
    angle.set(turnedBy, `${turnedBy}°`);
    angle.input.disabled = state.selected < 0;
    angle.node.classList.toggle('off', state.selected < 0);
    const text = sentence();
    show(readout, text);
    say(text);
    host.dataset.renders = Number(host.dataset.renders ?? 0) + 1;
    if (forward && began) measure(began);
    began = 0;
    if (changed.has('drawing')) settle(new Set(['drawing']));
  }
  /** From the hand's event to the frame that shows the new mask. */
  function measure(since) {
    requestAnimationFrame(() => setTimeout(() => {
      latencies.push(performance.now() - since);
      if (latencies.length > 500) latencies.shift();
    }));
  }

  // ---- what is said, and what Python hears once the hand rests ------------------------------------------------------------------
  let timer, silent = true, resting, waiting = new Set();
  function say(text) { // once the reader pauses, and not at the start
    clearTimeout(timer);
    timer = setTimeout(() => { if (silent) silent = false; else show(spoken, text); }, 500);
  }
  const answer = () => ({ mask: Array.from(mask), right: found.right, miou: found.miou });
  function settle(fields) {
    for (const field of fields) waiting.add(field);
    clearTimeout(resting);
    resting = setTimeout(() => { tell?.(store.state, waiting, answer()); waiting = new Set(); }, 150);
  }
  host.addEventListener('keydown', (event) => event.stopPropagation()); // JupyterLab would take the arrow keys
  store.listen((state, changed, origin) => {
    const fields = new Set(changed);
    render(changed);
    if (origin !== 'outside') settle(fields);
  });
  render(new Set([...Object.keys(DEFAULTS), 'drawing']));
  host.dataset.ready = models[names[0]].kernel;
  return {
    get state() { return store.state; },
    answer, latencies,
    set: (changes) => store.set(changes, 'outside'),
    destroy() { clearTimeout(resting); root.replaceChildren(); },
  };
}

/** What the model was trained as, in words. */
const sourceOf = ({ source }) => (source?.recipe?.title ? `The model: ${source.recipe.title}.` : '');

function hatch(pen, x, y, side) {
  pen.save();
  pen.beginPath();
  pen.rect(x, y, side, side);
  pen.clip();
  Object.assign(pen, { fillStyle: '#5d626b', strokeStyle: '#8a8f98', lineWidth: side / 14 });
  pen.fillRect(x, y, side, side);
  for (let offset = -side; offset < side; offset += side / 4) {
    pen.beginPath();
    pen.moveTo(x + offset, y + side);
    pen.lineTo(x + offset + side, y);
    pen.stroke();
  }
  pen.restore();
}

/** A plain message in place of the figure. */
export function showFault(host, text) {
  const root = host.shadowRoot ?? host.attachShadow({ mode: 'open' });
  root.replaceChildren(element('style', {}, styles), element('div', { class: 'figure' }, element('p', { class: 'alarm', role: 'alert' }, text)));
  host.dataset.failed = text;
}
