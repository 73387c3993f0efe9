/**
 * The attention explorer: one picture, where the model looks in it, and what it says. Everything that is shown follows from the state
 * (state.js) and from one forward pass of the engine.
 */
import { createBars } from './bars.js';
import { button, element, segmented, show, slider, switcher } from './dom.js';
import { css } from './colours.js';
import { createGuide } from './guide.js';
import { createPatchGrid, nameOf } from './patch-grid.js';
import { createPictures } from './pictures.js';
import { paintMap, paintPicture } from './paint.js';
import { toPython } from './python.js';
import { strongest } from './reading.js';
import { CHANGES, DEFAULTS, createStore, fitted, toLink } from './state.js';
import { createTools } from './tools.js';
import { attentionView, number } from './views/attention.js';
import { positionsView } from './views/positions.js';
import { predictionView } from './views/prediction.js';
import { stepsView } from './views/steps.js';
import styles from './explorer.css';

const NAMES = { attention: 'Attention', steps: 'Steps', positions: 'Positions', prediction: 'Prediction' };
const VIEW = { attention: attentionView, steps: stepsView, positions: positionsView, prediction: predictionView };

const models = new Map(); // SHA-256 -> promise of a model: figures on one page share it

function loadShared(engine, { manifest, data }) {
  const key = manifest?.sha256;
  if (!models.has(key)) models.set(key, engine.loadViT(manifest, data));
  return models.get(key);
}

/**
 * Build the figure inside `host`. `options`:
 *   engine    the engine's exports                model   { name, manifest, data }        gallery  entries, see pictures.js
 *   state     what differs from DEFAULTS          steps   guided steps, see guide.js
 *   linked    true where the state is that of a link: the first guided step then leaves it alone
 *   picture   data address for state.image = 'drawn' or 'photo'
 *   address(link) -> the page's address for a link to a state; left out where there is no page
 *   changed(state, fields, { picture, probabilities })  called after every change that did not come from `set`
 * -> { state, set(state), setPicture(name, address), destroy() }. Throws what can be shown to the reader.
 */
export async function createExplorer(host, options) {
  const { engine, model, gallery, steps = [], address, changed: tell } = options;
  const vit = await loadShared(engine, model);
  const { shape } = vit;
  if (!shape.classes) throw new Error('this model has no classification head; the explorer needs one');
  const pictures = await createPictures(shape, gallery);
  if (options.picture && ['drawn', 'photo'].includes(options.state?.image)) await pictures.restore(options.state.image, options.picture);
  const fit = (state) => fitted(state, shape, pictures.names());
  const start = fit(options.state ?? {});
  const store = createStore(start, fit);
  let revision = 0, ownPicture = false;

  const ctx = {
    engine, vit, shape, pictures, cache: {}, r: null, baseline: null, lens: null,
    get state() { return store.state; },
    set: (changes) => store.set(changes),
    say,
    drew() { revision++; ownPicture = true; if (store.state.image === 'drawn') render(new Set(['image'])); else store.set({ image: 'drawn' }); },
  };

  // ---- the model -------------------------------------------------------------------------------------------------------
  let untouched = null; // { key, probabilities }
  function compute() {
    const { state } = store, input = engine.imageToInput(vit, pictures.pixels(state.image)), began = performance.now();
    const isChanged = CHANGES.some((key) => JSON.stringify(state[key]) !== JSON.stringify(DEFAULTS[key]));
    const key = `${state.image} ${revision}`;
    if (isChanged && untouched?.key !== key) untouched = { key, probabilities: vit.forward(input).probabilities };
    ctx.baseline = isChanged ? untouched.probabilities : null;
    ctx.r = vit.forward(input, interventions(state));
    if (!isChanged) untouched = { key, probabilities: ctx.r.probabilities };
    vit.user = ctx; // another figure with the same model writes into the same arrays
    ctx.cache = {};
    ctx.lens = null;
    host.dataset.forward = (performance.now() - began).toFixed(2);
  }

  const interventions = (state) => ({
    move: state.move ?? undefined, hide: state.hide, positions: state.positions, headsOff: state.headsOff,
    temperature: state.temperature, scaleExponent: state.scale,
  });
  /** The probabilities with one more head off; the state stays as it is. */
  ctx.without = (name) => {
    const { state } = store, input = engine.imageToInput(vit, pictures.pixels(state.image));
    vit.user = null; // the intermediates now belong to no figure
    return vit.forward(input, { ...interventions(state), headsOff: [...new Set([...state.headsOff, name])] }).probabilities;
  };

  ctx.compute = compute;

  // ---- the parts -------------------------------------------------------------------------------------------------------
  const guide = steps.length ? createGuide(steps, { ...DEFAULTS, ...start }, ctx) : null;
  const views = Object.fromEntries(Object.entries(VIEW).map(([name, make]) => [name, make(ctx)]));
  const tabs = segmented('View', Object.entries(NAMES), (view) => store.set({ view }), 'tabs');

  const thumbs = gallery.map(({ name, label, image, large }) => button(element('img', { src: large ?? image, alt: '', draggable: 'false' }),
    () => store.set({ image: name, tool: store.state.tool === 'draw' ? 'query' : store.state.tool }), { class: 'thumb', 'aria-label': label, title: label, 'data-name': name }));
  const file = element('input', { type: 'file', accept: 'image/*', class: 'file', onchange: () => { take(file.files[0]); file.value = ''; } });
  const photo = element('label', { class: 'button photo', title: 'Choose a file, or drop one on the figure' }, file, element('span', {}, 'Photo…'));
  const strip = element('div', { class: 'gallery', role: 'group', 'aria-label': 'Pictures' }, element('div', { class: 'thumbs' }, thumbs), photo);

  const tools = createTools(ctx);
  const map = createPatchGrid('Map over the picture', { ...shape, prefix: Math.min(1, shape.prefix) }, {
    point(kind, patch, at, event) {
      if (kind === 'click' || (event.pointerType === 'mouse' && kind !== 'up')) store.set({ [store.state.view === 'steps' ? 'key' : 'query']: patch });
    },
    focus: (patch) => store.set({ [store.state.view === 'steps' ? 'key' : 'query']: patch }),
  });
  const bars = createBars(vit.classes ?? Array.from({ length: shape.classes }, (_, i) => String(i)));
  const imageTitle = element('p', { class: 'title' }), mapTitle = element('p', { class: 'title' }), mapNote = element('p', { class: 'sub' }), imageNote = element('p', { class: 'sub' });
  const pixels = switcher('As the model sees it', (on) => { ctx.coarse = on; render(new Set(['image'])); });
  const low = element('span', {}), high = element('span', {}), ramp = element('span', { class: 'ramp' });
  const legend = element('div', { class: 'legend', 'aria-hidden': 'true' }, low, ramp, high);
  const verdict = element('p', { class: 'sub' });

  const layer = slider('Layer', { min: 0, max: shape.depth - 1 }, (value) => store.set({ layer: value }));
  const head = slider('Head', { min: 0, max: shape.heads - 1 }, (value) => store.set({ head: value }));
  const mean = switcher('Mean of heads', (on) => store.set({ head: on ? 'mean' : Number(head.input.value) }));
  const controls = element('div', { class: 'controls' }, layer.node, head.node, mean.node);
  const chips = element('div', { class: 'chips', role: 'group', 'aria-label': 'What you changed' });
  const place = element('div', { class: 'place' });
  const readout = element('p', { class: 'readout' }), spoken = element('p', { class: 'spoken', role: 'status', 'aria-live': 'polite' });
  const alarm = element('p', { class: 'alarm', role: 'alert', hidden: true });

  const reset = button('Reset', () => { store.set({ ...DEFAULTS, ...start, guide: store.state.guide }); alarm.hidden = true; });
  const link = address ? button('Link', () => copy(address(linkText()), link), { title: 'Copy a link to exactly this state' }) : null;
  const python = button('Python', () => copy(pythonText(), python), { title: 'Copy Python code that computes this view' });
  const copied = element('textarea', { class: 'copied', readonly: true, hidden: true, rows: 8, 'aria-label': 'To copy' });

  const slow = vit.kernel === 'javascript' ? element('p', { class: 'note engine-note' }, 'This browser offers no WebAssembly with SIMD: the figure computes in plain JavaScript, with the same numbers, more slowly.') : null;
  const panel = (name, label, ...content) => element('section', { class: `panel ${name}`, 'aria-label': label }, content);
  const figure = element('div', { class: 'figure' },
    guide?.node, element('div', { class: 'top' }, tabs.node, element('div', { class: 'buttons small menu' }, reset, link, python)), copied, strip, alarm,
    element('div', { class: 'stage' },
      panel('picture', 'Picture', element('header', {}, imageTitle, imageNote), tools.grid.node),
      panel('map', 'Map', element('header', {}, mapTitle, mapNote), map.node, legend),
      panel('verdict-panel', 'Prediction', element('header', {}, element('p', { class: 'title' }, 'Prediction'), verdict), bars.node),
      element('div', { class: 'below' }, tools.node, shape.channels === 3 ? pixels.node : null)),
    controls, chips, readout, place, slow, spoken);
  const root = host.shadowRoot ?? host.attachShadow({ mode: 'open' });
  root.replaceChildren(element('style', {}, styles), figure);

  // ---- what is shown ------------------------------------------------------------------------------------------------
  function render(changed) {
    const { state } = store, view = views[state.view];
    const forward = changed.has('image') || CHANGES.some((key) => changed.has(key)) || vit.user !== ctx;
    if (forward) { compute(); changed.add('forward'); }
    if (changed.has('view')) {
      place.replaceChildren(view.node);
      figure.dataset.view = state.view;
      tabs.set(state.view);
    }
    guide?.update(state);
    tools.update(changed);
    const picture = pictures.get(state.image);
    if (forward) {
      paintPicture(tools.grid.pen, ctx.coarse ? picture.pixels : picture.display, shape, state, picture.fine && !ctx.coarse);
      show(imageTitle, picture.label[0].toUpperCase() + picture.label.slice(1));
      show(imageNote, picture.credit ?? (picture.inverted ? 'inverted: the model knows light strokes on black' : `${shape.width} × ${shape.height} pixels, ${shape.patches} patches`));
      for (const thumb of thumbs) thumb.setAttribute('aria-pressed', thumb.dataset.name === state.image);
      bars.set(ctx.r.probabilities, ctx.baseline);
      const best = strongest(ctx.r.probabilities);
      show(verdict, `${ctx.vit.classes[best]}, ${number(100 * ctx.r.probabilities[best], 1)} %`);
      showChips(state);
    }
    const drawing = (view.map ?? attentionView.map)(ctx), { scale } = drawing;
    paintMap(map.pen, drawing.values, scale, shape, state.view === 'positions' ? null : tools.grid.picture);
    show(mapTitle, drawing.title);
    show(mapNote, drawing.subtitle);
    map.node.classList.toggle('no-class', drawing.classValue === null || drawing.classValue === undefined);
    if (drawing.classValue !== null && drawing.classValue !== undefined) map.classValue(css(scale.colour(drawing.classValue)), number(drawing.classValue));
    map.mark((patch) => ({
      label: patch === 'class' ? `class token ${number(drawing.classValue)}` : `${nameOf(patch, shape.columns)}: ${number(drawing.values[patch], 3)}`,
      className: [patch === (drawing.selected ?? state.query) && 'is-query', patch === drawing.key && 'is-key'].filter(Boolean).join(' '),
      selected: patch === (drawing.key ?? drawing.selected ?? state.query),
    }));
    show(low, number(scale.low));
    show(high, number(scale.high));
    ramp.style.background = `linear-gradient(90deg, ${scale.stops})`;
    layer.set(state.layer);
    head.set(state.head === 'mean' ? head.input.value : state.head, state.head === 'mean' ? 'mean' : String(state.head));
    head.node.classList.toggle('off', state.head === 'mean' || (state.view === 'attention' && state.show === 'rollout'));
    mean.set(state.head === 'mean');
    view.update(changed);
    const text = view.sentence(ctx);
    show(readout, text);
    say(text);
    host.dataset.renders = Number(host.dataset.renders ?? 0) + 1;
  }

  function showChips(state) {
    const all = [
      state.hide.length && [`${state.hide.length} ${state.hide.length === 1 ? 'patch' : 'patches'} hidden`, { hide: [] }],
      state.move && ['patches moved', { move: null }],
      !state.positions && ['positions off', { positions: true }],
      state.headsOff.length && [`heads off: ${state.headsOff.join(', ')}`, { headsOff: [] }],
      state.temperature !== 1 && [`temperature ${number(state.temperature)}`, { temperature: 1 }],
      state.scale !== 0.5 && [state.scale ? 'scores / d' : 'scores not scaled', { scale: 0.5 }],
    ].filter(Boolean);
    chips.replaceChildren(...all.map(([text, undo]) => button(text, () => store.set(undo), { class: 'chip', 'aria-label': `${text}: undo` })));
  }

  // ---- what the reader hears, copies and brings along ---------------------------------------------------------------
  let timer, silent = true;
  function say(text) { // once the reader pauses, and not at the start
    clearTimeout(timer);
    timer = setTimeout(() => { if (silent) silent = false; else show(spoken, text); }, 500);
  }
  function complain(error) {
    show(alarm, error.message);
    alarm.hidden = false;
  }
  async function take(given) {
    if (!given) return;
    try {
      await pictures.load(given);
      revision++;
      ownPicture = true;
      alarm.hidden = true;
      if (store.state.image === 'photo') render(new Set(['image']));
      else store.set({ image: 'photo', tool: 'query', move: null, hide: [] });
      tell?.(store.state, new Set(['image']), report());
    } catch (error) { complain(error); }
  }
  const own = () => (['drawn', 'photo'].includes(store.state.image) ? pictures.address(store.state.image) : null);
  const linkText = () => {
    const text = toLink(store.state, { ...start, tool: store.state.tool }), picture = own();
    return picture ? `${text}&image=${store.state.image}&picture=${encodeURIComponent(picture.split(',')[1])}` : text;
  };
  const pythonText = () => toPython({ state: store.state, model: model.name, shape, picture: own() });
  const report = () => ({ picture: own(), probabilities: Array.from(ctx.r.probabilities) });
  async function copy(text, from) {
    const label = from.textContent;
    try {
      await navigator.clipboard.writeText(text);
      show(from, 'Copied');
      setTimeout(() => show(from, label), 1500);
    } catch { // no permission, or a page opened from a file in some browsers: the reader copies by hand
      copied.hidden = false;
      copied.value = text;
      copied.focus();
      copied.select();
    }
    host.dispatchEvent(new CustomEvent('vt-copied', { detail: text }));
  }
  copied.addEventListener('blur', () => { copied.hidden = true; });
  figure.addEventListener('dragover', (event) => { event.preventDefault(); figure.classList.add('dropping'); });
  figure.addEventListener('dragleave', () => figure.classList.remove('dropping'));
  figure.addEventListener('drop', (event) => {
    event.preventDefault();
    figure.classList.remove('dropping');
    take(event.dataTransfer.files[0]);
  });
  host.addEventListener('keydown', (event) => event.stopPropagation()); // JupyterLab would take the arrow keys

  store.listen((state, changed, origin) => {
    const fields = new Set(changed);
    render(changed);
    if (origin !== 'outside') tell?.(state, fields, report());
  });
  if (guide && !options.linked && !options.state?.guide) store.set(guide.first, 'outside');
  render(new Set([...Object.keys(DEFAULTS), 'image']));
  tell?.(store.state, new Set(), report());
  host.dataset.ready = vit.kernel;
  performance.mark('vt-explorer-ready');
  return {
    get state() { return store.state; },
    probabilities: () => Array.from(ctx.r.probabilities),
    python: pythonText, link: linkText,
    set: (changes) => store.set(changes, 'outside'),
    async setPicture(name, data) {
      await pictures.restore(name, data);
      revision++;
      store.set({ image: name }, 'outside');
      render(new Set(['image']));
    },
    destroy() { root.replaceChildren(); },
  };
}

/** A plain message in place of the figure. */
export function showFault(host, text) {
  const root = host.shadowRoot ?? host.attachShadow({ mode: 'open' });
  root.replaceChildren(element('style', {}, styles), element('div', { class: 'figure' }, element('p', { class: 'alarm', role: 'alert' }, text)));
  host.dataset.failed = text;
}