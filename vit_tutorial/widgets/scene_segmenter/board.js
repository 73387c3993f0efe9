/**
 * The scene, large, and what hands do with it: digits that are dragged (buttons over the picture), a pen, patches that are hidden. The
 * patches are the grid of the attention explorer; it is out of the way while digits are moved.
 */
import { createPatchGrid, nameOf } from '../attention_explorer/patch-grid.js';
import { element, show } from '../attention_explorer/dom.js';
import { SIDE } from './scene.js';

export const SCALE = 20; // pixels of the canvas a pixel of the scene
export const TURN = 5; // degrees of a key
const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

/** @param ctx { state, set, shape, palette, drawing, drew(), say(text), now(event) } -> { node, pen, update(changed, describe), focus(number) } */
export function createBoard(ctx) {
  const { shape, set } = ctx, { height, width, columns } = shape;
  let painting = false, last = null, pen = { x: 0.5, y: 0.5, down: false };

  // ---- the pen and the hidden patches: through the grid ------------------------------------------------------------------
  const toggle = (patch, on = !ctx.state.hide.includes(patch)) => set({ hide: on ? [...ctx.state.hide, patch] : ctx.state.hide.filter((i) => i !== patch) });
  const stroke = (from, to) => { ctx.drawing.stroke(from, to); ctx.drew(); };
  const grid = createPatchGrid('Scene', { ...shape, prefix: 0 }, {
    point(kind, patch, at, event) {
      const { tool } = ctx.state;
      if (event) ctx.now(event);
      if (kind === 'click') return;
      if (kind === 'down') grid.square.setPointerCapture?.(event.pointerId);
      if (tool === 'draw' && kind !== 'up') { stroke(last && kind === 'move' ? last : at, at); last = at; }
      if (tool === 'hide' && kind === 'down') { painting = !ctx.state.hide.includes(patch); toggle(patch, painting); }
      if (tool === 'hide' && kind === 'move') toggle(patch, painting);
      if (kind === 'up') last = null;
    },
    key(event, patch) {
      ctx.now(event);
      if (ctx.state.tool === 'hide') {
        if (event.key !== ' ' && event.key !== 'Enter') return false;
        toggle(patch);
        ctx.say(`${nameOf(patch, columns)} ${ctx.state.hide.includes(patch) ? 'hidden' : 'shown'}`);
        return true;
      }
      const step = STEPS[event.key];
      if (event.key === ' ') pen.down = !pen.down;
      else if (!step) return false;
      const from = { ...pen };
      if (step) pen = { ...pen, x: inside(pen.x + step[1] / width), y: inside(pen.y + step[0] / height) };
      if (pen.down) stroke(from, pen);
      ctx.say(`pen ${pen.down ? 'down' : 'up'}, row ${Math.floor(pen.y * height)}, column ${Math.floor(pen.x * width)}`);
      mark();
      return true;
    },
  }, shape.patchSize * SCALE);
  const inside = (t) => Math.max(0, Math.min(0.999, t));
  const cross = element('span', { class: 'pen', hidden: true, 'aria-hidden': 'true' });
  const layer = element('div', { class: 'digits', role: 'group', 'aria-label': 'Digits of the scene' });
  grid.square.append(cross);
  const node = element('div', {
    class: 'place', role: 'group',
    onpointerdown: ({ target }) => { if (ctx.state.tool === 'move' && !target.closest('.digit')) set({ selected: -1 }); },
  }, grid.node, layer);

  // ---- the digits -----------------------------------------------------------------------------------------------------------
  const change = (number, changes) => set({ digits: ctx.state.digits.map((digit, i) => (i === number ? { ...digit, ...changes } : digit)), selected: number });
  const handles = [];
  function handle(number) {
    let grip = null; // where the hand took hold: pixels of the scene
    const place = (event) => {
      const box = grid.square.getBoundingClientRect();
      return { row: ((event.clientY - box.top) / box.height) * height, column: ((event.clientX - box.left) / box.width) * width };
    };
    const button = element('button', {
      type: 'button', class: 'digit',
      onfocus: () => set({ selected: number }),
      onpointerdown: (event) => {
        if (event.button || !event.isPrimary) return;
        const { row, column } = place(event), digit = ctx.state.digits[number];
        grip = { row: row - digit.row, column: column - digit.column };
        button.setPointerCapture?.(event.pointerId);
        set({ selected: number });
      },
      onpointermove: (event) => {
        if (!grip) return;
        ctx.now(event);
        const { row, column } = place(event);
        change(number, { row: Math.round(row - grip.row), column: Math.round(column - grip.column) });
      },
      onpointerup: () => { grip = null; },
      onpointercancel: () => { grip = null; },
      onkeydown: (event) => {
        if (event.altKey || event.ctrlKey || event.metaKey) return;
        ctx.now(event);
        const digit = ctx.state.digits[number], step = STEPS[event.key];
        if (step) change(number, { row: digit.row + step[0], column: digit.column + step[1] });
        else if (event.key === '[' || event.key === ']') change(number, { angle: digit.angle + (event.key === ']' ? TURN : -TURN) });
        else if (event.key === 'Delete' || event.key === 'Backspace') ctx.remove(number);
        else return;
        event.preventDefault();
      },
    });
    return button;
  }

  function mark() {
    const { state } = ctx, hidden = new Set(state.hide);
    grid.mark((patch) => ({
      label: [nameOf(patch, columns), hidden.has(patch) && 'hidden'].filter(Boolean).join(', '), className: hidden.has(patch) ? 'is-hidden' : '', selected: hidden.has(patch),
    }));
    cross.hidden = state.tool !== 'draw' || !grid.node.matches(':focus-within');
    cross.style.left = `${100 * pen.x}%`;
    cross.style.top = `${100 * pen.y}%`;
    cross.classList.toggle('down', pen.down);
  }
  grid.node.addEventListener('focusin', () => mark());
  grid.node.addEventListener('focusout', () => mark());

  const LABELS = {
    move: 'Scene. Each digit is a button: drag it, or move it with the arrow keys and turn it with the bracket keys.',
    draw: 'Scene. Draw with the pen. Keyboard: arrow keys move it, Space lowers and lifts it.',
    hide: 'Scene, cut into patches. Click patches to hide them; Space on the keyboard.',
  };
  return {
    node, pen: grid.pen,
    focus: (number) => handles[number]?.focus(),
    /** `describe(number)`: what a screen reader says of a digit. */
    update(changed, describe) {
      const { digits, selected, tool } = ctx.state;
      while (handles.length > digits.length) handles.pop().remove();
      while (handles.length < digits.length) layer.append(handles[handles.push(handle(handles.length)) - 1]);
      digits.forEach(({ row, column, angle }, number) => {
        const button = handles[number], { style } = button, text = describe(number);
        style.left = `${(100 * column) / width}%`;
        style.top = `${(100 * row) / height}%`;
        style.width = `${(100 * SIDE) / width}%`;
        style.height = `${(100 * SIDE) / height}%`;
        style.transform = angle ? `rotate(${angle}deg)` : '';
        button.setAttribute('aria-pressed', number === selected);
        if (button.getAttribute('aria-label') !== text) button.setAttribute('aria-label', text);
      });
      mark();
      if (!changed.has('tool')) return;
      grid.node.dataset.tool = tool;
      node.setAttribute('aria-label', LABELS[tool]);
      grid.node.inert = tool === 'move';
      layer.inert = tool !== 'move';
      pen = { ...pen, down: false };
    },
  };
}
