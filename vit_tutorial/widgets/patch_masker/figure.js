/**
 * A picture whose patches the reader hides, and what a masked autoencoder paints in their places. Everything that is shown follows from
 * the state (state.js) and one pass through encoder and decoder.
 */
import { amountScale, css } from '../attention_explorer/colours.js';
import { button, canvas, element, segmented, show, slider } from '../attention_explorer/dom.js';
import look from '../attention_explorer/look.css';
import { paintPicture } from '../attention_explorer/paint.js';
import { createPatchGrid, nameOf } from '../attention_explorer/patch-grid.js';
import { createStore } from '../attention_explorer/state.js';
import { errors, loadAutoencoder } from '../engine/autoencoder.js';
import { imageToInput } from '../engine/image.js';
import own from './masker.css';
import { order, resized } from './masks.js';
import { DEFAULTS, fitted } from './state.js';

const styles = look + own, PATCH = 48; // pixels of a canvas, a patch
const SHOWN = { painted: 'Painted', image: 'Image', error: 'Error' };
const SUBTITLES = { painted: 'What the decoder paints', image: 'The whole image', error: 'Squared error, patch by patch' };
const number = (x) => (Number.isNaN(x) ? '–' : x.toFixed(3));
const loaded = new Map(); // SHA-256 -> promise of a model: figures on one page share it

function shared(manifest, data) {
  const key = manifest?.sha256;
  if (!loaded.has(key)) loaded.set(key, loadAutoencoder(manifest, data));
  return loaded.get(key);
}

/** The pixels of a picture of the gallery, as the model takes them. */
async function pixelsOf(model, address) {
  const { height, width } = model.shape, picture = Object.assign(new Image(), { src: address }), sheet = canvas(width, height);
  await picture.decode();
  sheet.pen.drawImage(picture, 0, 0, width, height);
  return imageToInput(model, sheet.pen.getImageData(0, 0, width, height));
}

/**
 * Build the figure inside `host`. `options`: { manifest, data, pictures [{ name, label, image, credit }], state: what differs from DEFAULTS,
 * changed(state, fields, { painted, errors }): called after every change that did not come from `set` }
 * -> { state, set(state), answer(), latencies, destroy() }. Throws what can be shown to the reader.
 */
export async function createMasker(host, { manifest, data, pictures, state, changed: tell }) {
  const model = await shared(manifest, data), { shape } = model, { height, width, columns, patchSize, patches, channels } = shape;
  const inputs = Object.fromEntries(await Promise.all(pictures.map(async ({ name, image }) => [name, await pixelsOf(model, image)])));
  const fit = (wanted) => fitted(wanted, shape, pictures.map(({ name }) => name));
  const start = fit({ ...DEFAULTS, ...state }), store = createStore(start, fit), latencies = [];
  let began = 0, hiding = true, queue = order(start.sampling, shape), painted = null, found = null;
  const now = (event) => { began = event?.timeStamp ?? performance.now(); };

  // ---- the parts --------------------------------------------------------------------------------------------------------------
  const toggle = (patch, on = !store.state.hide.includes(patch)) => store.set({ hide: on ? [...store.state.hide, patch] : store.state.hide.filter((i) => i !== patch) });
  const grid = createPatchGrid('Image, cut into patches. Click or drag to hide and show them; Space on the keyboard.', { ...shape, prefix: 0 }, {
    point(kind, patch, at, event) {
      now(event);
      if (kind === 'down') {
        grid.square.setPointerCapture?.(event.pointerId);
        hiding = !store.state.hide.includes(patch);
      }
      if (kind === 'down' || kind === 'move') toggle(patch, hiding);
      if (kind === 'click' && !event.detail) toggle(patch); // a screen reader's click, with no pointer behind it
    },
    key(event, patch) {
      if (event.key !== ' ' && event.key !== 'Enter') return false;
      now(event);
      toggle(patch);
      say(`${nameOf(patch, columns)} ${store.state.hide.includes(patch) ? 'hidden' : 'shown'}`);
      return true;
    },
  }, PATCH);
  grid.node.dataset.tool = 'hide';
  const result = canvas(width, height, { 'aria-hidden': null, role: 'img', class: 'result' }), image = canvas(width, height);
  const thumbs = pictures.map(({ name, label, image: src }) => {
    const face = button(element('img', { src, alt: '', draggable: 'false' }), () => { now(); store.set({ image: name }); }, { class: 'thumb', 'aria-label': label, title: label });
    return [name, face];
  });
  const shows = segmented('Right picture', Object.entries(SHOWN), (value) => store.set({ show: value }));
  const ways = segmented('Hidden patches lie', [['random', 'Anywhere'], ['block', 'In a block'], ['grid', 'On a grid']], (sampling) => fresh(sampling));
  const share = slider('Hidden', { min: 0, max: patches }, (count) => { now(); store.set({ hide: resized(store.state.hide, queue, count) }); });
  const menu = element('div', { class: 'buttons small' }, button('Draw again', () => fresh(store.state.sampling)), button('Reset', () => { now(); store.set(start); }));
  const mine = element('b', {}), guess = element('b', {});
  const facts = element('dl', { class: 'facts' },
    element('div', {}, element('dt', {}, 'The decoder'), element('dd', {}, mine)), element('div', { class: 'floor' }, element('dt', {}, 'Mean of the visible pixels'), element('dd', {}, guess)));
  const under = element('p', { class: 'subtitle' }), readout = element('p', { class: 'readout' }), credit = element('p', { class: 'sub' });
  const spoken = element('p', { class: 'spoken', role: 'status', 'aria-live': 'polite' });
  const slow = model.kernel === 'javascript' ? element('p', { class: 'note engine-note' }, 'This browser offers no WebAssembly with SIMD: the figure computes in plain JavaScript, with the same numbers, more slowly.') : null;
  const figure = element('div', { class: 'figure' },
    element('div', { class: 'thumbs', role: 'group', 'aria-label': 'Image' }, thumbs.map(([, face]) => face)),
    element('div', { class: 'stage' },
      element('div', { class: 'panel' }, element('p', { class: 'subtitle' }, 'What the encoder gets'), grid.node),
      element('div', { class: 'panel' }, under, result)),
    element('div', { class: 'under' },
      element('p', { class: 'hint' }, 'Click or drag over patches. Keyboard: arrow keys, Space hides and shows.'), shows.node),
    element('div', { class: 'controls' }, share.node, ways.node, menu),
    element('div', { class: 'numbers' }, element('p', { class: 'title' }, 'Mean squared error on the hidden patches'), facts),
    readout, credit, slow, spoken);
  const root = host.shadowRoot ?? host.attachShadow({ mode: 'open' });
  root.replaceChildren(element('style', {}, styles), figure);

  /** Another draw of as many patches as are hidden now; three quarters where none is. */
  function fresh(sampling) {
    now();
    queue = order(sampling, shape);
    store.set({ sampling, hide: queue.slice(0, store.state.hide.length || Math.round(0.75 * patches)) });
  }

  // ---- what is computed and shown -------------------------------------------------------------------------------------------------
  const input = () => inputs[store.state.image];
  function compute() {
    ({ painted } = model.forward(input(), { hide: store.state.hide }));
    found = errors(input(), painted, store.state.hide, shape);
  }
  /** Normalised numbers [C, H, W] onto a canvas of the image's size. */
  function put(pen, values) {
    const pixels = pen.createImageData(width, height), byte = (c, p) => Math.round(255 * Math.max(0, Math.min(1, values[c * width * height + p] * model.std[c] + model.mean[c])));
    for (let p = 0; p < width * height; p++) pixels.data.set([byte(0, p), byte(channels > 1 ? 1 : 0, p), byte(channels > 1 ? 2 : 0, p), 255], 4 * p);
    pen.putImageData(pixels, 0, 0);
  }
  const errorOf = (patch) => errors(input(), painted, [patch], shape).painted;
  function draw() {
    const { hide, show: which } = store.state;
    put(image.pen, input());
    paintPicture(grid.pen, image, shape, { move: null, hide }, false);
    put(result.pen, which === 'painted' ? painted : input());
    if (which !== 'error') return;
    const values = hide.map(errorOf), { colour } = amountScale(values);
    result.pen.fillStyle = '#000';
    result.pen.globalAlpha = 0.6;
    result.pen.fillRect(0, 0, width, height);
    result.pen.globalAlpha = 1;
    hide.forEach((patch, i) => {
      result.pen.fillStyle = css(colour(values[i]));
      result.pen.fillRect((patch % columns) * patchSize, Math.floor(patch / columns) * patchSize, patchSize, patchSize);
    });
  }
  function sentence() {
    const { length } = store.state.hide;
    if (!length) return 'Nothing is hidden, so there is nothing to paint: hide some patches.';
    const verdict = found.painted < found.guess ? 'the decoder does better than the mean' : 'the mean does better than the decoder';
    const seen = length === patches ? 'Nothing is visible, and the decoder has the positions alone' : `${patches - length} of ${patches} patches are visible`;
    return `${seen}; on the hidden ones ${verdict}.`;
  }
  function render(changed) {
    const { hide, image: name, show: which, sampling } = store.state, forward = changed.has('hide') || changed.has('image');
    if (forward) compute();
    draw();
    const hidden = new Set(hide), picture = pictures.find((one) => one.name === name);
    grid.mark((patch) => ({ label: `${nameOf(patch, columns)}${hidden.has(patch) ? ', hidden' : ''}`, className: hidden.has(patch) ? 'is-hidden' : '', selected: hidden.has(patch) }));
    for (const [other, face] of thumbs) face.setAttribute('aria-pressed', other === name);
    share.set(hide.length, `${hide.length} of ${patches}`);
    ways.set(sampling);
    shows.set(which);
    show(under, SUBTITLES[which]);
    show(mine, number(found.painted));
    show(guess, number(found.guess));
    mine.classList.toggle('better', found.painted < found.guess);
    const text = sentence();
    show(readout, text);
    result.setAttribute('aria-label', `${SUBTITLES[which]}: ${picture.label}. ${text} Mean squared error ${number(found.painted)}, of the mean of the visible pixels ${number(found.guess)}.`);
    show(credit, [picture.label, picture.credit].filter(Boolean).join('. '));
    say(text);
    host.dataset.renders = Number(host.dataset.renders ?? 0) + 1;
    if (forward && began) measure(began);
    began = 0;
  }
  /** From the hand's event to the frame that shows the new painting. */
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
  const finite = (x) => (Number.isNaN(x) ? null : x);
  const answer = () => ({ painted: Array.from(painted), errors: { painted: finite(found.painted), guess: finite(found.guess) } });
  host.addEventListener('keydown', (event) => event.stopPropagation()); // JupyterLab would take the arrow keys
  store.listen((_, changed, origin) => {
    render(changed);
    if (origin === 'outside') return;
    for (const field of changed) waiting.add(field);
    clearTimeout(resting);
    resting = setTimeout(() => { tell?.(store.state, waiting, answer()); waiting = new Set(); }, 150);
  });
  render(new Set(Object.keys(DEFAULTS)));
  host.dataset.ready = model.kernel;
  return {
    get state() { return store.state; },
    answer, latencies, model, input,
    set: (changes) => store.set(changes, 'outside'),
    destroy() { clearTimeout(resting); clearTimeout(timer); root.replaceChildren(); },
  };
}

/** A plain message in place of the figure. */
export function showFault(host, text) {
  const root = host.shadowRoot ?? host.attachShadow({ mode: 'open' });
  root.replaceChildren(element('style', {}, styles), element('div', { class: 'figure' }, element('p', { class: 'alarm', role: 'alert' }, text)));
  host.dataset.failed = text;
}
