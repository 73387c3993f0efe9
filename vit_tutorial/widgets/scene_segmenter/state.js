/** What the figure shows, as plain data: it travels to Python and comes back. */
import { SIDE } from './scene.js';

export const DECODERS = ['linear', 'mask'], SHOWS = ['model', 'truth', 'wrong'], TOOLS = ['move', 'draw', 'hide'];

export const DEFAULTS = {
  decoder: 'linear', digits: [], selected: -1, // digits: { digit: of the palette, row, column, angle }, in the order they were laid down
  opacity: 0.75, show: 'model', hide: [], tool: 'move',
};

/** The fields that change what the model sees or which model it is. */
export const CHANGES = ['decoder', 'digits', 'hide'];

const whole = (x, low, high) => Math.max(low, Math.min(high, Math.round(Number(x) || 0)));
const among = (x, known) => (known.includes(x) ? x : known[0]);

/** Any state -> one that can be shown: digits at most half outside, angles from -180 to 180. */
export function fitted(wanted, { height, width, patches }, palette) {
  const s = { ...DEFAULTS, ...wanted };
  s.decoder = among(s.decoder, DECODERS);
  s.show = among(s.show, SHOWS);
  s.tool = among(s.tool, TOOLS);
  s.opacity = Math.max(0, Math.min(1, Number(s.opacity)));
  s.digits = s.digits.filter(({ digit }) => digit in palette).map(({ digit, row, column, angle = 0 }) => ({
    digit: Number(digit), row: whole(row, -SIDE / 2, height - SIDE / 2), column: whole(column, -SIDE / 2, width - SIDE / 2),
    angle: whole(((((Number(angle) || 0) + 180) % 360) + 360) % 360, 0, 360) - 180,
  }));
  s.selected = whole(s.selected, -1, s.digits.length - 1);
  s.hide = [...new Set(s.hide.map(Number))].filter((i) => i >= 0 && i < patches).sort((a, b) => a - b);
  if (s.hide.length === patches) s.hide.pop(); // somebody has to be looked at
  return s;
}
