/**
 * A picture cut into patches that one can point at, with a mouse, a finger, a keyboard or a screen reader: an ARIA grid over a canvas.
 * The class token, which has no place in the picture, is a cell above it.
 */
import { canvas, element, show } from './dom.js';


/**
 * @param label      what the grid is, for screen readers
 * @param shape      of the model: rows, columns, patches, prefix
 * @param on.point   (kind, patch, place, event): kind 'down', 'move', 'up' or 'click'; place { x, y } in 0..1 of the picture
 * @param on.key     (event, patch) => true where the key was used; else arrow keys move the focus
 * @param on.focus   (patch): arrow keys moved to this patch
 * @param pixels     of the canvas, a patch
 */
export function createPatchGrid(label, { rows, columns, patches, prefix }, on, pixels = 48) {
  const picture = canvas(columns * pixels, rows * pixels);
  const cell = (name, className = 'cell') => element('div', { role: 'gridcell', class: className, tabindex: -1, 'data-patch': name });
  const cells = Array.from({ length: patches }, (_, i) => cell(i));
  const swatch = element('span', { class: 'swatch', 'aria-hidden': 'true' }), amount = element('span', { class: 'amount' });
  const classCell = cell('class', 'class-cell');
  classCell.append(swatch, element('span', {}, 'class token'), ' ', amount);
  const lines = Array.from({ length: rows }, (_, y) =>
    element('div', { role: 'row', class: 'line' }, cells.slice(y * columns, (y + 1) * columns)));
  const square = element('div', { role: 'rowgroup', class: 'square', style: `aspect-ratio: ${columns} / ${rows}; --columns: ${columns}` }, picture, lines);
  const classRow = prefix ? element('div', { role: 'row', class: 'class-row' }, classCell) : null;
  const node = element('div', { role: 'grid', class: 'board', 'aria-label': label }, classRow, square);
  const cellOf = (patch) => (patch === 'class' ? classCell : cells[patch]);
  let stop = prefix ? 'class' : 0; // the one cell that Tab reaches
  cellOf(stop).tabIndex = 0;

  const place = (event) => {
    const box = square.getBoundingClientRect(), inside = (t) => Math.max(0, Math.min(0.9999, t));
    const at = { x: inside((event.clientX - box.left) / box.width), y: inside((event.clientY - box.top) / box.height) };
    return { at, patch: Math.floor(at.y * rows) * columns + Math.floor(at.x * columns) };
  };
  for (const kind of ['down', 'move', 'up', 'cancel']) {
    square.addEventListener(`pointer${kind}`, (event) => {
      if (kind === 'down' && (event.button || !event.isPrimary)) return;
      if (kind === 'move' && !event.buttons) return;
      const { at, patch } = place(event);
      if (kind === 'down') grid.reach(patch, false);
      on.point?.(kind === 'cancel' ? 'up' : kind, patch, at, event);
    });
  }
  node.addEventListener('pointerover', ({ target }) => { target.title = target.getAttribute('aria-label') ?? ''; }); // a mouse shows the number too
  square.addEventListener('click', (event) => on.point?.('click', event.detail ? place(event).patch : Number(event.target.dataset.patch), null, event));
  classCell.addEventListener('click', (event) => { grid.reach('class', false); on.point?.('click', 'class', null, event); });

  const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  const neighbour = (from, key) => {
    if (key === 'Home' || key === 'End') return key === 'Home' ? 0 : patches - 1;
    const [dx, dy] = STEPS[key];
    if (from === 'class') return dy > 0 ? 0 : 'class';
    const x = (from % columns) + dx, y = Math.floor(from / columns) + dy;
    if (y < 0 && prefix) return 'class';
    return x < 0 || x >= columns || y < 0 || y >= rows ? from : y * columns + x;
  };
  node.addEventListener('keydown', (event) => {
    const name = event.target.dataset?.patch;
    if (name === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    const from = name === 'class' ? 'class' : Number(name);
    if (!on.key?.(event, from)) {
      if (!(event.key in STEPS) && event.key !== 'Home' && event.key !== 'End') return;
      const to = neighbour(from, event.key);
      grid.reach(to);
      on.focus?.(to);
    }
    event.preventDefault();
  });

  const grid = {
    node, square, picture, pen: picture.pen, cells,
    /** Make this cell the one that Tab reaches, and focus it. */
    reach(patch, focus = true) {
      cellOf(stop).tabIndex = -1;
      stop = patch;
      cellOf(stop).tabIndex = 0;
      if (focus) cellOf(stop).focus();
    },
    /** Show the marks: `describe(patch)` -> { label, className, selected }. */
    mark(describe) {
      for (const patch of prefix ? ['class', ...cells.keys()] : cells.keys()) {
        const target = cellOf(patch), { label: text, className = '', selected = false } = describe(patch);
        const whole = `${patch === 'class' ? 'class-cell' : 'cell'} ${className}`;
        if (target.className !== whole) target.className = whole;
        if (target.getAttribute('aria-label') !== text) target.setAttribute('aria-label', text);
        if (selected && stop !== patch && !node.contains(node.getRootNode().activeElement)) grid.reach(patch, false);
        if (target.getAttribute('aria-selected') !== String(selected)) target.setAttribute('aria-selected', selected);
      }
    },
    /** The class token's own value, as a colour and a number. */
    classValue(colour, text) {
      swatch.style.background = colour ?? '';
      show(amount, text);
    },
  };
  return grid;
}

/** 'row 3, column 2', counted from 0 like everything that Python counts. */
export const nameOf = (patch, columns) =>
  patch === 'class' ? 'class token' : `patch ${patch} (row ${Math.floor(patch / columns)}, column ${patch % columns})`;
