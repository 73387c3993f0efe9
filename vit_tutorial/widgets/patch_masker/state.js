/** What the figure shows, as plain data: it travels to Python and comes back. */
import { SAMPLINGS } from './masks.js';

export const SHOWS = ['painted', 'image', 'error'];
export const DEFAULTS = { image: null, hide: [], sampling: 'random', show: 'painted' };

const among = (x, known) => (known.includes(x) ? x : known[0]);

/** Any state -> one that can be shown. `pictures`: the names that `image` may have. */
export function fitted(wanted, { patches }, pictures) {
  const s = { ...DEFAULTS, ...wanted };
  s.image = among(s.image, pictures);
  s.sampling = among(s.sampling, SAMPLINGS);
  s.show = among(s.show, SHOWS);
  s.hide = [...new Set(s.hide.map(Number))].filter((i) => i >= 0 && i < patches).sort((a, b) => a - b);
  return s;
}
