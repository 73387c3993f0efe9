/** What pointing at the picture does, with the tool in hand: choose the query, hide patches, swap two, draw. */
import { button, canvas, element, segmented, show, switcher } from './dom.js';
import { createPatchGrid, nameOf } from './patch-grid.js';
import { PENS } from './pictures.js';

const HINTS = {
  query: 'Click a patch, or use the arrow keys.',
  hide: 'Click or drag over patches; Space on the keyboard.',
  move: 'Drag one patch onto another; Space picks up and puts down.',
  draw: 'Draw a digit. Keyboard: arrow keys move the pen, Space lowers and lifts it.',
};

/** A repeatable shuffle of 0 .. n-1 (mulberry32 and Fisher-Yates). */
function shuffled(n, seed) {
  const order = Array.from({ length: n }, (_, i) => i);
  let s = seed;
  const random = () => {
    s = (s + 0x6d2b79f5) | 0;
    let t = Math.imul(s ^ (s >>> 15), 1 | s);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  for (let i = n - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

export function createTools(ctx) {
  const { shape, set, pictures, drew } = ctx, n = shape.patches;
  const canDraw = shape.channels === 1;
  let hiding = true, held = null, last = null, seed = 1, touched = false;
  const pen = { x: 0.5, y: 0.3, down: false };

  const toggle = (patch, on) => {
    const hide = new Set(ctx.state.hide);
    if (on) hide.add(patch); else hide.delete(patch);
    set({ hide: [...hide] });
  };
  const swap = (a, b) => {
    const move = [...(ctx.state.move ?? Array(n).keys())];
    [move[a], move[b]] = [move[b], move[a]];
    set({ move });
  };
  let waiting = 0;
  const stroke = (from, to, more = false) => { // with more to come: at most one answer a frame
    pictures.stroke(from, to);
    if (!more) {
      cancelAnimationFrame(waiting);
      waiting = 0;
      drew();
    } else waiting ||= requestAnimationFrame(() => { waiting = 0; drew(); });
  };
  const use = {
    query(kind, patch, at, event) {
      if (kind === 'click' || (event.pointerType === 'mouse' && kind !== 'up')) set({ query: patch });
    },
    hide(kind, patch) {
      if (patch === 'class' || kind === 'up' || kind === 'click') return;
      if (kind === 'down') hiding = !ctx.state.hide.includes(patch);
      if (ctx.state.hide.includes(patch) !== hiding) toggle(patch, hiding);
    },
    move(kind, patch) {
      if (patch === 'class' || kind === 'click') return;
      if (kind === 'down') held = patch;
      if (kind === 'up') {
        if (held !== null && held !== patch) swap(held, patch);
        held = null;
      }
      mark(kind === 'up' ? null : patch);
    },
    draw(kind, patch, at) {
      if (!at || kind === 'click') return;
      if (kind === 'down') { last = at; touched = true; }
      if (last) stroke(last, at, kind !== 'up');
      last = kind === 'up' ? null : at;
    },
  };
  const keys = {
    query: (event, patch) => (event.key === ' ' || event.key === 'Enter') && (set({ query: patch }), true),
    hide: (event, patch) => (event.key === ' ' || event.key === 'Enter') && patch !== 'class' && (toggle(patch, !ctx.state.hide.includes(patch)), true),
    move(event, patch) {
      if (event.key === 'Escape') held = null;
      else if ((event.key !== ' ' && event.key !== 'Enter') || patch === 'class') return false;
      else if (held === null) held = patch;
      else {
        if (held !== patch) swap(held, patch);
        held = null;
      }
      mark(patch);
      return true;
    },
    draw(event) {
      const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      if (event.key === ' ') pen.down = !pen.down;
      else if (!step) return false;
      const from = { ...pen };
      if (step) {
        pen.x = Math.max(0, Math.min(1, pen.x + step[0] / shape.width));
        pen.y = Math.max(0, Math.min(1, pen.y + step[1] / shape.height));
      }
      if (pen.down) stroke(from, pen);
      ctx.say(`pen ${pen.down ? 'down' : 'up'}, ${Math.round(pen.x * shape.width)} from the left, ${Math.round(pen.y * shape.height)} from the top`);
      mark();
      return true;
    },
  };
  const grid = createPatchGrid('Picture', shape, {
    point(kind, patch, at, event) {
      const { tool } = ctx.state;
      if (kind === 'down' && tool !== 'query' && event.pointerId !== undefined) grid.square.setPointerCapture?.(event.pointerId);
      use[tool](kind, patch, at, event);
    },
    key: (event, patch) => keys[ctx.state.tool](event, patch),
    focus(patch) {
      if (ctx.state.tool === 'query') set({ query: patch });
      else mark(patch);
    },
  });
  const cross = element('span', { class: 'pen', hidden: true, 'aria-hidden': 'true' });
  grid.square.append(cross);
  const choose = segmented('Tool', [['query', 'Query'], ['hide', 'Hide'], ['move', 'Move'], ...(canDraw ? [['draw', 'Draw']] : [])], (tool) => {
    held = null;
    set(tool === 'draw' ? { tool, image: 'drawn', hide: [], move: null } : { tool });
  }, 'tools');
  const hint = element('span', { class: 'hint' });
  const nib = segmented('Pen', Object.keys(PENS).map((name) => [name, name]), (name) => { pictures.pen = name; }, 'tools');
  const prepare = switcher('Centre and scale', (on) => { pictures.prepares = on; drew(); });
  const given = canvas(shape.width, shape.height);
  const preview = element('span', { class: 'given', title: 'The picture that the model gets of your drawing' }, given, element('span', {}, 'What the model gets'));
  const actions = {
    hide: [button('Hide half', () => set({ hide: shuffled(n, seed++).slice(0, n >> 1) })), button('Show all', () => set({ hide: [] }))],
    move: [button('Shuffle', () => set({ move: shuffled(n, seed++) })), button('Put back', () => set({ move: null }))],
    draw: [button('Clear', () => { pictures.clear(); touched = false; drew(); }), nib.node, pictures.canPrepare ? prepare.node : '', preview],
    query: [],
  };
  const bar = element('div', { class: 'buttons small' });
  const node = element('div', { class: 'tool-bar' }, choose.node, bar, hint);

  function mark(over = null) {
    const { state } = ctx, hidden = new Set(state.hide);
    grid.mark((patch) => {
      const selected = patch === state.query && state.tool !== 'draw';
      const marks = [selected && 'is-query', patch === held && 'is-held', held !== null && patch === over && 'is-over'].filter(Boolean).join(' ');
      const parts = [nameOf(patch, shape.columns), state.move && patch !== 'class' && `shows patch ${state.move[patch]}`,
        hidden.has(patch) && 'hidden', selected && 'the query', patch === held && 'picked up'].filter(Boolean);
      return { label: parts.join(', '), className: marks, selected };
    });
    cross.hidden = state.tool !== 'draw' || touched || !pen.down && pen.x === 0.5 && pen.y === 0.3 && !grid.node.matches(':focus-within');
    cross.style.left = `${100 * pen.x}%`;
    cross.style.top = `${100 * pen.y}%`;
    cross.classList.toggle('down', pen.down);
  }
  return {
    node, grid,
    /** Under a drawing: the picture that the model gets of it. */
    give(pixels) { given.pen.drawImage(pixels, 0, 0); },
    update(changed) {
      const { tool } = ctx.state;
      mark();
      nib.set(pictures.pen);
      prepare.set(pictures.prepares);
      if (!changed.has('tool')) return;
      choose.set(tool);
      grid.node.dataset.tool = tool;
      show(hint, HINTS[tool]);
      bar.replaceChildren(...actions[tool]);
      grid.node.setAttribute('aria-label', tool === 'draw' ? `Sheet. ${HINTS[tool]}` : `Picture, cut into ${shape.rows} by ${shape.columns} patches. ${HINTS[tool]}`);
    },
  };
}
