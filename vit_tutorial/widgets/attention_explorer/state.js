/** What a figure shows, as plain data: it travels to Python, into a link and into the guided steps, and comes back from there. */

export const VIEWS = ['attention', 'steps', 'positions', 'prediction'];
export const SHOWS = ['query', 'received', 'rollout'];
export const TOOLS = ['query', 'hide', 'move', 'draw'];

export const DEFAULTS = {
  view: 'attention',
  image: null, // a picture of the gallery, or 'drawn' or 'photo'
  layer: 0, head: 0, // head: a number or 'mean'
  query: 'class', // a patch or 'class'
  show: 'query', // whose attention: the query's, all queries' mean, or all layers' rollout
  step: 0, key: 'auto', // of the steps view: 0 to 3; a patch, 'class', or 'auto' for the strongest
  temperature: 1, scale: 0.5, // scores = q k / (d ^ scale * temperature)
  hide: [], move: null, positions: true, headsOff: [],
  tool: 'query', guide: 0,
};

/** The fields that change what the model computes. */
export const CHANGES = ['temperature', 'scale', 'hide', 'move', 'positions', 'headsOff'];

const same = (a, b) => a === b || JSON.stringify(a) === JSON.stringify(b);
const within = (x, high) => Math.max(0, Math.min(high, Math.round(Number(x) || 0)));
const among = (x, known, otherwise) => (known.includes(x) ? x : otherwise);

/** Any state, also one from an old link -> one that this model can show. `pictures`: the names that `image` may have. */
export function fitted(wanted, { patches, depth, heads, prefix }, pictures) {
  const s = { ...DEFAULTS, ...wanted };
  const patch = (x) => Number.isInteger(Number(x)) && x >= 0 && x < patches;
  const token = (x, otherwise) => (x === 'class' && prefix ? 'class' : x !== null && x !== '' && patch(x) ? Number(x) : otherwise);
  const list = (x) => (Array.isArray(x) ? x : []);
  const order = list(s.move).map(Number), unmoved = order.every((from, to) => from === to);
  const complete = order.length === patches && new Set(order).size === patches && order.every(patch);
  s.view = among(s.view, VIEWS, 'attention');
  s.show = among(s.show, SHOWS, 'query');
  s.tool = among(s.tool, TOOLS, 'query');
  s.image = among(s.image, pictures, pictures[0]);
  s.layer = within(s.layer, depth - 1);
  s.head = s.head === 'mean' && s.view !== 'steps' ? 'mean' : within(s.head, heads - 1);
  s.query = token(s.query, prefix ? 'class' : 0);
  s.key = token(s.key, 'auto');
  s.step = within(s.step, 3);
  s.temperature = Math.max(0.1, Math.min(10, Number(s.temperature) || 1));
  s.scale = among(Number(s.scale), [0, 0.5, 1], 0.5);
  s.hide = [...new Set(list(s.hide).filter(patch).map(Number))].sort((a, b) => a - b);
  if (s.hide.length === patches && !prefix) s.hide.pop();
  s.move = complete && !unmoved ? order : null;
  s.positions = s.positions !== false && s.positions !== 'false';
  s.headsOff = [...new Set(list(s.headsOff))].filter((name) => {
    const [layer, head] = String(name).split('.').map(Number);
    return layer >= 0 && layer < depth && head >= 0 && head < heads;
  }).sort();
  return s;
}

/** Holds one state and tells listeners which fields changed: listener(state, changed, origin). */
export function createStore(wanted, fit) {
  let state = fit(wanted);
  const listeners = [];
  return {
    get state() { return state; },
    listen(listener) { listeners.push(listener); },
    /** Take over some fields. `origin` is passed on, so that a sender does not answer itself. */
    set(changes, origin) {
      const next = fit({ ...state, ...changes });
      const changed = new Set(Object.keys(next).filter((key) => !same(next[key], state[key])));
      if (!changed.size) return;
      state = next;
      for (const listener of listeners) listener(state, changed, origin);
    },
  };
}

/** State -> 'layer=2&head=1', only what differs from `start`. The tool in hand is no part of it. */
export function toLink(state, start = DEFAULTS) {
  const parts = Object.keys(DEFAULTS).filter((key) => key !== 'tool' && !same(state[key], start[key]));
  return parts.map((key) => `${key}=${encodeURIComponent([state[key] ?? ''].flat().join('-'))}`).join('&');
}

/** The inverse of toLink; unknown names are left out, wrong values are for `fitted` to mend. */
export function fromLink(text) {
  const state = {};
  for (const [key, value] of new URLSearchParams(text)) {
    if (!(key in DEFAULTS)) continue;
    if (['hide', 'move'].includes(key)) state[key] = value ? value.split('-').map(Number) : [];
    else if (key === 'headsOff') state[key] = value ? value.split('-') : [];
    else state[key] = value !== '' && Number.isFinite(Number(value)) ? Number(value) : value;
  }
  return state;
}
