/** The interventions of a forward pass, checked. */

const KNOWN = ['move', 'hide', 'positions', 'headsOff', 'temperature', 'scaleExponent'];

/** Options as the caller wrote them -> { source, hidden, positions, headsOff, factor }; throws on what the model cannot do. */
export function readOptions(options, { patches, depth, heads, headDim, prefix, average }) {
  for (const key in options) if (!KNOWN.includes(key)) throw new Error(`unknown option ${key}; known: ${KNOWN}`);
  const { move, hide = [], positions = true, headsOff = [], temperature = 1, scaleExponent = 0.5 } = options;
  const source = Array.from(move ?? Array(patches).keys(), Number), hidden = new Set(Array.from(hide, Number)), off = new Set(headsOff);
  if (source.length !== patches) throw new Error(`move has ${source.length} entries; the model has ${patches} patches`);
  for (const i of [...source, ...hidden]) if (!(i in source)) throw new Error(`there is no patch ${i}; they are 0 to ${patches - 1}`);
  if (hidden.size === patches && (average || !prefix)) throw new Error('all patches are hidden: leave at least one');
  const all = Array.from({ length: depth * heads }, (_, i) => `${(i / heads) | 0}.${i % heads}`);
  for (const name of off) if (!all.includes(name)) throw new Error(`there is no head ${name}; they are '0.0' to '${all.at(-1)}'`);
  const factor = 1 / (headDim ** scaleExponent * temperature);
  if (!(temperature > 0 && factor > 0 && factor < Infinity)) {
    throw new Error(`temperature ${temperature} must be above 0 and scaleExponent ${scaleExponent} a number`);
  }
  return { source, hidden, positions, headsOff: off, factor };
}
