/**
 * A map of images by the features of several encoders: the image that is pointed at, and its nearest neighbours. Everything was computed by
 * data.py; here it is drawn.
 */
import { button, canvas, element, segmented, show } from '../attention_explorer/dom.js';
import look from '../attention_explorer/look.css';
import { createStore } from '../attention_explorer/state.js';
import { lookOf } from './colours.js';
import own from './map.css';

const styles = look + own, SIDE = 1100, EDGE = 50, NEAR = 45; // units of the map, its margin, how near a hand has to be (data.py: 0 to 1000)
const NAMES = { pca: 'PCA', tsne: 't-SNE' }, MOVE = 350; // milliseconds from one map to the next
const percent = (share) => `${Math.round(100 * share)}\u00a0%`;
const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/**
 * Build the figure inside `host`. `data`: MapData of data.py; `state`: { encoder, map, chosen }; `changed(state, fields)`: called after every
 * change that did not come from `set` -> { state, set(state), places(), destroy() }. Throws what can be shown to the reader.
 */
export async function createMap(host, { data, state, changed: tell }) {
  const { encoders, labels, classes, size: [height, width], across } = data, count = encoders[0].neighbours.length;
  const sheet = Object.assign(new Image(), { src: data.sheet });
  await sheet.decode();
  const kinds = Object.keys(encoders[0].maps), among = (x, known) => (known.includes(x) ? x : known[0]);
  const fit = (s) => ({
    encoder: among(s.encoder, encoders.map(({ name }) => name)), map: among(s.map, kinds), chosen: Math.max(0, Math.min(count - 1, Math.round(Number(s.chosen) || 0))),
  });
  const store = createStore(fit({ ...state }), fit), encoder = () => encoders.find(({ name }) => name === store.state.encoder);
  const nameOf = (i) => (labels ? `image ${i}, ${classes[labels[i]]}` : `image ${i}`);

  // ---- the parts --------------------------------------------------------------------------------------------------------------
  const picture = canvas(SIDE), thumb = () => canvas(width, height);
  const map = element('div', { class: 'map', role: 'application', tabindex: 0, 'aria-label': 'Map of the images. Arrow keys go to the next image in that direction, n to the nearest neighbour.' }, picture);
  const which = segmented('Encoder', encoders.map(({ name }) => [name, name]), (name) => store.set({ encoder: name }), 'tabs');
  const way = kinds.length > 1 ? segmented('Map', kinds.map((kind) => [kind, NAMES[kind]]), (kind) => store.set({ map: kind })) : null;
  const large = thumb(), title = element('p', { class: 'title' }), neighboursTitle = element('p', { class: 'subtitle' });
  const near = encoders[0].neighbours[0].map((_, n) => {
    const face = thumb(), word = element('span', { class: 'word' });
    return { face, word, node: button([face, word], () => store.set({ chosen: encoder().neighbours[store.state.chosen][n] }), { class: 'near' }) };
  });
  const facts = element('p', { class: 'readout' }), spoken = element('p', { class: 'spoken', role: 'status', 'aria-live': 'polite' });
  const sample = (k) => element('span', { class: 'sample', style: lookOf(k).ring ? `border: 3px solid ${lookOf(k).colour}` : `background: ${lookOf(k).colour}`, 'aria-hidden': 'true' });
  const legend = labels ? element('ul', { class: 'legend' }, classes.map((name, k) => element('li', {}, sample(k), name))) : null;
  const figure = element('div', { class: 'figure' },
    element('div', { class: 'top' }, which.node, way?.node),
    element('div', { class: 'stage' }, element('div', { class: 'panel' }, map, legend),
      element('div', { class: 'panel side' }, element('div', { class: 'chosen' }, large, title), neighboursTitle, element('div', { class: 'row', role: 'group', 'aria-label': 'Nearest neighbours' }, near.map(({ node }) => node)))),
    facts, spoken);
  const root = host.shadowRoot ?? host.attachShadow({ mode: 'open' });
  root.replaceChildren(element('style', {}, styles), figure);

  // ---- drawing ------------------------------------------------------------------------------------------------------------------
  const targets = () => encoder().maps[store.state.map];
  let places = targets().map((place) => [...place]), moving = 0;
  const copy = (pen, i) => {
    pen.clearRect(0, 0, width, height);
    pen.drawImage(sheet, (i % across) * width, Math.floor(i / across) * height, width, height, 0, 0, width, height);
  };
  const at = ([x, y]) => [EDGE + x, EDGE + y];
  function dot(pen, i, radius) {
    const { colour, ring } = lookOf(labels ? labels[i] : 0), [x, y] = at(places[i]);
    pen.beginPath();
    pen.arc(x, y, ring ? radius - 2 : radius, 0, 2 * Math.PI);
    Object.assign(pen, { fillStyle: colour, strokeStyle: colour, lineWidth: 5 });
    if (ring) pen.stroke();
    else pen.fill();
  }
  function draw() {
    const { pen } = picture, { chosen } = store.state, own = encoder().neighbours[chosen], ink = getComputedStyle(host).color;
    pen.clearRect(0, 0, SIDE, SIDE);
    pen.globalAlpha = 0.75;
    for (let i = 0; i < count; i++) dot(pen, i, 9);
    pen.globalAlpha = 1;
    for (const i of own) {
      pen.beginPath();
      pen.moveTo(...at(places[chosen]));
      pen.lineTo(...at(places[i]));
      Object.assign(pen, { strokeStyle: ink, lineWidth: 2.5 });
      pen.stroke();
    }
    for (const i of [...own, chosen]) {
      const [x, y] = at(places[i]), radius = i === chosen ? 17 : 12;
      dot(pen, i, radius);
      pen.beginPath();
      pen.arc(x, y, radius + 3, 0, 2 * Math.PI);
      Object.assign(pen, { strokeStyle: ink, lineWidth: i === chosen ? 5 : 2.5 });
      pen.stroke();
    }
  }
  /** All points go from where they are to where this map has them; at once for those who want no motion. */
  function move() {
    const from = places.map((place) => [...place]), to = targets(), began = performance.now(), own = ++moving;
    const length = matchMedia('(prefers-reduced-motion: reduce)').matches ? 0 : MOVE;
    const step = (now) => {
      if (own !== moving) return;
      const t = length ? Math.min(1, Math.max(0, (now - began) / length)) : 1, ease = t * t * (3 - 2 * t);
      places = to.map((place, i) => place.map((end, d) => from[i][d] + ease * (end - from[i][d])));
      draw();
      if (t < 1) requestAnimationFrame(step);
    };
    step(began);
  }
  function sentence() {
    const { map: kind } = store.state, { agreement, kept, variance, neighbours } = encoder(), k = neighbours[0].length;
    const same = agreement === null ? '' : `${store.state.encoder}: ${percent(agreement)} of an image's ${k} nearest neighbours have its class. `;
    const how = kind === 'pca' ? `Its two directions hold ${percent(variance)} of the variance` : 'It tries to keep neighbours together; distances between groups say little';
    return `${same}The map keeps ${percent(kept[kind])} of these neighbours among the nearest. ${how}.`;
  }
  function render(changed) {
    const { chosen, encoder: name, map: kind } = store.state, own = encoder().neighbours[chosen];
    which.set(name);
    way?.set(kind);
    copy(large.pen, chosen);
    show(title, nameOf(chosen));
    own.forEach((i, n) => {
      const { face, word, node } = near[n];
      copy(face.pen, i);
      show(word, labels ? classes[labels[i]] : String(i));
      node.classList.toggle('other', !!labels && labels[i] !== labels[chosen]);
      node.setAttribute('aria-label', nameOf(i));
    });
    const same = labels ? own.filter((i) => labels[i] === labels[chosen]).length : 0;
    show(neighboursTitle, labels ? `Nearest neighbours, ${same} of ${own.length} of its class` : 'Nearest neighbours');
    show(facts, sentence());
    if (changed.has('encoder') || changed.has('map')) move();
    else draw();
    say(changed.size === 1 && changed.has('chosen') ? `${nameOf(chosen)}: ${neighboursTitle.textContent}` : sentence());
    host.dataset.renders = Number(host.dataset.renders ?? 0) + 1;
  }

  // ---- hands and keys -------------------------------------------------------------------------------------------------------------
  function point(event) {
    const box = picture.getBoundingClientRect(), x = ((event.clientX - box.left) / box.width) * SIDE, y = ((event.clientY - box.top) / box.height) * SIDE;
    let best = -1, least = NEAR;
    places.forEach((place, i) => {
      const [px, py] = at(place), distance = Math.hypot(px - x, py - y);
      if (distance < least) [best, least] = [i, distance];
    });
    if (best >= 0) store.set({ chosen: best });
  }
  map.addEventListener('pointermove', point);
  map.addEventListener('pointerdown', point);
  map.addEventListener('keydown', (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const { chosen } = store.state, [x, y] = targets()[chosen], direction = DIRECTIONS[event.key];
    if (event.key === 'n') store.set({ chosen: encoder().neighbours[chosen][0] });
    if (!direction) return;
    event.preventDefault();
    let best = chosen, least = Infinity;
    targets().forEach(([px, py], i) => { // the nearest one within 45 degrees of the arrow
      const along = (px - x) * direction[0] + (py - y) * direction[1], aside = Math.abs((px - x) * direction[1]) + Math.abs((py - y) * direction[0]);
      if (i !== chosen && along > 0 && aside <= along && along + aside < least) [best, least] = [i, along + aside];
    });
    store.set({ chosen: best });
  });
  const theme = new MutationObserver(() => draw()), shown = new ResizeObserver(() => draw()); // the ink follows the page's theme, and is known once the figure is in it
  shown.observe(map);
  theme.observe(document.documentElement, { attributes: true, attributeFilter: ['data-theme', 'data-mode'] });

  let timer, silent = true, resting, waiting = new Set();
  function say(text) { // once the reader pauses, and not at the start
    clearTimeout(timer);
    timer = setTimeout(() => { if (silent) silent = false; else show(spoken, text); }, 500);
  }
  host.addEventListener('keydown', (event) => event.stopPropagation()); // JupyterLab would take the arrow keys
  store.listen((_, changed, origin) => {
    render(changed);
    if (origin === 'outside') return;
    for (const field of changed) waiting.add(field);
    clearTimeout(resting);
    resting = setTimeout(() => { tell?.(store.state, waiting); waiting = new Set(); }, 150);
  });
  render(new Set(['chosen']));
  host.dataset.ready = 'map';
  return {
    get state() { return store.state; },
    places: () => places,
    set: (changes) => store.set(changes, 'outside'),
    destroy() { clearTimeout(resting); clearTimeout(timer); theme.disconnect(); shown.disconnect(); root.replaceChildren(); },
  };
}

/** A plain message in place of the figure. */
export function showFault(host, text) {
  const root = host.shadowRoot ?? host.attachShadow({ mode: 'open' });
  root.replaceChildren(element('style', {}, styles), element('div', { class: 'figure' }, element('p', { class: 'alarm', role: 'alert' }, text)));
  host.dataset.failed = text;
}
