/**
 * The attention explorer: one picture, where the model looks in it, and what it says. Everything that is shown follows from the state
 * (state.js) and from one forward pass of the engine.
 */
import { createBars } from './bars.js';
import { addComputing, loadShared } from './computing.js';
import { css } from './colours.js';
import { button, element, segmented, show, slider, switcher } from './dom.js';
import { createGuide } from './guide.js';
import { createPatchGrid, nameOf } from './patch-grid.js';
import { createPictures } from './pictures.js';
import { paintMap, paintPicture } from './paint.js';
import { strongest } from './reading.js';
import { createSharing } from './sharing.js';
import { CHANGES, DEFAULTS, createStore, fitted } from './state.js';
import { createTools } from './tools.js';
import { attentionView, number } from './views/attention.js';
import { positionsView } from './views/positions.js';
import { predictionView } from './views/prediction.js';
import { stepsView } from './views/steps.js';
import own from './explorer.css';
import look from './look.css';

const styles = look + own;
const NAMES = { attention: 'Attention', steps: 'Steps', positions: 'Positions', prediction: 'Prediction' };
const EMPTY = 'Nothing is drawn yet. Draw, and the model answers. (It would name something on an empty sheet, too: it has no other answer.)';
const NONE = 'none of its classes';
const VIEW = { attention: attentionView, steps: stepsView, positions: positionsView, prediction: predictionView };

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
  const pictures = await createPictures(shape, gallery, model.manifest?.drawing === 'mnist');
  const { calibration } = model.manifest ?? {};
  if (options.picture && ['drawn', 'photo'].includes(options.state?.image)) await pictures.restore(options.state.image, options.picture);
  const fit = (state) => fitted(state, shape, pictures.names());
  const start = fit(options.state ?? {});
  const store = createStore(start, fit);
  const ctx = {
    engine, vit, shape, pictures, revision: 0, // of the reader's own picture
    get state() { return store.state; },
    set: (changes) => store.set(changes),
    say,
    drew() {
      pictures.give();
      ownPicture('drawn');
    },
  };
  addComputing(ctx, host);

  // ---- the parts -------------------------------------------------------------------------------------------------------
  const guide = steps.length ? createGuide(steps, { ...DEFAULTS, ...start }, ctx) : null;
  const views = Object.fromEntries(Object.entries(VIEW).map(([name, make]) => [name, make(ctx)]));
  const tabs = segmented('View', Object.entries(NAMES), (view) => store.set({ view }), 'tabs');

  const thumbs = gallery.map(({ name, label, image, large, none }) => {
    const title = none ? `${label}: ${NONE}` : label;
    return button(element('img', { src: large ?? image, alt: '', draggable: 'false' }),
      () => store.set({ image: name, tool: store.state.tool === 'draw' ? 'query' : store.state.tool }), { class: 'thumb', 'aria-label': title, title, 'data-name': name });
  });
  const file = element('input', { type: 'file', accept: 'image/*', class: 'file', onchange: () => { take(file.files[0]); file.value = ''; } });
  const photo = element('label', { class: 'button photo', title: 'Choose a file, or drop one on the figure' }, file, element('span', {}, 'Photo…'));
  const row = element('div', { class: 'thumbs' }, thumbs);
  const strip = element('div', { class: 'gallery', role: 'group', 'aria-label': 'Pictures' }, row, photo);

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
  const doubt = calibration ? element('p', { class: 'doubt' }) : null;

  const layer = slider('Layer', { min: 0, max: shape.depth - 1 }, (value) => store.set({ layer: value }));
  const head = slider('Head', { min: 0, max: shape.heads - 1 }, (value) => store.set({ head: value }));
  const mean = switcher('Mean of heads', (on) => store.set({ head: on ? 'mean' : Number(head.input.value) }));
  const controls = element('div', { class: 'controls' }, layer.node, head.node, mean.node);
  const chips = element('div', { class: 'chips', role: 'group', 'aria-label': 'What you changed' });
  const place = element('div', { class: 'place' });
  const readout = element('p', { class: 'readout' }), spoken = element('p', { class: 'spoken', role: 'status', 'aria-live': 'polite' });
  const alarm = element('p', { class: 'alarm', role: 'alert', hidden: true });

  const reset = button('Reset', () => {
    Object.assign(pictures, { prepares: true, pen: 'medium' });
    pictures.give();
    ctx.revision++;
    store.set({ ...DEFAULTS, ...start, guide: store.state.guide });
    alarm.hidden = true;
  });
  const sharing = createSharing(ctx, host, { start, model: model.name, address });

  const slow = vit.kernel === 'javascript' ? element('p', { class: 'note engine-note' }, 'This browser offers no WebAssembly with SIMD: the figure computes in plain JavaScript, with the same numbers, more slowly.') : null;
  const panel = (name, label, ...content) => element('section', { class: `panel ${name}`, 'aria-label': label }, content);
  const figure = element('div', { class: 'figure' },
    guide?.node, element('div', { class: 'top' }, tabs.node, element('div', { class: 'buttons small menu' }, reset, sharing.buttons)), sharing.byHand, strip, alarm,
    element('div', { class: 'stage' },
      panel('picture', 'Picture', element('header', {}, imageTitle, imageNote), tools.grid.node),
      panel('map', 'Map', element('header', {}, mapTitle, mapNote), map.node, legend),
      panel('verdict-panel', 'Prediction', element('header', {}, element('p', { class: 'title' }, 'Prediction'), verdict), bars.node, doubt),
      element('div', { class: 'below' }, tools.node, shape.channels === 3 ? pixels.node : null),
      controls),
    chips, readout, place, slow, spoken);
  const root = host.shadowRoot ?? host.attachShadow({ mode: 'open' });
  root.replaceChildren(element('style', {}, styles), figure);

  // ---- what is shown ------------------------------------------------------------------------------------------------
  function render(changed) {
    const { state } = store, view = views[state.view];
    const forward = changed.has('image') || CHANGES.some((key) => changed.has(key)) || !ctx.isCurrent();
    if (forward) { ctx.compute(); changed.add('forward'); }
    if (changed.has('view')) {
      place.replaceChildren(view.node);
      figure.dataset.view = state.view;
      tabs.set(state.view);
    }
    guide?.update(state);
    tools.update(changed);
    const picture = pictures.get(state.image), drawing = state.tool === 'draw' && state.image === 'drawn';
    if (forward || changed.has('tool')) {
      if (drawing) paintPicture(tools.grid.pen, pictures.paper, shape, state, true);
      else paintPicture(tools.grid.pen, ctx.coarse ? picture.pixels : picture.display, shape, state, picture.fine && !ctx.coarse);
      tools.grid.node.classList.toggle('sheet', drawing && pictures.prepares); // its squares are not the model's patches
      show(imageNote, drawing ? `a sheet of ${pictures.paper.width} × ${pictures.paper.height} pixels` : [picture.none && NONE, picture.credit
        ?? (picture.inverted ? 'inverted: the model knows light strokes on black' : `${shape.width} × ${shape.height} pixels, ${shape.patches} patches`)].filter(Boolean).join('; '));
    }
    if (forward) {
      tools.give(picture.pixels);
      show(imageTitle, picture.label[0].toUpperCase() + picture.label.slice(1));
      for (const thumb of thumbs) thumb.setAttribute('aria-pressed', thumb.dataset.name === state.image);
      if (changed.has('image')) requestAnimationFrame(() => bringIntoSight(thumbs.find((thumb) => thumb.dataset.name === state.image)));
      ctx.empty = pictures.isEmpty(state.image);
      bars.set(ctx.empty ? null : ctx.r.probabilities, ctx.baseline);
      const best = strongest(ctx.r.probabilities);
      show(verdict, ctx.empty ? 'nothing drawn yet' : `${ctx.vit.classes[best]}, ${number(100 * ctx.r.probabilities[best], 1)} %`);
      ctx.doubts = Boolean(calibration) && !ctx.empty && ctx.r.probabilities[best] < calibration.doubt_below;
      if (doubt) show(doubt, ...(ctx.doubts ? [element('b', {}, 'None of these? '), surer(calibration)] : ['']));
      doubt?.classList.toggle('on', ctx.doubts);
      showChips(state);
    }
    const shown = (view.map ?? attentionView.map)(ctx), { scale } = shown;
    paintMap(map.pen, shown.values, scale, shape, state.view === 'positions' ? null : drawing ? picture.pixels : tools.grid.picture);
    show(mapTitle, shown.title);
    show(mapNote, shown.subtitle);
    map.node.classList.toggle('silent', Boolean(shown.silent));
    map.node.classList.toggle('no-class', shown.classValue === null || shown.classValue === undefined);
    if (shown.classValue !== null && shown.classValue !== undefined) map.classValue(css(scale.colour(shown.classValue)), number(shown.classValue));
    map.mark((patch) => ({
      label: patch === 'class' ? `class token ${number(shown.classValue)}` : `${nameOf(patch, shape.columns)}: ${number(shown.values[patch], 3)}`,
      className: [patch === (shown.selected ?? state.query) && 'is-query', patch === shown.key && 'is-key'].filter(Boolean).join(' '),
      selected: patch === (shown.key ?? shown.selected ?? state.query),
    }));
    show(low, number(scale.low));
    show(high, number(scale.high));
    ramp.style.background = `linear-gradient(90deg, ${scale.stops})`;
    layer.set(state.layer);
    head.set(state.head === 'mean' ? head.input.value : state.head, state.head === 'mean' ? 'mean' : String(state.head));
    head.node.classList.toggle('off', state.head === 'mean' || (state.view === 'attention' && state.show === 'rollout'));
    mean.set(state.head === 'mean');
    view.update(changed);
    const text = ctx.empty ? EMPTY : view.sentence(ctx);
    show(readout, text);
    say(ctx.doubts ? `${text} The picture may show none of these: ${surer(calibration)}` : text);
    host.dataset.renders = Number(host.dataset.renders ?? 0) + 1;
  }

  function bringIntoSight(thumb) { // along the row; the page stays where it is
    const at = thumb?.getBoundingClientRect(), box = row.getBoundingClientRect();
    if (at) row.scrollLeft += Math.min(0, at.left - box.left - 4) + Math.max(0, at.right - box.right + 4);
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
      alarm.hidden = true;
      store.set({ tool: 'query', move: null, hide: [] });
      ownPicture('photo');
    } catch (error) { complain(error); }
  }
  /** The reader's drawing or photo has new pixels. Python hears of it once the hand rests. */
  let resting;
  function ownPicture(name) {
    ctx.revision++;
    if (store.state.image !== name) store.set({ image: name });
    else render(new Set(['image']));
    clearTimeout(resting);
    resting = setTimeout(() => tell?.(store.state, new Set(['image']), report()), 150);
  }
  const report = () => ({ picture: sharing.own(), probabilities: Array.from(ctx.r.probabilities) });
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
    python: sharing.python, link: sharing.link,
    set: (changes) => store.set(changes, 'outside'),
    async setPicture(name, data) {
      await pictures.restore(name, data);
      ctx.revision++;
      store.set({ image: name }, 'outside');
      render(new Set(['image']));
    },
    destroy() { root.replaceChildren(); },
  };
}

/** Why the figure doubts an answer. */
const surer = ({ right_below: share }) => `${Math.round(100 * (1 - share))} % of its right answers on validation images were surer.`;

/** A plain message in place of the figure. */
export function showFault(host, text) {
  const root = host.shadowRoot ?? host.attachShadow({ mode: 'open' });
  root.replaceChildren(element('style', {}, styles), element('div', { class: 'figure' }, element('p', { class: 'alarm', role: 'alert' }, text)));
  host.dataset.failed = text;
}